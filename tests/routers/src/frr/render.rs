//! A configuration in FRR's words.

use std::collections::BTreeSet;

use crate::answers::Family;
use crate::config::{Bfd, GracefulRestart, Neighbour, Originated, Peer, RemoteAs, RouterConfig};

/// The lines to give vtysh in its configuration mode, one by one: a file that is given as a whole
/// has bgpd wait for seconds before it calls anybody.
pub(super) fn lines(config: &RouterConfig) -> Vec<String> {
    let mut lines = Vec::new();
    // Of zebra's queue, which otherwise waits for 10 ms.
    lines.push("zebra work-queue 0".to_owned());
    for neighbour in &config.neighbours {
        if let Peer::Interface(interface) = &neighbour.peer {
            lines.push(format!("interface {interface}"));
            lines.push("ipv6 nd ra-interval msec 200".to_owned());
            lines.push("no ipv6 nd suppress-ra".to_owned());
            lines.push("exit".to_owned());
        }
    }
    lines.extend(profiles(config));
    for (number, route) in config.originates.iter().enumerate() {
        lines.extend(route_map(number, route));
    }
    lines.extend([
        format!("router bgp {}", config.asn),
        format!("bgp router-id {}", config.router_id),
        "no bgp ebgp-requires-policy".to_owned(),
        "no bgp default ipv4-unicast".to_owned(),
        "bgp log-neighbor-changes".to_owned(),
        "no bgp network import-check".to_owned(),
        "bgp bestpath as-path multipath-relax".to_owned(),
    ]);
    for (number, neighbour) in config.neighbours.iter().enumerate() {
        lines.extend(session(number, neighbour));
    }
    for family in [Family::Ipv4, Family::Ipv6] {
        lines.extend(address_family(config, family));
    }
    lines.push("exit".to_owned());
    let extra = config.extra.lines().map(str::trim);
    lines.extend(extra.filter(|it| !it.is_empty()).map(str::to_owned));
    lines
}

fn profile(bfd: Bfd) -> String {
    format!("every{}by{}", bfd.interval.as_millis(), bfd.multiplier)
}

fn profiles(config: &RouterConfig) -> Vec<String> {
    let mut lines = vec!["bfd".to_owned()];
    let mut known = BTreeSet::new();
    for bfd in config.neighbours.iter().filter_map(|it| it.bfd) {
        let (name, interval) = (profile(bfd), bfd.interval.as_millis());
        if known.insert(name.clone()) {
            lines.extend([
                format!("profile {name}"),
                format!("detect-multiplier {}", bfd.multiplier),
                format!("receive-interval {interval}"),
                format!("transmit-interval {interval}"),
                "exit".to_owned(),
            ]);
        }
    }
    lines.push("exit".to_owned());
    lines
}

fn spaced<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(T::to_string).collect();
    items.join(" ")
}

fn route_map(number: usize, route: &Originated) -> Vec<String> {
    let mut lines = vec![format!("route-map originated{number} permit 10")];
    if let Some(med) = route.med {
        lines.push(format!("set metric {med}"));
    }
    if !route.communities.is_empty() {
        lines.push(format!("set community {}", spaced(&route.communities)));
    }
    if !route.large_communities.is_empty() {
        let communities = spaced(&route.large_communities);
        lines.push(format!("set large-community {communities}"));
    }
    lines.push("exit".to_owned());
    lines
}

fn name(number: usize, neighbour: &Neighbour) -> String {
    match &neighbour.peer {
        Peer::Address(address) => address.to_string(),
        Peer::Range(_) => format!("group{number}"),
        Peer::Interface(interface) => interface.clone(),
    }
}

fn session(number: usize, neighbour: &Neighbour) -> Vec<String> {
    let name = name(number, neighbour);
    let remote = match neighbour.remote_as {
        RemoteAs::Asn(asn) => asn.to_string(),
        RemoteAs::Internal => "internal".to_owned(),
        RemoteAs::External => "external".to_owned(),
    };
    let mut lines = Vec::new();
    let mut say = |what: &str| lines.push(format!("neighbor {name} {what}"));
    match &neighbour.peer {
        Peer::Address(_) => {}
        Peer::Range(_) => say("peer-group"),
        Peer::Interface(_) => say("interface"),
    }
    say(&format!("remote-as {remote}"));
    say(&format!("port {}", neighbour.port));
    if let Some(password) = &neighbour.password {
        say(&format!("password {password}"));
    }
    let (keepalive, hold) = (neighbour.keepalive, neighbour.hold_time);
    say(&format!(
        "timers {} {}",
        keepalive.as_secs(),
        hold.as_secs()
    ));
    say("timers connect 1");
    if let Some(source) = neighbour.source {
        say(&format!("update-source {source}"));
    }
    if neighbour.passive {
        say("passive");
    }
    match (neighbour.ttl_security, neighbour.multihop) {
        (true, hops) => say(&format!("ttl-security hops {}", hops.unwrap_or(1))),
        (false, Some(hops)) => say(&format!("ebgp-multihop {hops}")),
        (false, None) => {}
    }
    if let Some(bfd) = neighbour.bfd {
        say(&format!("bfd profile {}", profile(bfd)));
    }
    say(match neighbour.graceful_restart {
        GracefulRestart::Off => "graceful-restart-disable",
        GracefulRestart::Helper => "graceful-restart-helper",
        GracefulRestart::Restarting => "graceful-restart",
    });
    if neighbour.extended_next_hop {
        say("capability extended-nexthop");
    }
    if let Peer::Range(range) = neighbour.peer {
        lines.push(format!("bgp listen range {range} peer-group {name}"));
    }
    lines
}

