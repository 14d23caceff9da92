//! What an answer of the mock cloud means for a Service. Pure.

use std::collections::BTreeMap;

use landfall_mock_cloud_wire as wire;
use landfall_provider_api::{
    Assigned, Family, FamilyPolicy, Ingress, IpMode, LoadBalancer, PortFailure, Protocol, Serving,
};

use crate::known::Known;

/// An answer that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Nonsense {
    /// There is nowhere to land.
    #[error("it gave a load balancer no address")]
    NoAddress,
    /// Not what was asked for.
    #[error("it gave a load balancer {0}, which is not of a family that it was asked for")]
    Family(std::net::IpAddr),
    /// Less than what was asked for.
    #[error("it gave a load balancer no {0} address, which it was asked for")]
    Missing(Family),
}

/// The families that a load balancer wants and was given no address of.
pub(crate) fn lacking(known: &Known, wanted: &LoadBalancer) -> Vec<Family> {
    let has = |family: &Family| known.addresses().iter().any(|a| Family::of(*a) == *family);
    let families = wanted.families.iter().copied();
    let lacking = families.filter(|family| !has(family));
    lacking.filter(|_| known.is_active()).collect()
}

/// What a load balancer was given, by a call that put right what others had done or by one that did
/// not.
pub(crate) fn assigned(
    known: &Known,
    wanted: &LoadBalancer,
    repaired: bool,
) -> Result<Assigned, Nonsense> {
    if known.addresses().is_empty() {
        return Err(Nonsense::NoAddress);
    }
    let ingress = |address: &std::net::IpAddr| {
        if wanted.families.contains(&Family::of(*address)) {
            Ok(Ingress::Ip {
                address: *address,
                mode: IpMode::Proxy,
            })
        } else {
            Err(Nonsense::Family(*address))
        }
    };
    let ingress = known.addresses().iter().map(ingress);
    let ingress = ingress.collect::<Result<_, _>>()?;
    if let Some(missing) = lacking(known, wanted).first()
        && wanted.family_policy != FamilyPolicy::PreferDualStack
    {
        return Err(Nonsense::Missing(*missing));
    }
    Ok(Assigned {
        ingress,
        failed_ports: known.failed_ports().to_vec(),
        serving: serving(known),
        conditions: Vec::new(),
        awaited: BTreeMap::new(),
        repaired,
    })
}

/// Whether what arrives gets through.
fn serving(known: &Known) -> Serving {
    if let Some(PortFailure { port, protocol, .. }) = known.failed_ports().first() {
        return Serving::No {
            reason: "PortsNotServed",
            message: format!("port {port}/{protocol} is not served"),
        };
    }
    let Some(told) = known.serving() else {
        return Serving::Unknown {
            reason: "NotTold",
            message: "the mock cloud does not tell".to_owned(),
        };
    };
    let message = told.message.clone();
    match told.state {
        wire::ServingState::Yes => Serving::Yes,
        wire::ServingState::No => Serving::No {
            reason: match told.code.as_str() {
                "NoTargets" => "NoTargets",
                "TargetsUnhealthy" => "TargetsUnhealthy",
                _ => "NotServing",
            },
            message,
        },
        wire::ServingState::Unknown => Serving::Unknown {
            reason: match told.code.as_str() {
                "NotChecked" => "NotChecked",
                "NoHealthCheck" => "NoHealthCheck",
                _ => "NotKnown",
            },
            message,
        },
    }
}

/// The ports that it does not serve.
pub(crate) fn failed_ports(listeners: &[wire::Listener]) -> Vec<PortFailure> {
    let failure = |listener: &wire::Listener| match &listener.status {
        wire::ListenerStatus::Listening | wire::ListenerStatus::Pending => None,
        wire::ListenerStatus::Failed { code, message } => Some(PortFailure {
            port: listener.port,
            protocol: match listener.protocol {
                wire::Protocol::Tcp => Protocol::Tcp,
                wire::Protocol::Udp => Protocol::Udp,
            },
            reason: format!("landfall.dev/{}", camel_case(code)),
            message: message.clone(),
        }),
    };
    listeners.iter().filter_map(failure).collect()
}

/// A code that Kubernetes takes in a port's error, whatever the server says.
fn camel_case(code: &str) -> &str {
    let fits = code.len() <= 60
        && code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.chars().all(|c| c.is_ascii_alphanumeric());
    if fits { code } else { "Failed" }
}

/// What it is, for people.
pub(crate) fn description(item: &wire::LoadBalancer) -> String {
    let addresses: Vec<_> = item.addresses.iter().map(ToString::to_string).collect();
    format!("load balancer {} ({})", item.id, addresses.join(", "))
}

#[cfg(test)]
mod tests {
    use landfall_mock_cloud_wire::ServingState::{No, Unknown, Yes};

