//! From advertisements to rules: which addresses, by which nodes, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::community::Community;
use crate::fault::Fault;
use crate::kinds::{
    BGPAdvertisement, BGPAdvertisementSpec, L2Advertisement, NextHop, OffSubnet, Probe,
    ServiceAttribute,
};
use crate::names::{at_most, is_alias, none_twice, object_names};
use crate::reservation::host_address;
use crate::selector::Selectors;

/// The pools that an advertisement is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pools {
    /// Those of these names.
    pub names: BTreeSet<String>,
    /// And those with such labels, if it says so.
    pub labels: Option<Selectors>,
}

impl Pools {
    /// Whether a pool is one of them. All are, where neither names nor labels are given.
    pub fn has(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        match &self.labels {
            None if self.names.is_empty() => true,
            Some(wanted) if wanted.matches(labels) => true,
            _ => self.names.contains(name),
        }
    }

    fn parse(names: &[String], labels: Option<&LabelSelector>, faults: &mut Vec<Fault>) -> Self {
        object_names("spec.pools", names, faults);
        Self {
            names: names.iter().cloned().collect(),
            labels: labels.map(|it| Selectors::parse("spec.poolSelector", Some(it), faults)),
        }
    }
}

/// An `L2Advertisement`, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L2Rule {
    /// Whose addresses are announced.
    pub pools: Pools,
    /// Of those, the addresses of which Services.
    pub services: Selectors,
    /// The nodes that announce.
    pub nodes: Selectors,
    /// The interfaces that they do it on; empty: all that have the address's subnet.
    pub interfaces: Vec<InterfacePattern>,
    /// Weights, and the nodes that have them.
    pub preferred: Vec<(u8, Selectors)>,
    /// Whether a node needs the address's subnet.
    pub off_subnet: OffSubnet,
    /// How long to listen first.
    pub probe: Probe,
}

impl L2Rule {
    /// Judges an advertisement. All faults at once.
    pub fn parse(object: &L2Advertisement) -> Result<Self, Vec<Fault>> {
        let spec = &object.spec;
        let mut faults = Vec::new();
        let mut interfaces = Vec::new();
        for (at, text) in spec.interfaces.iter().enumerate() {
            match InterfacePattern::parse(text) {
                Some(pattern) => interfaces.push(pattern),
                None => faults.push(no_interface(format!("spec.interfaces[{at}]"), text)),
            }
        }
        none_twice("spec.interfaces", &spec.interfaces, &mut faults);
        at_most("spec.interfaces", 64, spec.interfaces.len(), &mut faults);
        let preferences = spec.preferred_nodes.len();
        at_most("spec.preferredNodes", 32, preferences, &mut faults);
        let mut preferred = Vec::new();
        for (at, item) in spec.preferred_nodes.iter().enumerate() {
            let field = format!("spec.preferredNodes[{at}]");
            match u8::try_from(item.weight) {
                Ok(weight @ 1..=100) => {
                    let field = format!("{field}.selector");
                    let nodes = Selectors::parse(&field, Some(&item.selector), &mut faults);
                    preferred.push((weight, nodes));
                }
                _ => faults.push(out_of(
                    format!("{field}.weight"),
                    item.weight.into(),
                    1,
                    100,
                )),
            }
        }
        let rule = Self {
            pools: Pools::parse(&spec.pools, spec.pool_selector.as_ref(), &mut faults),
            services: Selectors::parse(
                "spec.serviceSelector",
                spec.service_selector.as_ref(),
                &mut faults,
            ),
            nodes: Selectors::parse(
                "spec.nodeSelector",
                spec.node_selector.as_ref(),
                &mut faults,
            ),
            interfaces,
            preferred,
            off_subnet: spec.off_subnet,
            probe: spec.probe,
        };
        faults.is_empty().then_some(rule).ok_or(faults)
    }
}

/// A name of an interface, in which `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfacePattern(String);

impl InterfacePattern {
    fn parse(text: &str) -> Option<Self> {
        let fits = |it: char| !it.is_whitespace() && !matches!(it, '/' | ':' | '%');
        let fine = !text.is_empty() && text.len() <= 31 && text.chars().all(fits);
        fine.then(|| Self(text.to_owned()))
    }

    /// Whether an interface of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where the last * stands, and what it has taken so far.
        let mut star = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(it) if *it == b'?' || *it == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        n = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|it| *it == b'*')
    }
}

pub(crate) fn no_interface(field: String, text: &str) -> Fault {
    Fault::new(field, format!("'{text}' is no name of an interface"))
}

pub(crate) fn out_of(field: impl Into<String>, number: i64, least: i64, most: i64) -> Fault {
    Fault::new(field, format!("{number} is not between {least} and {most}"))
}

/// A `BGPAdvertisement`, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BgpRule {
    /// Whose addresses are announced.
    pub pools: Pools,
    /// Of those, the addresses of which Services.
    pub services: Selectors,
    /// The nodes that announce.
    pub nodes: Selectors,
    /// The names of the peers that they announce to; empty: all.
    pub peers: BTreeSet<String>,
    /// The prefix length of IPv4 routes.
    pub aggregation_length: u8,
    /// The prefix length of IPv6 routes.
    pub aggregation_length_v6: u8,
    /// `LOCAL_PREF` towards internal peers.
    pub local_pref: Option<u32>,
    /// `MULTI_EXIT_DISC`.
    pub med: Option<u32>,
    /// How many more times our ASN stands in `AS_PATH`.
    pub as_path_prepend: u8,
    /// Communities of the routes.
    pub communities: BTreeSet<Community>,
    /// Names for communities, that Services may use.
    pub community_aliases: BTreeMap<String, Community>,
    /// `NEXT_HOP` of IPv4 routes; None: the node's own address.
    pub next_hop_v4: Option<Ipv4Addr>,
    /// The next hop of IPv6 routes; None: the node's own address.
    pub next_hop_v6: Option<Ipv6Addr>,
    /// What Services may set for themselves.
    pub service_attributes: Vec<ServiceAttribute>,
}

