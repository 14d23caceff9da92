//! A configuration in GoBGP's words.

use std::fmt::Write;
use std::net::Ipv6Addr;

use ipnet::IpNet;

use crate::answers::Family;
use crate::config::{GracefulRestart, Neighbour, Originated, Peer, RemoteAs, RouterConfig};

/// The file.
pub(super) fn text(config: &RouterConfig) -> String {
    let mut text = format!(
        "[global.config]\n  as = {}\n  router-id = \"{}\"\n  port = {}\n\
         [global.use-multiple-paths.config]\n  enabled = true\n",
        config.asn, config.router_id, config.port
    );
    for (number, neighbour) in config.neighbours.iter().enumerate() {
        text.push_str(&session(config, number, neighbour));
    }
    text.push_str(&config.extra);
    text.push('\n');
    text
}

fn session(config: &RouterConfig, number: usize, neighbour: &Neighbour) -> String {
    assert!(neighbour.bfd.is_none(), "GoBGP has no BFD");
    let mut text = String::new();
    let list = match &neighbour.peer {
        Peer::Address(address) => {
            writeln!(text, "[[neighbors]]\n  [neighbors.config]").unwrap();
            writeln!(text, "    neighbor-address = \"{address}\"").unwrap();
            "neighbors"
        }
        Peer::Range(range) => {
            assert!(
                neighbour.password.is_none(),
                "GoBGP has no key for connections from a range"
            );
            let group = format!("group{number}");
            writeln!(
                text,
                "[[dynamic-neighbors]]\n  [dynamic-neighbors.config]\n    \
                 prefix = \"{range}\"\n    peer-group = \"{group}\"\n\
                 [[peer-groups]]\n  [peer-groups.config]\n    peer-group-name = \"{group}\""
            )
            .unwrap();
            "peer-groups"
        }
        Peer::Interface(_) => panic!("GoBGP must know who is at an interface when it starts"),
    };
    let asn = match neighbour.remote_as {
        RemoteAs::Asn(asn) => asn,
        RemoteAs::Internal => config.asn,
        RemoteAs::External => panic!("GoBGP must be told which autonomous system"),
    };
    writeln!(text, "    peer-as = {asn}").unwrap();
    if let Some(password) = &neighbour.password {
        writeln!(text, "    auth-password = \"{password}\"").unwrap();
    }
    let mut table = |name: &str, lines: &[String]| {
        writeln!(text, "  [{list}.{name}.config]").unwrap();
        for line in lines {
            writeln!(text, "    {line}").unwrap();
        }
    };
    table(
        "timers",
        &[
            format!("hold-time = {}", neighbour.hold_time.as_secs()),
            format!("keepalive-interval = {}", neighbour.keepalive.as_secs()),
            "connect-retry = 1".to_owned(),
        ],
    );
    let mut transport = vec![
        format!("passive-mode = {}", neighbour.passive),
        format!("remote-port = {}", neighbour.port),
    ];
    let source = neighbour.source;
    transport.extend(source.map(|it| format!("local-address = \"{it}\"")));
    table("transport", &transport);
    let enabled = "enabled = true".to_owned();
    if neighbour.ttl_security {
        let least = 256 - u16::from(neighbour.multihop.unwrap_or(1));
        table(
            "ttl-security",
            &[enabled.clone(), format!("ttl-min = {least}")],
        );
    } else if let Some(hops) = neighbour.multihop {
        let hops = format!("multihop-ttl = {hops}");
        table("ebgp-multihop", &[enabled.clone(), hops]);
    }
    if neighbour.graceful_restart != GracefulRestart::Off {
        let helps = neighbour.graceful_restart == GracefulRestart::Helper;
        let lines = [
            enabled,
            format!("helper-only = {helps}"),
            "restart-time = 120".to_owned(),
        ];
        table("graceful-restart", &lines);
    }
    for family in &neighbour.families {
        let name = match family {
            Family::Ipv4 => "ipv4-unicast",
            Family::Ipv6 => "ipv6-unicast",
        };
        let restarts = neighbour.graceful_restart != GracefulRestart::Off;
        writeln!(
            text,
            "  [[{list}.afi-safis]]\n    [{list}.afi-safis.config]\n      \
             afi-safi-name = \"{name}\"\n    \
             [{list}.afi-safis.mp-graceful-restart.config]\n      enabled = {restarts}"
        )
        .unwrap();
    }
    text
}

