//! What a load balancer is in the mock cloud's words: its name there and its specification. Pure.

use std::time::Duration;

use landfall_mock_cloud_wire::{
    self as wire, HealthCheck, HealthCheckProtocol, Interval, ListenerSpec, LoadBalancerSpec,
    Protocol, Target,
};
use landfall_provider_api::{
    Affinity, ClusterId, Family, FamilyPolicy, LoadBalancer, LoadBalancerId, Node, Port,
    Protocol as Transport, TrafficPolicy, tags,
};

use crate::NewError;

/// Longest name that the mock cloud takes.
const LONGEST_ID: usize = 255;

/// Length that is left for the UID of a Service: 36 as a rule, and room for others.
const SERVICE_UID: usize = 64;

/// From one check of a node's health port to the next: endpoints move from node to node, and a
/// check is cheap.
const LOCAL_INTERVAL: Duration = Duration::from_secs(2);

/// Its name in the mock cloud: `k8s.CLUSTER.CLUSTER-UID.SERVICE-UID`. Names of different load
/// balancers differ, whatever is in their parts, for no part holds a dot once it is escaped.
pub(crate) fn wire_id(id: &LoadBalancerId) -> String {
    format!("{}.{}", cluster_part(&id.cluster), escape(&id.service_uid))
}

/// Refuses a cluster whose load balancers could have no name.
pub(crate) fn check_cluster(cluster: &ClusterId) -> Result<(), NewError> {
    if cluster_part(cluster).len() + 1 + SERVICE_UID > LONGEST_ID {
        return Err(NewError::Cluster(cluster.clone()));
    }
    Ok(())
}

fn cluster_part(cluster: &ClusterId) -> String {
    format!("k8s.{}.{}", escape(&cluster.name), escape(&cluster.uid))
}

/// Writes what the mock cloud takes in a name, and no dot: `a-z`, `0-9` and `-` as they are, other
/// bytes as `_` and two hexadecimal digits.
fn escape(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |escaped, byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => escaped + char::from(byte).encode_utf8(&mut [0; 4]),
            other => escaped + &format!("_{other:02x}"),
        })
}

/// What is asked of the mock cloud.
pub(crate) fn specification(wanted: &LoadBalancer) -> LoadBalancerSpec {
    LoadBalancerSpec {
        tags: tags::of_load_balancer(&wanted.id, &wanted.service)
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        requested_addresses: wanted.requested_addresses.clone(),
        families: wanted.families.iter().copied().map(family).collect(),
        family_policy: match wanted.family_policy {
            FamilyPolicy::PreferDualStack => wire::FamilyPolicy::Prefer,
            FamilyPolicy::SingleStack | FamilyPolicy::RequireDualStack => {
                wire::FamilyPolicy::Require
            }
        },
        source_ranges: wanted.source_ranges.clone(),
        affinity: match wanted.affinity {
            Affinity::None => wire::Affinity::None,
            Affinity::ClientIp(timeout) => wire::Affinity::ClientIp {
                timeout: Interval(timeout),
            },
        },
        listeners: served(wanted)
            .map(|(_, port, protocol, node_port)| ListenerSpec {
                protocol,
                port: port.port,
                idle_timeout: None,
                health_check: health_check(wanted.traffic_policy),
                targets: targets(wanted, node_port),
            })
            .collect(),
    }
}

fn family(family: Family) -> wire::Family {
    match family {
        Family::IPv4 => wire::Family::IPv4,
        Family::IPv6 => wire::Family::IPv6,
    }
}

/// With traffic policy `Local`, a node says itself whether it has an endpoint of the Service. As
/// long as it has no port for that, TCP shows it all the same: such a node refuses connections.
fn health_check(policy: TrafficPolicy) -> Option<HealthCheck> {
    let TrafficPolicy::Local {
        health_check_node_port: Some(port),
    } = policy
    else {
        return None;
    };
    Some(HealthCheck {
        protocol: HealthCheckProtocol::Http,
        path: Some("/healthz".to_owned()),
        port: Some(port),
        interval: Some(Interval(LOCAL_INTERVAL)),
        healthy_threshold: None,
        unhealthy_threshold: None,
    })
}