impl BgpRule {
    /// Judges an advertisement. All faults at once.
    pub fn parse(object: &BGPAdvertisement) -> Result<Self, Vec<Fault>> {
        let spec = &object.spec;
        let mut faults = Vec::new();
        let faults = &mut faults;
        let (next_hop_v4, next_hop_v6) = next_hops(spec.next_hop.as_ref(), faults);
        let (communities, community_aliases) = communities(spec, faults);
        object_names("spec.peers", &spec.peers, faults);
        none_twice("spec.serviceAttributes", &spec.service_attributes, faults);
        let mut number = |field: &str, number: i64, least: i64, most: i64| {
            if !(least..=most).contains(&number) {
                faults.push(out_of(format!("spec.{field}"), number, least, most));
            }
            number
        };
        let all = i64::from(u32::MAX);
        let length = number("aggregationLength", spec.aggregation_length.into(), 1, 32);
        let length_v6 = number(
            "aggregationLengthV6",
            spec.aggregation_length_v6.into(),
            1,
            128,
        );
        let local_pref = spec.local_pref.map(|it| number("localPref", it, 0, all));
        let med = spec.med.map(|it| number("med", it, 0, all));
        let prepend = number("asPathPrepend", spec.as_path_prepend.into(), 0, 32);
        let services = Selectors::parse(
            "spec.serviceSelector",
            spec.service_selector.as_ref(),
            faults,
        );
        if spec.service_selector.is_some() && (length, length_v6) != (32, 128) {
            faults.push(Fault::new(
                "spec.serviceSelector",
                "an aggregate is announced for all its addresses: serviceSelector goes with the default aggregation lengths only",
            ));
        }
        let rule = Self {
            pools: Pools::parse(&spec.pools, spec.pool_selector.as_ref(), faults),
            services,
            nodes: Selectors::parse("spec.nodeSelector", spec.node_selector.as_ref(), faults),
            peers: spec.peers.iter().cloned().collect(),
            aggregation_length: u8::try_from(length).unwrap_or(32),
            aggregation_length_v6: u8::try_from(length_v6).unwrap_or(128),
            local_pref: local_pref.and_then(|it| it.try_into().ok()),
            med: med.and_then(|it| it.try_into().ok()),
            as_path_prepend: u8::try_from(prepend).unwrap_or(0),
            communities,
            community_aliases,
            next_hop_v4,
            next_hop_v6,
            service_attributes: spec.service_attributes.clone(),
        };
        if faults.is_empty() {
            Ok(rule)
        } else {
            Err(std::mem::take(faults))
        }
    }
}

fn communities(
    spec: &BGPAdvertisementSpec,
    faults: &mut Vec<Fault>,
) -> (BTreeSet<Community>, BTreeMap<String, Community>) {
    let mut aliases = BTreeMap::new();
    for (name, text) in &spec.community_aliases {
        if !is_alias(name) {
            let message = format!("'{name}' is no name for a community");
            let hint = "lower-case letters, digits, - and ., a letter first";
            faults.push(Fault::new("spec.communityAliases", message).hint(hint));
            continue;
        }
        let field = format!("spec.communityAliases.{name}");
        if Community::is_well_known(name) {
            let message = "the name means something to everybody; choose another";
            faults.push(Fault::new(field, message));
            continue;
        }
        match text.parse::<Community>() {
            Ok(community) => drop(aliases.insert(name.clone(), community)),
            Err(error) => faults.push(Fault::new(field, error.to_string())),
        }
    }
    none_twice("spec.communities", &spec.communities, faults);
    at_most("spec.communities", 63, spec.communities.len(), faults);
    let names = spec.community_aliases.len();
    at_most("spec.communityAliases", 256, names, faults);
    let mut communities = BTreeSet::new();
    for (at, text) in spec.communities.iter().enumerate() {
        match Community::parse(text, &aliases) {
            Ok(community) => drop(communities.insert(community)),
            Err(error) => {
                let fault = Fault::new(format!("spec.communities[{at}]"), error.to_string());
                let hint = if text.contains(':') {
                    "two numbers are at most 65535, three after large: at most 4294967295"
                } else {
                    "a name needs a line in communityAliases"
                };
                faults.push(fault.hint(hint));
            }
        }
    }
    (communities, aliases)
}

fn next_hops(
    written: Option<&NextHop>,
    faults: &mut Vec<Fault>,
) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    let Some(written) = written else {
        return (None, None);
    };
    if written.ipv4.is_none() && written.ipv6.is_none() {
        faults.push(Fault::new(
            "spec.nextHop",
            "name an address in ipv4, in ipv6 or in both; leave nextHop out for the node's own",
        ));
    }
    let mut read = |field: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        let is_ipv4 = field == "ipv4";
        let field = format!("spec.nextHop.{field}");
        let read = host_address(&field, text).and_then(|it| {
            let family = if is_ipv4 { "IPv4" } else { "IPv6" };
            let wrong = || Fault::new(&field, format!("{text} is no {family} address"));
            (it.is_ipv4() == is_ipv4).then_some(it).ok_or_else(wrong)
        });
        read.map_err(|fault| faults.push(fault)).ok()
    };
    let ipv4 = match read("ipv4", &written.ipv4) {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    };
    let ipv6 = match read("ipv6", &written.ipv6) {
        Some(IpAddr::V6(address)) => Some(address),
        _ => None,
    };
    (ipv4, ipv6)
}