/// What is to be said after `gobgp global rib add`. Over a session of IPv4, GoBGP would say that a
/// route of IPv6 has a next hop of IPv4.
pub(super) fn route(route: &Originated, address: Ipv6Addr) -> Vec<String> {
    let mut words = vec![
        route.prefix.to_string(),
        "origin".to_owned(),
        "igp".to_owned(),
    ];
    let mut say = |key: &str, value: String| words.extend([key.to_owned(), value]);
    if let IpNet::V6(_) = route.prefix {
        say("-a", "ipv6".to_owned());
        say("nexthop", address.to_string());
    }
    if let Some(med) = route.med {
        say("med", med.to_string());
    }
    if !route.communities.is_empty() {
        let all: Vec<_> = route.communities.iter().map(ToString::to_string).collect();
        say("community", all.join(","));
    }
    if !route.large_communities.is_empty() {
        let all = route.large_communities.iter().map(ToString::to_string);
        say("large-community", all.collect::<Vec<_>>().join(","));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{Community, LargeCommunity};

    fn says(config: &RouterConfig, expected: &[&str]) {
        let text = text(config);
        for part in expected {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn all_that_is_asked_for_is_said() {
        let base = RouterConfig::new(64500, [192, 0, 2, 1].into());
        let neighbour = Neighbour {
            password: Some("secret".into()),
            ttl_security: true,
            source: Some([192, 0, 2, 1].into()),
            passive: true,
            port: 1790,
            families: vec![Family::Ipv6],
            ..Neighbour::at([192, 0, 2, 2], RemoteAs::Internal)
        };
        let far = Neighbour {
            multihop: Some(4),
            graceful_restart: GracefulRestart::Restarting,
            ..Neighbour::in_range("192.0.2.128/25".parse().unwrap(), RemoteAs::Asn(64512))
        };
        let mut config = base.with(neighbour).with(far);
        config.extra = "[zebra]".into();
        says(
            &config,
            &[
                "neighbor-address = \"192.0.2.2\"\n    peer-as = 64500\n    auth-password = \"secret\"",
                "[neighbors.timers.config]\n    hold-time = 9\n    keepalive-interval = 3",
                "passive-mode = true\n    remote-port = 1790\n    local-address = \"192.0.2.1\"",
                "[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255",
                "[neighbors.graceful-restart.config]\n    enabled = true\n    helper-only = true",
                "[[neighbors.afi-safis]]",
                "prefix = \"192.0.2.128/25\"\n    peer-group = \"group1\"",
                "peer-group-name = \"group1\"\n    peer-as = 64512",
                "[peer-groups.ebgp-multihop.config]\n    enabled = true\n    multihop-ttl = 4",
                "helper-only = false",
                "[zebra]\n",
            ],
        );
        assert_eq!(text(&config).matches("[[neighbors.afi-safis]]").count(), 1);
    }

    #[test]
    fn a_route_is_said_in_words() {
        let address = "fd00::1".parse().unwrap();
        let full = Originated {
            med: Some(7),
            communities: vec![Community(64500, 1), Community(64500, 2)],
            large_communities: vec![LargeCommunity(64500, 2, 3)],
            ..Originated::to("2001:db8::/32".parse().unwrap())
        };
        assert_eq!(
            route(&full, address).join(" "),
            "2001:db8::/32 origin igp -a ipv6 nexthop fd00::1 med 7 \
             community 64500:1,64500:2 large-community 64500:2:3"
        );
    }
}
