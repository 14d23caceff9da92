//! All of MetalLB's objects at once: some name others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::kinds::{BFDProfileSpec, CommunitySpec, Item, Object};
use super::notes::{Note, Notes};
use super::{advertisements, peers, pools};
use crate::advertisement::{BgpRule, L2Rule};
use crate::community::Community;
use crate::fault::Fault;
use crate::kinds::{AddressPool, BGPAdvertisement, BGPPeer, L2Advertisement};
use crate::peer::Peer;
use crate::pool::Pool;

/// Names an object of MetalLB's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; empty where it says none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Source {
    pub(super) fn of<S>(kind: &'static str, item: &Item<S>) -> Self {
        let metadata = item.metadata.clone();
        Self {
            kind,
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// What an object of MetalLB's is equal to.
#[derive(Debug, Clone, PartialEq)]
pub struct Equal<O, P> {
    /// MetalLB's object.
    pub source: Source,
    /// Its own metadata, as it was read.
    pub metadata: ObjectMeta,
    /// What it means here, or every reason why it means nothing, by the fields that it has itself.
    pub meaning: Result<P, Vec<Fault>>,
    /// The objects to write in its place: one, or several where MetalLB has a list of alternatives.
    pub written: Vec<O>,
}

/// What a set of MetalLB's objects becomes. In the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Converted {
    /// From each `IPAddressPool`.
    pub pools: Vec<Equal<AddressPool, Pool>>,
    /// From each `L2Advertisement`.
    pub l2_advertisements: Vec<Equal<L2Advertisement, L2Rule>>,
    /// From each `BGPAdvertisement`.
    pub bgp_advertisements: Vec<Equal<BGPAdvertisement, BgpRule>>,
    /// From each `BGPPeer` that can be had here.
    pub peers: Vec<Equal<BGPPeer, Peer>>,
    /// What could not be carried over.
    pub notes: Vec<Note>,
}

/// What these objects mean here. They are all that there is: an alias or a profile that none of them
/// defines does not exist. Order does not matter.
#[must_use]
pub fn convert(objects: &[Object]) -> Converted {
    let mut all = Sorted::default();
    for object in objects {
        match object {
            Object::Pool(it) => all.pools.push(it),
            Object::L2Advertisement(it) => all.l2.push(it),
            Object::BGPAdvertisement(it) => all.bgp.push(it),
            Object::Peer(it) => all.peers.push(it),
            Object::BFDProfile(it) => all.profiles.push(it),
            Object::Community(it) => all.communities.push(it),
        }
    }
    all.sort();
    let mut notes = Vec::new();
    let aliases = aliases(&all.communities, &mut notes);
    let profiles = profiles(&all.profiles, &mut notes);
    let pinned = all
        .pools
        .iter()
        .any(|it| it.spec.service_allocation.is_some());
    let converted = Converted {
        pools: {
            let pools = all.pools.iter();
            pools
                .map(|it| pools::convert(it, pinned, &mut notes))
                .collect()
        },
        l2_advertisements: {
            let mut names = names(&all.l2);
            let each = all.l2.iter();
            each.map(|it| advertisements::l2(it, &mut names, &mut notes))
                .collect()
        },
        bgp_advertisements: {
            let mut names = names(&all.bgp);
            let each = all.bgp.iter();
            each.map(|it| advertisements::bgp(it, &aliases, &mut names, &mut notes))
                .collect()
        },
        peers: {
            let each = all.peers.iter();
            each.filter_map(|it| peers::convert(it, &profiles, &mut notes))
                .collect()
        },
        notes: Vec::new(),
    };
    notes.sort();
    Converted { notes, ..converted }
}

#[derive(Default)]
struct Sorted<'a> {
    pools: Vec<&'a Item<super::IPAddressPoolSpec>>,
    l2: Vec<&'a Item<super::L2AdvertisementSpec>>,
    bgp: Vec<&'a Item<super::BGPAdvertisementSpec>>,
    peers: Vec<&'a Item<super::BGPPeerSpec>>,
    profiles: Vec<&'a Item<BFDProfileSpec>>,
    communities: Vec<&'a Item<CommunitySpec>>,
}

