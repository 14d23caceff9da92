//! What each annotation means, and what is wrong with others.

mod attributes;
mod faults;
mod meaning;
mod probing;
mod probing_rows;
mod rows;

use std::collections::BTreeMap;

use landfall_provider_api::{FamilyPolicy, LoadBalancer, Port, Protocol};

use super::{Asked, Fault, PREFIX, SOURCE_RANGES};

/// The ARN of a certificate.
const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/one";

/// A Service with these ports: name, protocol, number; the node port is 22,000 more.
fn service(ports: &[(&str, Protocol, u16)]) -> LoadBalancer {
    let port = |(name, protocol, port): &(&str, Protocol, u16)| Port {
        name: (*name).to_owned(),
        protocol: *protocol,
        port: *port,
        node_port: Some(22_000 + *port),
    };
    LoadBalancer {
        ports: ports.iter().map(port).collect(),
        ..crate::tests::service("s1", &[])
    }
}

/// TCP 80 `http`, TCP 443 `https`, UDP 53 `dns`.
fn web() -> LoadBalancer {
    service(&[
        ("http", Protocol::Tcp, 80),
        ("https", Protocol::Tcp, 443),
        ("dns", Protocol::Udp, 53),
    ])
}

/// The same with annotations, by the ends of their names.
fn with(mut service: LoadBalancer, annotations: &[(&str, &str)]) -> LoadBalancer {
    for (suffix, value) in annotations {
        let name = match *suffix {
            "source-ranges" => SOURCE_RANGES.to_owned(),
            suffix => format!("{PREFIX}{suffix}"),
        };
        service.annotations.insert(name, (*value).to_owned());
    }
    service
}

fn asked(service: LoadBalancer, annotations: &[(&str, &str)]) -> Asked {
    Asked::parse(&with(service, annotations)).expect("it can be followed")
}

fn faults(service: LoadBalancer, annotations: &[(&str, &str)]) -> Vec<Fault> {
    match Asked::parse(&with(service, annotations)) {
        Ok(asked) => panic!("{annotations:?} was taken for {asked:?}"),
        Err(faults) => faults,
    }
}

fn map(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    let of = of.iter();
    of.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
