//! Who is to be registered in a target group: nodes at their node ports, or pods. Pure; what AWS says of the
//! nodes' instances is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use landfall_provider_api::{Endpoint, Family, LoadBalancer, Node};

use crate::asked::{AskedPort, TargetType};
use crate::calls::{Instance, Target};
use crate::surroundings::Known;

/// The id in `spec.providerID`: `aws:///eu-west-1a/i-0123456789abcdef0`.
pub(crate) fn instance_id(node: &Node) -> Result<String, String> {
    let name = &node.name;
    let Some(provider_id) = &node.provider_id else {
        return Err(format!("{name} has no spec.providerID yet"));
    };
    let id = provider_id
        .strip_prefix("aws://")
        .and_then(|it| it.rsplit('/').next());
    let id = id.filter(|it| it.starts_with("i-") && it.len() > 2);
    id.map(str::to_owned)
        .ok_or_else(|| format!("the spec.providerID of {name}, {provider_id}, names no instance"))
}

/// Nodes that may be registered, and what stands against the others.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Ids of instances, by name of the node.
    pub(crate) ids: BTreeMap<String, String>,
    /// Who is left out, and why.
    pub(crate) left_out: Vec<String>,
}

/// Which of the nodes with these labels are instances, by what they say themselves.
pub(crate) fn nodes(of: &[Node], labels: &BTreeMap<String, String>) -> Nodes {
    let mut nodes = Nodes::default();
    let has = |node: &&Node| {
        labels
            .iter()
            .all(|(key, value)| node.labels.get(key) == Some(value))
    };
    for node in of.iter().filter(has) {
        match instance_id(node) {
            Ok(id) => {
                nodes.ids.insert(node.name.clone(), id);
            }
            Err(why) => nodes.left_out.push(why),
        }
    }
    nodes
}

impl Nodes {
    /// Leaves out those that AWS does not know, or cannot send to from this VPC.
    pub(crate) fn check(&mut self, known: &BTreeMap<String, Known>, vpc: &str) {
        let left_out = &mut self.left_out;
        self.ids.retain(|name, id| {
            let why = match known.get(id) {
                Some(Known::Instance(instance)) => unfit(instance, vpc),
                Some(Known::Unknown) => Some("AWS knows no such instance".to_owned()),
                None => None,
            };
            if let Some(why) = &why {
                left_out.push(format!("{name} ({id}): {why}"));
            }
            why.is_none()
        });
    }
}

fn unfit(instance: &Instance, vpc: &str) -> Option<String> {
    match (&*instance.state, &instance.vpc) {
        ("pending" | "running" | "stopping" | "stopped", Some(of)) if of == vpc => None,
        ("terminated" | "shutting-down", _) => Some(format!("the instance is {}", instance.state)),
        (_, Some(of)) => Some(format!("it is in {of}, the load balancer in {vpc}")),
        (state, None) => Some(format!("the instance is {state} and in no VPC")),
    }
}

/// Targets of one target group.
pub(crate) fn of(
    port: &AskedPort,
    wanted: &LoadBalancer,
    target_type: TargetType,
    family: Family,
    nodes: &Nodes,
    ranges: &[IpNet],
) -> BTreeSet<Target> {
    match target_type {
        TargetType::Instance => {
            let Some(node_port) = port.node_port else {
                return BTreeSet::new();
            };
            let targets = nodes.ids.values().map(|id| Target {
                id: id.clone(),
                port: Some(node_port),
                zone: None,
            });
            targets.collect()
        }
        TargetType::Ip => {
            let serves =
                |it: &&Endpoint| Family::of(it.address) == family && serves(port, wanted, it);
            let pods = wanted.endpoints.iter().filter(serves);
            pods.map(|it| pod(it.address, it.port, ranges)).collect()
        }
    }
}

/// Whether a pod takes traffic of a listener.
pub(crate) fn serves(port: &AskedPort, wanted: &LoadBalancer, endpoint: &Endpoint) -> bool {
    wanted.ports.iter().any(|it| {
        it.port == port.port && it.name == endpoint.port_name && it.protocol == endpoint.protocol
    })
}

fn pod(address: IpAddr, port: u16, ranges: &[IpNet]) -> Target {
    let is_inside = ranges.iter().any(|it| it.contains(&address));
    Target {
        id: address.to_string(),
        port: Some(port),
        // AWS asks for it where it cannot know the zone.
        zone: (!is_inside && !ranges.is_empty()).then(|| "all".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, provider_id: Option<&str>) -> Node {
        Node {
            name: name.into(),
            addresses: Vec::new(),
            provider_id: provider_id.map(str::to_owned),
            zone: None,
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn a_node_is_an_instance_if_its_provider_id_says_so() {
        let of = [
            node("a", Some("aws:///eu-west-1a/i-0a")),
            node("b", Some("aws://eu-west-1/eu-west-1a/i-0b")),
            node("c", None),
            node("d", Some("kind://docker/d")),
            node("e", Some("aws:///eu-west-1a/fargate-1")),
        ];
        let nodes = nodes(&of, &BTreeMap::new());
        let ids: Vec<_> = nodes.ids.into_iter().collect();
        let is = |name: &str, id: &str| (name.to_owned(), id.to_owned());
        assert_eq!(ids, [is("a", "i-0a"), is("b", "i-0b")]);
        assert_eq!(nodes.left_out.len(), 3);
        assert!(
            nodes.left_out[0].starts_with("c has no"),
            "{:?}",
            nodes.left_out
        );
    }

    #[test]
    fn a_pod_outside_the_vpc_is_reached_from_all_zones() {
        let ranges = ["10.0.0.0/16".parse().unwrap()];
        let inside = pod("10.0.3.4".parse().unwrap(), 8080, &ranges);
        let outside = pod("192.0.2.4".parse().unwrap(), 8080, &ranges);
        assert_eq!((inside.zone, outside.zone.as_deref()), (None, Some("all")));
    }
}
