//! From an `AddressPool` to a pool that can be given from.

use std::time::Duration;

use crate::fault::Fault;
use crate::kinds::{AddressPool, AddressPoolSpec, Allocation, Sharing};
use crate::names::at_most;
use crate::range::{AddressRange, Entry};
use crate::selector::Selectors;
use crate::set::AddressSet;
use crate::time;
use crate::usable::{Usable, network_and_broadcast};

/// The longest `reuseAfter`: a week.
const LONGEST_REST: Duration = Duration::from_hours(168);

/// Addresses that may be given, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The addresses that may be given, without exclusions and what is skipped.
    pub usable: Usable,
    /// Who may get one.
    pub allocation: Allocation,
    /// The lowest of several pools is taken first.
    pub priority: i32,
    /// The namespaces whose Services may get one, by their labels.
    pub namespaces: Selectors,
    /// The Services that may get one, by their labels.
    pub services: Selectors,
    /// How long an address rests between its release and the next Service.
    pub reuse_after: Duration,
    /// Who may share one.
    pub sharing: Sharing,
}

impl Pool {
    /// Judges a pool by itself: how it lies beside others is not its own fault. All faults at once.
    pub fn parse(object: &AddressPool) -> Result<Self, Vec<Fault>> {
        let spec = &object.spec;
        let mut faults = Vec::new();
        let usable = addresses(spec, &mut faults);
        if !(0..=1_000_000).contains(&spec.priority) {
            let message = format!("{} is not between 0 and 1000000", spec.priority);
            faults.push(Fault::new("spec.priority", message));
        }
        let pool = Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            usable,
            allocation: spec.allocation,
            priority: spec.priority,
            namespaces: Selectors::parse(
                "spec.namespaceSelector",
                spec.namespace_selector.as_ref(),
                &mut faults,
            ),
            services: Selectors::parse(
                "spec.serviceSelector",
                spec.service_selector.as_ref(),
                &mut faults,
            ),
            reuse_after: reuse_after(&spec.reuse_after, &mut faults),
            sharing: spec.sharing,
        };
        if faults.is_empty() {
            Ok(pool)
        } else {
            Err(faults)
        }
    }
}

fn reuse_after(text: &str, faults: &mut Vec<Fault>) -> Duration {
    match time::duration(text) {
        Some(rest) if rest <= LONGEST_REST => rest,
        Some(_) => {
            let message = format!("{text} is more than 168h, which is a week");
            faults.push(Fault::new("spec.reuseAfter", message));
            LONGEST_REST
        }
        None => {
            let message = format!("'{text}' is no duration");
            faults.push(Fault::new("spec.reuseAfter", message).hint(time::FORM));
            Duration::ZERO
        }
    }
}

/// The items of a list that are addresses, each with its place in the list.
fn entries(field: &str, texts: &[String], faults: &mut Vec<Fault>) -> Vec<(usize, Entry)> {
    at_most(field, 1000, texts.len(), faults);
    let mut entries = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(entry) => entries.push((at, entry)),
            Err(error) => faults.push(Fault::entry(format!("{field}[{at}]"), &error)),
        }
    }
    entries
}

fn addresses(spec: &AddressPoolSpec, faults: &mut Vec<Fault>) -> Usable {
    let before = faults.len();
    let written = entries("spec.addresses", &spec.addresses, faults);
    if spec.addresses.is_empty() {
        faults.push(Fault::new("spec.addresses", "a pool needs addresses"));
    }
    overlaps(&written, faults);
    let all: AddressSet = written.iter().map(|(_, entry)| entry.range()).collect();
    let all = Usable::new(&all, spec.skip_network_and_broadcast);
    let excluded = entries("spec.exclude", &spec.exclude, faults);
    if faults.len() > before {
        return all;
    }
    for (at, entry) in &excluded {
        if all.ranges().overlap(&entry.range().into()).is_none() {
            let message = format!("{entry} is in none of the addresses, so it excludes nothing");
            faults.push(Fault::new(format!("spec.exclude[{at}]"), message));
        }
    }
    let excluded: AddressSet = excluded.iter().map(|(_, entry)| entry.range()).collect();
    let left = all.ranges().subtract(&excluded);
    if left.is_empty() {
        let message = "everything is excluded, so that no address is left";
        faults.push(Fault::new("spec.exclude", message));
        return all;
    }
    let usable = if spec.skip_network_and_broadcast {
        let networks = written.iter().filter_map(|(_, entry)| match entry {
            Entry::Network(network) => network_and_broadcast(*network),
            Entry::Range(_) | Entry::Address(_) => None,
        });
        let ends: AddressSet = networks.flatten().map(AddressRange::from).collect();
        Usable::new(&left.subtract(&ends), true)
    } else {
        Usable::new(&left, false)
    };
    if usable.is_empty() {
        let message = "it skips all addresses that are left";
        faults.push(Fault::new("spec.skipNetworkAndBroadcast", message));
    }
    usable
}

/// Items that have an address in common: the one that comes later in the list is at fault.
fn overlaps(entries: &[(usize, Entry)], faults: &mut Vec<Fault>) {
    let mut sorted: Vec<_> = entries
        .iter()
        .map(|(at, it)| (it.range(), *at, it))
        .collect();
    sorted.sort_unstable_by_key(|(range, at, _)| (*range, *at));
    let mut farthest: Option<(AddressRange, usize, &Entry)> = None;
    let mut found = Vec::new();
    for item in sorted {
        if let Some(other) = farthest
            && other.0.overlap(&item.0).is_some()
        {
            let (first, second) = if other.1 < item.1 {
                (other, item)
            } else {
                (item, other)
            };
            let message = format!(
                "{} overlaps spec.addresses[{}] ({})",
                second.2, first.1, first.2
            );
            found.push((
                second.1,
                Fault::new(format!("spec.addresses[{}]", second.1), message),
            ));
        }
        if farthest.is_none_or(|it| it.0.last() < item.0.last()) {
            farthest = Some(item);
        }
    }
    found.sort_by_key(|(at, _)| *at);
    faults.extend(found.into_iter().map(|(_, fault)| fault));
}