    use super::*;
    use crate::wanted::tests::wanted;

    fn of_families(families: &[Family], family_policy: FamilyPolicy) -> LoadBalancer {
        LoadBalancer {
            families: families.to_vec(),
            family_policy,
            ..wanted()
        }
    }

    fn known(addresses: &[&str], code: Option<&str>) -> Known {
        let status = match code {
            None => wire::ListenerStatus::Listening,
            Some(code) => wire::ListenerStatus::Failed {
                code: code.into(),
                message: "do this".into(),
            },
        };
        Known::of(wire::LoadBalancer {
            id: "a".into(),
            etag: String::new(),
            tags: [].into(),
            requested_addresses: Vec::new(),
            families: Vec::new(),
            family_policy: wire::FamilyPolicy::Require,
            source_ranges: Vec::new(),
            affinity: wire::Affinity::None,
            state: wire::LoadBalancerState::Active,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            serving: None,
            listeners: vec![wire::Listener {
                protocol: wire::Protocol::Tcp,
                port: 80,
                idle_timeout: None,
                health_check: None,
                status,
                targets: Vec::new(),
            }],
        })
    }

    #[test]
    fn an_address_is_served_by_a_proxy() {
        let wanted = of_families(&[Family::IPv4], FamilyPolicy::SingleStack);
        let assigned = assigned(&known(&["127.200.0.1"], None), &wanted, false).unwrap();
        let expected = Ingress::Ip {
            address: "127.200.0.1".parse().unwrap(),
            mode: IpMode::Proxy,
        };
        assert_eq!(
            (assigned.ingress, assigned.failed_ports),
            (vec![expected], vec![])
        );
    }

    #[test]
    fn an_answer_without_sense_is_told_from_one_with() {
        let wanted = of_families(&[Family::IPv4], FamilyPolicy::SingleStack);
        let of = |addresses: &[&str]| assigned(&known(addresses, None), &wanted, false);
        assert_eq!(of(&[]), Err(Nonsense::NoAddress));
        let sixth = "fd00::1".parse().unwrap();
        assert_eq!(
            of(&["127.200.0.1", "fd00::1"]),
            Err(Nonsense::Family(sixth))
        );
        let both = [Family::IPv4, Family::IPv6];
        let half = known(&["127.200.0.1"], None);
        let required = of_families(&both, FamilyPolicy::RequireDualStack);
        assert_eq!(
            assigned(&half, &required, false),
            Err(Nonsense::Missing(Family::IPv6))
        );
        let preferred = of_families(&both, FamilyPolicy::PreferDualStack);
        assert!(assigned(&half, &preferred, false).is_ok());
        assert_eq!(lacking(&half, &preferred), [Family::IPv6]);
    }

    #[test]
    fn what_the_cloud_knows_of_targets_says_whether_traffic_gets_through() {
        let told = |state, code: &str| {
            let mut known = known(&["127.200.0.1"], None);
            known.serves(&wire::Serving {
                state,
                code: code.into(),
                message: "because".into(),
                sequence: 1,
            });
            serving(&known)
        };
        let message = String::from("because");
        let no = |reason| Serving::No {
            reason,
            message: message.clone(),
        };
        let unknown = |reason| Serving::Unknown {
            reason,
            message: message.clone(),
        };
        for (state, code, expected) in [
            (Yes, "", Serving::Yes),
            (No, "NoTargets", no("NoTargets")),
            (No, "TargetsUnhealthy", no("TargetsUnhealthy")),
            (No, "of a later version", no("NotServing")),
            (Unknown, "NotChecked", unknown("NotChecked")),
            (Unknown, "NoHealthCheck", unknown("NoHealthCheck")),
            (Unknown, "of a later version", unknown("NotKnown")),
        ] {
            assert_eq!(told(state, code), expected);
        }
        let silent = serving(&known(&["127.200.0.1"], None));
        assert!(matches!(
            silent,
            Serving::Unknown {
                reason: "NotTold",
                ..
            }
        ));
        let failed = serving(&known(&["127.200.0.1"], Some("PortTaken")));
        let message = "port 80/TCP is not served".to_owned();
        assert_eq!(
            failed,
            Serving::No {
                reason: "PortsNotServed",
                message
            }
        );
    }

    #[test]
    fn a_listener_that_failed_is_a_port_with_a_reason() {
        for (code, reason) in [
            ("PortTaken", "landfall.dev/PortTaken"),
            ("port taken!", "landfall.dev/Failed"),
            ("", "landfall.dev/Failed"),
        ] {
            let failed = known(&["127.200.0.1"], Some(code));
            assert_eq!(failed.failed_ports()[0].reason, reason);
            assert!(!failed.all_listen());
        }
    }
}