impl Sorted<'_> {
    fn sort(&mut self) {
        fn by_name<S>(items: &mut [&Item<S>]) {
            items.sort_by(|one, another| key(one).cmp(&key(another)));
        }
        fn key<S>(item: &Item<S>) -> (&Option<String>, &Option<String>) {
            (&item.metadata.name, &item.metadata.namespace)
        }
        by_name(&mut self.pools);
        by_name(&mut self.l2);
        by_name(&mut self.bgp);
        by_name(&mut self.peers);
        by_name(&mut self.profiles);
        by_name(&mut self.communities);
    }
}

fn names<S>(items: &[&Item<S>]) -> BTreeSet<String> {
    let names = items.iter().map(|it| it.metadata.name.clone());
    names.flatten().collect()
}

/// Metadata for an object in place of another one.
pub(super) fn metadata(of: &ObjectMeta) -> ObjectMeta {
    let annotations = of.annotations.clone().unwrap_or_default();
    let ours = annotations
        .into_iter()
        .filter(|(key, _)| key.starts_with("landfall.dev/"));
    let ours: BTreeMap<_, _> = ours.collect();
    ObjectMeta {
        name: of.name.clone(),
        labels: of.labels.clone(),
        annotations: (!ours.is_empty()).then_some(ours),
        ..ObjectMeta::default()
    }
}

/// Faults by the fields of MetalLB's object: what ours begins with, and what it is called there.
pub(super) fn renamed(faults: Vec<Fault>, fields: &[(&str, &str)]) -> Vec<Fault> {
    let rename = |fault: Fault| {
        let found = fields.iter().find_map(|(ours, theirs)| {
            let rest = fault.field.strip_prefix(ours)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{theirs}{rest}"))
        });
        Fault {
            field: found.unwrap_or_else(|| fault.field.clone()),
            ..fault
        }
    };
    faults.into_iter().map(rename).collect()
}

fn aliases(
    communities: &[&Item<CommunitySpec>],
    all: &mut Vec<Note>,
) -> BTreeMap<String, Community> {
    let mut aliases = BTreeMap::new();
    for item in communities {
        let source = Source::of("Community", item);
        let mut notes = Notes { source, notes: all };
        notes.unknown(&item.unknown);
        for (at, alias) in item.spec.communities.iter().enumerate() {
            let field = format!("spec.communities[{at}]");
            match alias.value.parse::<Community>() {
                Err(error) => {
                    notes.meaning(&field, error.to_string(), "the name stands for nothing");
                }
                Ok(value) if aliases.get(&alias.name).is_some_and(|it| *it != value) => {
                    let message =
                        format!("the name {} stands for something else already", alias.name);
                    notes.meaning(&field, message, "the first counts");
                }
                Ok(value) => {
                    aliases.insert(alias.name.clone(), value);
                }
            }
        }
    }
    aliases
}

fn profiles<'a>(
    profiles: &[&'a Item<BFDProfileSpec>],
    all: &mut Vec<Note>,
) -> BTreeMap<&'a str, &'a BFDProfileSpec> {
    for item in profiles {
        let source = Source::of("BFDProfile", item);
        let mut notes = Notes { source, notes: all };
        notes.unknown(&item.unknown);
        if item.spec.echo_mode == Some(true) {
            let message = "there is no echo mode (RFC 5880 §6.4)";
            let instead = "the router is watched by control packets alone, at receiveInterval";
            notes.meaning("spec.echoMode", message, instead);
        }
    }
    let named = profiles
        .iter()
        .filter_map(|it| Some((it.metadata.name.as_deref()?, &it.spec)));
    named.collect()
}
