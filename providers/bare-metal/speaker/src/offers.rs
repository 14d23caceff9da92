//! What advertisements say of a prefix, and what comes of it for one router.

use std::collections::BTreeSet;
use std::sync::Arc;

use landfall_bare_metal_bgp::{Attributes, MOST_COMMUNITIES};
use landfall_bare_metal_resources::{BgpRule, Community, RouteRequest};

/// A prefix as one advertisement has it announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The advertisement. Where several say something else of one prefix, that of the least name counts.
    pub(crate) advertisement: Arc<str>,
    /// The names of the routers that are told; empty: all.
    pub(crate) peers: BTreeSet<String>,
    /// What they are told.
    pub(crate) attributes: Arc<Attributes>,
}

impl Offer {
    /// What an advertisement says of all its prefixes, or of those of a Service that asks for more.
    pub(crate) fn new(advertisement: Arc<str>, rule: &BgpRule, asked: &RouteRequest) -> Self {
        let asked = asked.within(&rule.service_attributes);
        let (more, _) = asked.communities(&rule.community_aliases);
        let mut attributes = Attributes {
            local_pref: asked.local_pref.or(rule.local_pref),
            med: asked.med.or(rule.med),
            prepend: asked.as_path_prepend.unwrap_or(rule.as_path_prepend),
            next_hop_v4: rule.next_hop_v4,
            next_hop_v6: rule.next_hop_v6,
            ..Attributes::default()
        };
        for community in rule.communities.iter().chain(&more) {
            match community {
                Community::Standard(high, low) => {
                    let number = u32::from(*high) << 16 | u32::from(*low);
                    attributes.communities.push(number);
                }
                Community::Large(a, b, c) => attributes.large_communities.push([*a, *b, *c]),
            }
        }
        in_order(&mut attributes);
        Self {
            advertisement,
            peers: rule.peers.clone(),
            attributes: Arc::new(attributes),
        }
    }

    fn is_for(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.contains(peer)
    }
}

fn in_order(attributes: &mut Attributes) {
    attributes.communities.sort_unstable();
    attributes.communities.dedup();
    attributes.communities.truncate(MOST_COMMUNITIES);
    attributes.large_communities.sort_unstable();
    attributes.large_communities.dedup();
    attributes.large_communities.truncate(MOST_COMMUNITIES / 3);
}

/// What a router is told of a prefix with these offers; None: nothing, none is for it. Communities are
/// joined; of everything else what the first offer says counts, and the offers are in the order of their
/// advertisements' names.
pub(crate) fn told(offers: &[Arc<Offer>], peer: &str) -> Option<Arc<Attributes>> {
    let mut meant = offers.iter().filter(|it| it.is_for(peer));
    let first = meant.next()?;
    let mut rest = meant.peekable();
    if rest.peek().is_none() {
        return Some(first.attributes.clone());
    }
    let mut joined = (*first.attributes).clone();
    for offer in rest {
        let more = &*offer.attributes;
        joined.local_pref = joined.local_pref.or(more.local_pref);
        joined.med = joined.med.or(more.med);
        if joined.prepend == 0 {
            joined.prepend = more.prepend;
        }
        joined.next_hop_v4 = joined.next_hop_v4.or(more.next_hop_v4);
        joined.next_hop_v6 = joined.next_hop_v6.or(more.next_hop_v6);
        joined.communities.extend(&more.communities);
        joined.large_communities.extend(&more.large_communities);
    }
    in_order(&mut joined);
    Some(Arc::new(joined))
}
