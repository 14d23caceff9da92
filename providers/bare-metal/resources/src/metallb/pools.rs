//! From `IPAddressPool` to `AddressPool`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::convert::{Equal, Source, metadata};
use super::kinds::{IPAddressPoolSpec, Item};
use super::notes::{Note, Notes};
use super::selectors::{any_of, first, namespaces};
use crate::kinds::{AddressPool, AddressPoolSpec, Allocation, Sharing};
use crate::pool::Pool;
use crate::range::AddressRange;
use crate::selector::Selectors;

/// Where no pool has `serviceAllocation`, all have our default. Where some have, they come before those
/// without, the lowest number first and 0 last.
const DEFAULT: i32 = 100;
const WITHOUT: i32 = 1_000_000;
const LAST_WITH: i32 = WITHOUT - 1;

const ALLOCATION: &str = "spec.serviceAllocation";

/// `pinned`: whether any pool at all has `serviceAllocation`.
pub(super) fn convert(
    item: &Item<IPAddressPoolSpec>,
    pinned: bool,
    notes: &mut Vec<Note>,
) -> Equal<AddressPool, Pool> {
    let spec = &item.spec;
    let source = Source::of("IPAddressPool", item);
    let mut notes = Notes {
        source: source.clone(),
        notes,
    };
    notes.unknown(&item.unknown);
    let mut faults = Vec::new();
    let (priority, who, which) = match &spec.service_allocation {
        None if pinned => (WITHOUT, Selectors::everything(), Selectors::everything()),
        None => (DEFAULT, Selectors::everything(), Selectors::everything()),
        Some(allocation) => (
            priority(allocation.priority, &mut notes),
            namespaces(
                ALLOCATION,
                &allocation.namespaces,
                &allocation.namespace_selectors,
                &mut faults,
            ),
            any_of(
                &format!("{ALLOCATION}.serviceSelectors"),
                &allocation.service_selectors,
                &mut faults,
            ),
        ),
    };
    for (field, selectors) in [("namespaceSelectors", &who), ("serviceSelectors", &which)] {
        if selectors.alternatives().len() > 1 {
            notes.writing(
                &format!("{ALLOCATION}.{field}"),
                "an AddressPool cannot say that one of several selectors is enough",
                "only the first is written, which lets in fewer; give all that are meant one label",
            );
        }
    }
    let addresses = spec.addresses.iter();
    let object = AddressPool {
        metadata: metadata(&item.metadata),
        spec: AddressPoolSpec {
            addresses: addresses
                .map(|it| address(it, spec.avoid_buggy_ips))
                .collect(),
            allocation: match spec.auto_assign {
                Some(false) => Allocation::OnRequest,
                Some(true) | None => Allocation::Automatic,
            },
            priority,
            namespace_selector: first(&who),
            service_selector: first(&which),
            skip_network_and_broadcast: spec.avoid_buggy_ips,
            reuse_after: "0s".to_owned(),
            sharing: Sharing::AnyNamespace,
            ..AddressPoolSpec::default()
        },
        status: None,
    };
    let meaning = match Pool::parse(&object) {
        Ok(pool) if faults.is_empty() => Ok(Pool {
            namespaces: who,
            services: which,
            ..pool
        }),
        Ok(_) => Err(faults),
        Err(more) => Err(more.into_iter().chain(faults).collect()),
    };
    Equal {
        source,
        metadata: item.metadata.clone(),
        meaning,
        written: vec![object],
    }
}

fn priority(written: i64, notes: &mut Notes<'_>) -> i32 {
    let field = "spec.serviceAllocation.priority";
    match i32::try_from(written) {
        Ok(0) => LAST_WITH,
        Ok(priority @ 1..LAST_WITH) => priority,
        _ if written < 0 => {
            notes.meaning(
                field,
                "priorities begin at 0 here",
                "0 is taken, the highest",
            );
            0
        }
        _ => {
            let message = "so high a number has no room before pools without serviceAllocation";
            notes.meaning(field, message, "it comes last of those with it");
            LAST_WITH
        }
    }
}

/// The same addresses as we write them: without spaces, without host bits, which MetalLB passes over, and
/// IPv4 by itself. With `whole`, a network becomes a range where its ends are as good as the rest: only
/// addresses that end in .0 or .255 are to be skipped. What is no address stays as it is, and is told of
/// when the pool is parsed.
fn address(text: &str, whole: bool) -> String {
    let text = text.trim();
    let read = if let Some((first, last)) = text.split_once('-') {
        one(first)
            .zip(one(last))
            .map(|(first, last)| format!("{first}-{last}"))
    } else if text.contains('/') {
        network(text).map(|network| match network {
            IpNet::V4(it) if whole && (25..=30).contains(&it.prefix_len()) => {
                let range = AddressRange::from(network);
                format!("{}-{}", range.first(), range.last())
            }
            _ => network.to_string(),
        })
    } else {
        one(text).map(|address| address.to_string())
    };
    read.unwrap_or_else(|| text.to_owned())
}

fn one(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(address.to_canonical())
}

fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text.parse().ok()?;
    match (network.addr().to_canonical(), network.prefix_len()) {
        (address @ IpAddr::V4(_), length) if network.addr().is_ipv6() => {
            Some(IpNet::new(address, length.checked_sub(96)?).ok()?.trunc())
        }
        _ => Some(network.trunc()),
    }
}