/// The ports that the mock cloud can serve, with their place in the Service: those that have a
/// node port.
fn served(wanted: &LoadBalancer) -> impl Iterator<Item = (usize, &Port, Protocol, u16)> {
    wanted.ports.iter().enumerate().filter_map(|(index, port)| {
        let protocol = match port.protocol {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
            Transport::Sctp => return None,
        };
        Some((index, port, protocol, port.node_port?))
    })
}

/// Each node, at its address of the first family of the Service that it has one of: the mock cloud
/// ends the clients' connections, so theirs need not be the same.
fn targets(wanted: &LoadBalancer, node_port: u16) -> Vec<Target> {
    let target = |node: &Node| {
        let of = |family: &Family| {
            let mut addresses = node.addresses.iter();
            addresses.find(|address| Family::of(**address) == *family)
        };
        Some(Target {
            name: node.name.clone(),
            address: *wanted.families.iter().find_map(of)?,
            port: node_port,
        })
    };
    wanted.nodes.iter().filter_map(target).collect()
}

/// The field of a Service that a pointer into its specification comes from.
pub(crate) fn field(wanted: &LoadBalancer, pointer: &str) -> String {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("requestedAddresses"), ..) => "spec.loadBalancerIP".to_owned(),
        (Some("listeners"), Some(listener), part) => {
            let place = listener.parse().ok().and_then(|n| served(wanted).nth(n));
            let Some((index, ..)) = place else {
                return "spec.ports".to_owned();
            };
            match part {
                Some(part @ ("port" | "protocol")) => format!("spec.ports[{index}].{part}"),
                Some("healthCheck") => "spec.healthCheckNodePort".to_owned(),
                _ => format!("spec.ports[{index}]"),
            }
        }
        (Some("listeners"), ..) => "spec.ports".to_owned(),
        (Some("families"), Some(place), _) => format!("spec.ipFamilies[{place}]"),
        (Some("families"), ..) => "spec.ipFamilies".to_owned(),
        (Some("sourceRanges"), ..) => "spec.loadBalancerSourceRanges".to_owned(),
        (Some("affinity"), ..) => "spec.sessionAffinityConfig.clientIP.timeoutSeconds".to_owned(),
        (Some("tags"), ..) => "metadata".to_owned(),
        _ => "spec".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use landfall_provider_api::ServiceName;

    use super::*;
    use std::time::SystemTime;

    fn id(name: &str, uid: &str, service: &str) -> LoadBalancerId {
        LoadBalancerId {
            cluster: ClusterId {
                name: name.into(),
                uid: uid.into(),
            },
            service_uid: service.into(),
        }
    }

    fn port(port: u16, protocol: Transport, node_port: Option<u16>) -> Port {
        Port {
            name: port.to_string(),
            protocol,
            port,
            node_port,
        }
    }

    fn node(name: &str, addresses: &[&str]) -> Node {
        Node {
            name: name.into(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            provider_id: None,
            zone: None,
            labels: BTreeMap::new(),
        }
    }

    /// A load balancer that makes use of everything.
    pub(crate) fn wanted() -> LoadBalancer {
        LoadBalancer {
            id: id("demo", "c1", "s1"),
            service: ServiceName {
                namespace: "default".into(),
                name: "web".into(),
            },
            created: SystemTime::UNIX_EPOCH,
            ports: vec![
                port(53, Transport::Udp, Some(30053)),
                port(80, Transport::Tcp, None),
                port(443, Transport::Tcp, Some(30443)),
            ],
            families: vec![Family::IPv4],
            family_policy: FamilyPolicy::SingleStack,
            requested_addresses: Vec::new(),
            source_ranges: Vec::new(),
            traffic_policy: TrafficPolicy::Cluster,
            affinity: Affinity::None,
            nodes: Arc::from([
                node("n1", &["fd00::1", "127.0.0.2", "127.0.0.9"]),
                node("n2", &["fd00::2"]),
            ]),
            endpoint_nodes: BTreeSet::new(),
            endpoints: Vec::new(),
            labels: BTreeMap::new(),
            awaited: BTreeSet::new(),
            namespace_labels: Arc::default(),
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn different_load_balancers_have_different_names() {
        let ids = [
            id("demo", "c1", "s1"),
            id("demo", "c2", "s1"),
            id("demo", "c1", "s2"),
            id("demo.c1", "s1", ""),
            id("demo", "c1.s1", ""),
            id("Demo", "c1", "s1"),
            id("_44emo", "c1", "s1"),
        ];
        let names: std::collections::BTreeSet<_> = ids.iter().map(wire_id).collect();
        assert_eq!(names.len(), ids.len(), "{names:?}");
        assert_eq!(wire_id(&ids[0]), "k8s.demo.c1.s1");
        assert_eq!(wire_id(&ids[5]), "k8s._44emo.c1.s1");
    }

    #[test]
    fn a_cluster_has_room_for_its_services() {
        let cluster = |name: &str| id(name, &"u".repeat(36), "").cluster;
        assert!(check_cluster(&cluster(&"n".repeat(63))).is_ok());
        assert!(check_cluster(&cluster(&"n".repeat(200))).is_err());
    }

    #[test]
    fn listeners_are_the_ports_with_node_ports_and_targets_the_nodes_of_the_family() {
        let spec = specification(&wanted());
        let ports: Vec<_> = spec
            .listeners
            .iter()
            .map(|l| (l.protocol, l.port))
            .collect();
        assert_eq!(ports, [(Protocol::Udp, 53), (Protocol::Tcp, 443)]);
        let target = Target {
            name: "n1".into(),
            address: "127.0.0.2".parse().unwrap(),
            port: 30443,
        };
        assert_eq!(spec.listeners[1].targets, [target]);
        assert_eq!(spec.listeners[1].health_check, None);
        assert_eq!(spec.families, [wire::Family::IPv4]);
        assert_eq!(spec.affinity, wire::Affinity::None);
        assert_eq!(spec.tags[tags::SERVICE_NAME], "web");
        assert_eq!(spec.tags.len(), 5);
    }

    #[test]
    fn all_that_concerns_clients_is_carried() {
        let wanted = LoadBalancer {
            families: vec![Family::IPv6, Family::IPv4],
            source_ranges: vec!["10.0.0.0/8".parse().unwrap()],
            affinity: Affinity::ClientIp(Duration::from_hours(3)),
            traffic_policy: TrafficPolicy::Local {
                health_check_node_port: Some(32000),
            },
            ..wanted()
        };
        let spec = specification(&wanted);
        assert_eq!(spec.families, [wire::Family::IPv6, wire::Family::IPv4]);
        assert_eq!(spec.source_ranges, wanted.source_ranges);
        let timeout = Interval(Duration::from_hours(3));
        assert_eq!(spec.affinity, wire::Affinity::ClientIp { timeout });
        for listener in &spec.listeners {
            let check = listener.health_check.as_ref().unwrap();
            assert_eq!(
                (check.port, check.path.as_deref()),
                (Some(32000), Some("/healthz"))
            );
            let addresses: Vec<_> = listener
                .targets
                .iter()
                .map(|t| t.address.to_string())
                .collect();
            assert_eq!(
                addresses,
                ["fd00::1", "fd00::2"],
                "the first family comes first"
            );
        }
    }

    #[test]
    fn a_pointer_names_a_field_of_the_service() {
        for (pointer, field_of_service) in [
            ("/requestedAddresses/0", "spec.loadBalancerIP"),
            ("/listeners/1/port", "spec.ports[2].port"),
            ("/listeners/1/targets/1/address", "spec.ports[2]"),
            ("/listeners/0/healthCheck/port", "spec.healthCheckNodePort"),
            ("/families/1", "spec.ipFamilies[1]"),
            ("/sourceRanges/0", "spec.loadBalancerSourceRanges"),
            (
                "/affinity/timeout",
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            ),
            ("/listeners/9/port", "spec.ports"),
            ("/listeners", "spec.ports"),
            ("/tags/a~1b", "metadata"),
            ("", "spec"),
            ("/unheard-of", "spec"),
        ] {
            assert_eq!(field(&wanted(), pointer), field_of_service, "{pointer}");
        }
    }
}
