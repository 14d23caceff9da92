//! What is done next, in which order, from whatever is there. A small model of AWS takes the steps.

mod converging;
mod model;
mod steps;

use std::collections::BTreeSet;

use landfall_provider_api::{ClusterId, Family, LoadBalancerId};

use super::*;
use crate::asked::{TargetType, Transport};
use crate::calls::{RuleSource, Scheme};
use crate::given;
use crate::wanted::{Groups, Place, Subnets};
use model::Model;

const VPC: &str = "vpc-1";

fn place(zone: &str) -> Place {
    let mapping = SubnetMapping {
        subnet: format!("subnet-{zone}"),
        ..SubnetMapping::default()
    };
    Place {
        zone: zone.into(),
        mapping,
    }
}

fn target(id: &str) -> Target {
    Target {
        id: id.into(),
        port: Some(30_080),
        zone: None,
    }
}

fn port(port: u16) -> WantedPort {
    WantedPort {
        port,
        protocol: Transport::Tcp,
        group_protocol: Transport::Tcp,
        target_type: TargetType::Instance,
        family: Family::IPv4,
        health: HealthCheck {
            protocol: Some("TCP".into()),
            port: Some("traffic-port".into()),
            ..HealthCheck::default()
        },
        group_attributes: Attributes::new(),
        attributes: Attributes::new(),
        tls: None,
        targets: [target("i-1"), target("i-2")].into(),
    }
}

fn rule(port: u16) -> Rule {
    Rule {
        protocol: "tcp".into(),
        from: port.into(),
        to: port.into(),
        source: RuleSource::Cidr("0.0.0.0/0".parse().unwrap()),
        description: String::new(),
    }
}

/// An internal load balancer in two zones with these ports.
fn wanted(ports: &[u16]) -> Wanted {
    let note = given::note(["team"].into_iter());
    let tags = [
        ("landfall.dev/service-uid", "s1"),
        ("team", "a"),
        (given::NOTE, note.as_str()),
    ];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Wanted {
        id: LoadBalancerId {
            cluster: ClusterId {
                name: "demo".into(),
                uid: "c1".into(),
            },
            service_uid: "s1".into(),
        },
        tags: tags.into(),
        vpc: VPC.into(),
        name: None,
        scheme: None,
        address_type: AddressType::Ipv4,
        source_nat: None,
        subnets: Subnets {
            places: vec![place("a"), place("b")],
            are_named: false,
        },
        groups: Groups::Managed {
            rules: ports.iter().copied().map(rule).collect(),
            beside: vec!["sg-shared".into()],
        },
        private_link_rules: None,
        attributes: Attributes::new(),
        capacity: None,
        ports: ports.iter().copied().map(port).collect(),
        awaited: BTreeSet::new(),
    }
}