fn address_family(config: &RouterConfig, family: Family) -> Vec<String> {
    let afi = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    let mut lines = vec![
        format!("address-family {afi} unicast"),
        "maximum-paths 16".to_owned(),
        "maximum-paths ibgp 16".to_owned(),
    ];
    for (number, neighbour) in config.neighbours.iter().enumerate() {
        if neighbour.families.contains(&family) {
            lines.push(format!("neighbor {} activate", name(number, neighbour)));
        }
    }
    for (number, route) in config.originates.iter().enumerate() {
        if Family::of(route.prefix) == family {
            let prefix = route.prefix;
            lines.push(format!("network {prefix} route-map originated{number}"));
        }
    }
    lines.push("exit-address-family".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answers::{Community, LargeCommunity};

    fn says(config: &RouterConfig, expected: &[&str]) {
        let lines = lines(config);
        for line in expected {
            assert!(lines.iter().any(|it| it == line), "{line}: {lines:#?}");
        }
    }

    #[test]
    fn all_that_is_asked_for_is_said() {
        let base = RouterConfig::new(64500, [192, 0, 2, 1].into());
        let address = [192, 0, 2, 2];
        let plain = Neighbour::at(address, RemoteAs::Asn(64512));
        let full = Neighbour {
            password: Some("secret".into()),
            ttl_security: true,
            source: Some([192, 0, 2, 1].into()),
            passive: true,
            bfd: Some(Bfd {
                interval: Duration::from_millis(100),
                multiplier: 3,
            }),
            graceful_restart: GracefulRestart::Off,
            port: 1790,
            extended_next_hop: true,
            families: vec![Family::Ipv6],
            ..plain.clone()
        };
        let config = base.clone().with(full);
        says(
            &config,
            &[
                "router bgp 64500",
                "bgp router-id 192.0.2.1",
                "neighbor 192.0.2.2 remote-as 64512",
                "neighbor 192.0.2.2 port 1790",
                "neighbor 192.0.2.2 password secret",
                "neighbor 192.0.2.2 timers 3 9",
                "neighbor 192.0.2.2 update-source 192.0.2.1",
                "neighbor 192.0.2.2 passive",
                "neighbor 192.0.2.2 ttl-security hops 1",
                "neighbor 192.0.2.2 bfd profile every100by3",
                "receive-interval 100",
                "detect-multiplier 3",
                "neighbor 192.0.2.2 graceful-restart-disable",
                "neighbor 192.0.2.2 capability extended-nexthop",
            ],
        );
        let activate = "neighbor 192.0.2.2 activate";
        let lines = lines(&config);
        assert_eq!(lines.iter().filter(|it| *it == activate).count(), 1);

        let far = Neighbour {
            multihop: Some(4),
            ..plain
        };
        says(&base.with(far), &["neighbor 192.0.2.2 ebgp-multihop 4"]);
    }

    #[test]
    fn ranges_interfaces_routes_and_more_have_their_own_forms() {
        let range = "192.0.2.0/24".parse().unwrap();
        let mut config = RouterConfig::new(64500, [192, 0, 2, 1].into())
            .with(Neighbour::in_range(range, RemoteAs::External))
            .with(Neighbour::on("p1", RemoteAs::Internal))
            .originating(Originated {
                med: Some(7),
                communities: vec![Community(64500, 1), Community::NO_EXPORT],
                large_communities: vec![LargeCommunity(64500, 2, 3)],
                ..Originated::to("203.0.113.1/32".parse().unwrap())
            });
        config.extra = "router bgp 64500\n  bgp always-compare-med\n\n".into();
        says(
            &config,
            &[
                "neighbor group0 peer-group",
                "neighbor group0 remote-as external",
                "bgp listen range 192.0.2.0/24 peer-group group0",
                "interface p1",
                "neighbor p1 interface",
                "neighbor p1 remote-as internal",
                "set metric 7",
                "set community 64500:1 65535:65281",
                "set large-community 64500:2:3",
                "network 203.0.113.1/32 route-map originated0",
                "bgp always-compare-med",
            ],
        );
        assert!(!lines(&config).contains(&String::new()));
    }
}
