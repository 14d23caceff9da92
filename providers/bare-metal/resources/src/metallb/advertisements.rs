//! From MetalLB's advertisements to ours.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::convert::{Equal, Source, metadata, renamed};
use super::kinds::{BGPAdvertisementSpec, Item, L2AdvertisementSpec};
use super::notes::{Note, Notes};
use super::selectors::any_of;
use crate::advertisement::{BgpRule, L2Rule};
use crate::community::Community;
use crate::fault::Fault;
use crate::kinds;
use crate::kinds::{BGPAdvertisement, L2Advertisement, OffSubnet, PreferredNodes};
use crate::selector::Selectors;

/// What an advertisement is about, where one of several selectors is enough.
struct About {
    pools: Vec<String>,
    pool_labels: Option<Selectors>,
    nodes: Selectors,
    services: Selectors,
}

/// The same with one selector each.
struct Part {
    pools: Vec<String>,
    pool_selector: Option<LabelSelector>,
    node_selector: Option<LabelSelector>,
    service_selector: Option<LabelSelector>,
}

impl About {
    fn read(
        pools: &[String],
        [pool_labels, nodes, services]: [&[LabelSelector]; 3],
        faults: &mut Vec<Fault>,
    ) -> Self {
        let field = "spec.ipAddressPoolSelectors";
        Self {
            pools: pools.to_vec(),
            pool_labels: (!pool_labels.is_empty()).then(|| any_of(field, pool_labels, faults)),
            nodes: any_of("spec.nodeSelectors", nodes, faults),
            services: any_of("spec.serviceSelectors", services, faults),
        }
    }

    /// Parts that together are about the same. Advertisements add to each other, so this loses nothing.
    fn parts(&self) -> Vec<Part> {
        let each = |selectors: &Selectors| -> Vec<Option<LabelSelector>> {
            match selectors.alternatives() {
                [] => vec![None],
                some => some.iter().map(|it| Some(it.clone().into())).collect(),
            }
        };
        let pools = match &self.pool_labels {
            None => vec![None],
            Some(all) if all.selects_all() => vec![Some(LabelSelector::default())],
            Some(some) => each(some),
        };
        let mut parts = Vec::new();
        for (at, pool_selector) in pools.iter().enumerate() {
            for node_selector in each(&self.nodes) {
                for service_selector in each(&self.services) {
                    parts.push(Part {
                        // Names stand beside a selector: once is enough.
                        pools: if at == 0 {
                            self.pools.clone()
                        } else {
                            Vec::new()
                        },
                        pool_selector: pool_selector.clone(),
                        node_selector: node_selector.clone(),
                        service_selector,
                    });
                }
            }
        }
        parts
    }
}

/// The same name for one, numbered names that nobody has for several.
fn numbered(of: &ObjectMeta, count: usize, taken: &mut BTreeSet<String>) -> Vec<ObjectMeta> {
    let whole = metadata(of);
    if count == 1 {
        return vec![whole];
    }
    let name = whole.name.clone().unwrap_or_default();
    let mut free = (1..)
        .map(|number| format!("{name}-{number}"))
        .filter(|it| taken.insert(it.clone()));
    let named = |name: Option<String>| ObjectMeta {
        name,
        ..whole.clone()
    };
    (0..count).map(|_| named(free.next())).collect()
}

const FIELDS: [(&str, &str); 3] = [
    ("spec.pools", "spec.ipAddressPools"),
    ("spec.preferredNodes", "spec.preferredNodeSelectors"),
    ("spec.serviceSelector", "spec.serviceSelectors"),
];

fn meaning<T>(parsed: Result<T, Vec<Fault>>, mut faults: Vec<Fault>) -> Result<T, Vec<Fault>> {
    match parsed {
        Ok(rule) if faults.is_empty() => Ok(rule),
        Ok(_) => Err(faults),
        Err(more) => {
            faults.extend(renamed(more, &FIELDS));
            Err(faults)
        }
    }
}

