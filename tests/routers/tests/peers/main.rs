//! The routers among themselves: what two of them share works, and each answers what is true. What
//! fails beside a speaker of ours, and not here, is the speaker's.
#![expect(clippy::unwrap_used, reason = "tests")]

mod ending;
mod speaking;
mod ways;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use landfall_test_network::Lan;
use landfall_test_routers::{
    Bfd, Bird, Community, Family, Frr, GoBgp, LargeCommunity, Neighbour, Originated, RemoteAs,
    Router, RouterConfig,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frr,
    Bird,
    GoBgp,
}

use Kind::{Bird as B, Frr as F, GoBgp as G};

const QUICK: Bfd = Bfd {
    interval: Duration::from_millis(100),
    multiplier: 3,
};

fn are_possible_or_skip() -> bool {
    let what = "routers of others among themselves";
    let possible = [
        Frr::is_possible_or_skip(what),
        Bird::is_possible_or_skip(what),
        GoBgp::is_possible_or_skip(what),
    ];
    possible.into_iter().all(|it| it)
}

fn start(kind: Kind, lan: &Lan, host: &str, config: &RouterConfig) -> Box<dyn Router> {
    match kind {
        F => Box::new(Frr::start(lan, host, config)),
        B => Box::new(Bird::start(lan, host, config)),
        G => Box::new(GoBgp::start(lan, host, config)),
    }
}

/// Whom a host's router speaks for.
fn asn(host: &str) -> u32 {
    match host {
        "router" => 64500,
        "node1" => 64501,
        // Of four octets.
        "node2" => 4_200_000_002,
        _ => panic!("{host}"),
    }
}

fn address(lan: &Lan, host: &str, family: Family) -> IpAddr {
    let (v4, v6) = lan.addresses(host);
    match family {
        Family::Ipv4 => v4.into(),
        Family::Ipv6 => v6.into(),
    }
}

/// What a host's router announces.
fn prefixes(lan: &Lan, host: &str) -> [IpNet; 2] {
    let [.., number] = lan.addresses(host).0.octets();
    let texts = [
        format!("203.0.113.{number}/32"),
        format!("2001:db8::{number}/128"),
    ];
    texts.map(|it| it.parse().unwrap())
}

fn communities() -> Vec<Community> {
    vec![Community(64500, 7), Community(65001, 65535)]
}

fn large_communities(host: &str) -> Vec<LargeCommunity> {
    vec![
        LargeCommunity(asn(host), 1, 2),
        LargeCommunity(asn(host), 3, 4_294_967_295),
    ]
}

/// A router that announces its host's prefixes.
fn config(lan: &Lan, host: &str) -> RouterConfig {
    let mut config = RouterConfig::new(asn(host), lan.addresses(host).0);
    let originates = prefixes(lan, host).map(|prefix| Originated {
        med: Some(13),
        communities: communities(),
        large_communities: large_communities(host),
        ..Originated::to(prefix)
    });
    config.originates = originates.to_vec();
    config
}

/// Another host's router.
fn neighbour(lan: &Lan, host: &str, family: Family) -> Neighbour {
    Neighbour::at(address(lan, host, family), RemoteAs::Asn(asn(host)))
}