pub(super) fn l2(
    item: &Item<L2AdvertisementSpec>,
    taken: &mut BTreeSet<String>,
    notes: &mut Vec<Note>,
) -> Equal<L2Advertisement, L2Rule> {
    let spec = &item.spec;
    let source = Source::of("L2Advertisement", item);
    let mut notes = Notes {
        source: source.clone(),
        notes,
    };
    notes.unknown(&item.unknown);
    let mut faults = Vec::new();
    let about = About::read(
        &spec.ip_address_pools,
        [
            &spec.ip_address_pool_selectors,
            &spec.node_selectors,
            &spec.service_selectors,
        ],
        &mut faults,
    );
    let preferred = spec.preferred_node_selectors.iter();
    let common = kinds::L2AdvertisementSpec {
        pools: spec.ip_address_pools.clone(),
        interfaces: spec.interfaces.clone(),
        preferred_nodes: preferred
            .map(|it| PreferredNodes {
                weight: it.weight,
                selector: it.preference.clone(),
            })
            .collect(),
        // MetalLB's speakers answer for any address on any interface that is not excluded.
        off_subnet: OffSubnet::Allow,
        ..kinds::L2AdvertisementSpec::default()
    };
    let parts = about.parts();
    if parts.len() > 1 && !common.preferred_nodes.is_empty() {
        notes.writing(
            "spec.preferredNodeSelectors",
            "it becomes several advertisements, whose weights are added up",
            "a node that several of them select weighs more",
        );
    }
    let object = |metadata, spec| L2Advertisement {
        metadata,
        spec,
        status: None,
    };
    let parsed = L2Rule::parse(&object(item.metadata.clone(), common.clone()));
    let metadatas = numbered(&item.metadata, parts.len(), taken);
    let written = metadatas.into_iter().zip(parts).map(|(metadata, part)| {
        let spec = kinds::L2AdvertisementSpec {
            pools: part.pools,
            pool_selector: part.pool_selector,
            node_selector: part.node_selector,
            service_selector: part.service_selector,
            ..common.clone()
        };
        object(metadata, spec)
    });
    let written = written.collect();
    let mut meaning = meaning(parsed, faults);
    if let Ok(rule) = &mut meaning {
        rule.pools.labels = about.pool_labels;
        rule.nodes = about.nodes;
        rule.services = about.services;
    }
    Equal {
        source,
        metadata: item.metadata.clone(),
        meaning,
        written,
    }
}

pub(super) fn bgp(
    item: &Item<BGPAdvertisementSpec>,
    aliases: &BTreeMap<String, Community>,
    taken: &mut BTreeSet<String>,
    notes: &mut Vec<Note>,
) -> Equal<BGPAdvertisement, BgpRule> {
    let spec = &item.spec;
    let source = Source::of("BGPAdvertisement", item);
    let mut notes = Notes {
        source: source.clone(),
        notes,
    };
    notes.unknown(&item.unknown);
    let mut faults = Vec::new();
    let about = About::read(
        &spec.ip_address_pools,
        [
            &spec.ip_address_pool_selectors,
            &spec.node_selectors,
            &spec.service_selectors,
        ],
        &mut faults,
    );
    let default = kinds::BGPAdvertisementSpec::default();
    let common = kinds::BGPAdvertisementSpec {
        pools: spec.ip_address_pools.clone(),
        peers: spec.peers.clone(),
        aggregation_length: spec
            .aggregation_length
            .unwrap_or(default.aggregation_length),
        aggregation_length_v6: spec
            .aggregation_length_v6
            .unwrap_or(default.aggregation_length_v6),
        local_pref: (spec.local_pref != 0).then_some(spec.local_pref),
        communities: communities(&spec.communities, aliases),
        ..default
    };
    let parts = about.parts();
    let object = |metadata, spec| BGPAdvertisement {
        metadata,
        spec,
        status: None,
    };
    // The rule between aggregates and Services looks at whether there is a selector.
    let judged = kinds::BGPAdvertisementSpec {
        service_selector: parts[0].service_selector.clone(),
        ..common.clone()
    };
    let parsed = BgpRule::parse(&object(item.metadata.clone(), judged));
    let metadatas = numbered(&item.metadata, parts.len(), taken);
    let written = metadatas.into_iter().zip(parts).map(|(metadata, part)| {
        let spec = kinds::BGPAdvertisementSpec {
            pools: part.pools,
            pool_selector: part.pool_selector,
            node_selector: part.node_selector,
            service_selector: part.service_selector,
            ..common.clone()
        };
        object(metadata, spec)
    });
    let written = written.collect();
    let mut meaning = meaning(parsed, faults);
    if let Ok(rule) = &mut meaning {
        rule.pools.labels = about.pool_labels;
        rule.nodes = about.nodes;
        rule.services = about.services;
    }
    Equal {
        source,
        metadata: item.metadata.clone(),
        meaning,
        written,
    }
}

/// As numbers, each once. What is neither a number nor an alias stays, and is told of when it is parsed.
fn communities(written: &[String], aliases: &BTreeMap<String, Community>) -> Vec<String> {
    let mut all = Vec::new();
    for text in written {
        let text = match aliases.get(text) {
            Some(community) => community.to_string(),
            None => text.clone(),
        };
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}
