//! A configuration in BIRD's words.

use std::fmt::Write;

use crate::answers::Family;
use crate::config::{GracefulRestart, Neighbour, Originated, Peer, RemoteAs, RouterConfig};

/// How the protocol is named that speaks with the neighbour of this number; those of a range or an
/// interface get numbers behind it.
fn protocol(number: usize) -> String {
    format!("peer{number}")
}

/// The protocol that originates routes of a family.
fn static_protocol(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "originated4",
        Family::Ipv6 => "originated6",
    }
}

fn channel(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

const BOTH: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// The file.
pub(super) fn text(config: &RouterConfig) -> String {
    let mut text = format!(
        "log stderr all;\n\
         timeformat protocol \"%s\";\n\
         timeformat route \"%s\";\n\
         router id {};\n\
         protocol device {{ scan time 1; }}\n\
         protocol direct {{ ipv4; ipv6; }}\n\
         protocol bfd {{ }}\n",
        config.router_id
    );
    for family in BOTH {
        let channel = channel(family);
        writeln!(
            text,
            "protocol kernel {{ merge paths yes limit 16; \
             {channel} {{ import none; export where source = RTS_BGP; }}; }}"
        )
        .unwrap();
        text.push_str(&originated(config, family));
    }
    for (number, neighbour) in config.neighbours.iter().enumerate() {
        if let Peer::Interface(interface) = &neighbour.peer {
            writeln!(
                text,
                "protocol radv {{ interface \"{interface}\" \
                 {{ min ra interval 3; max ra interval 4; }}; }}"
            )
            .unwrap();
        }
        text.push_str(&session(config, number, neighbour));
    }
    text.push_str(&config.extra);
    text.push('\n');
    text
}

/// The routes themselves, and the filter by which they are told: BIRD tells no neighbour a
/// `MULTI_EXIT_DISC` that was not set there.
fn originated(config: &RouterConfig, family: Family) -> String {
    let ours = config.originates.iter();
    let ours: Vec<_> = ours.filter(|it| Family::of(it.prefix) == family).collect();
    let (name, channel) = (static_protocol(family), channel(family));
    // Before what interfaces have.
    let mut text = format!("protocol static {name} {{ {channel} {{ preference 300; }};\n");
    for route in &ours {
        writeln!(text, "  route {} blackhole;", route.prefix).unwrap();
    }
    text.push_str("}\n");
    writeln!(text, "filter told_{channel} {{").unwrap();
    for route in &ours {
        text.push_str(&told(route));
    }
    text.push_str("  if source = RTS_BGP || source = RTS_STATIC then accept;\n  reject;\n}\n");
    text
}

fn told(route: &Originated) -> String {
    let mut text = format!("  if source = RTS_STATIC && net = {} then {{", route.prefix);
    if let Some(med) = route.med {
        write!(text, " bgp_med = {med};").unwrap();
    }
    for it in &route.communities {
        write!(text, " bgp_community.add(({},{}));", it.0, it.1).unwrap();
    }
    for it in &route.large_communities {
        let parts = format!("{},{},{}", it.0, it.1, it.2);
        write!(text, " bgp_large_community.add(({parts}));").unwrap();
    }
    text.push_str(" accept; }\n");
    text
}

fn session(config: &RouterConfig, number: usize, neighbour: &Neighbour) -> String {
    let name = protocol(number);
    let remote = match neighbour.remote_as {
        RemoteAs::Asn(asn) => format!("as {asn}"),
        RemoteAs::Internal => "internal".to_owned(),
        RemoteAs::External => "external".to_owned(),
    };
    let port = neighbour.port;
    let whom = match &neighbour.peer {
        Peer::Address(address) => format!("neighbor {address} port {port} {remote};"),
        Peer::Range(range) => {
            format!("neighbor range {range} {remote}; dynamic name \"{name}_\";")
        }
        Peer::Interface(interface) => format!(
            "neighbor range fe80::/10 {remote}; interface \"{interface}\"; \
             dynamic name \"{name}_\";"
        ),
    };
    let mut text = format!("protocol bgp {name} {{\n");
    let mut say = |what: String| writeln!(text, "  {what}").unwrap();
    say(format!("local port {} as {};", config.port, config.asn));
    say(whom);
    say(format!("hold time {};", neighbour.hold_time.as_secs()));
    say(format!("keepalive time {};", neighbour.keepalive.as_secs()));
    // By default, after an error it waits for minutes.
    say("startup hold time 10; connect delay time 1; connect retry time 1;".to_owned());
    say("error wait time 1, 1; error forget time 1;".to_owned());
    if let Some(password) = &neighbour.password {
        say(format!("password \"{password}\";"));
    }
    if neighbour.ttl_security {
        say("ttl security on;".to_owned());
    }
    if let Some(hops) = neighbour.multihop {
        say(format!("multihop {hops};"));
    }
    if let Some(source) = neighbour.source {
        say(format!("source address {source};"));
    }
    if neighbour.passive {
        say("passive on;".to_owned());
    }
    if let Some(bfd) = neighbour.bfd {
        let every = bfd.interval.as_millis();
        say(format!(
            "bfd {{ min rx interval {every} ms; min tx interval {every} ms; \
             idle tx interval 100 ms; multiplier {}; }};",
            bfd.multiplier
        ));
    }
    let restart = match neighbour.graceful_restart {
        GracefulRestart::Off => "off",
        GracefulRestart::Helper => "aware",
        GracefulRestart::Restarting => "on",
    };
    say(format!("graceful restart {restart};"));
    for family in &neighbour.families {
        let channel = channel(*family);
        let extended = neighbour.extended_next_hop && *family == Family::Ipv4;
        let extended = if extended {
            " extended next hop on;"
        } else {
            ""
        };
        say(format!(
            "{channel} {{ import all; export filter told_{channel}; next hop self;{extended} }};"
        ));
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answers::{Community, LargeCommunity};
    use crate::config::Bfd;

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
            multihop: Some(4),
            source: Some([192, 0, 2, 1].into()),
            passive: true,
            bfd: Some(Bfd {
                interval: Duration::from_millis(100),
                multiplier: 3,
            }),
            graceful_restart: GracefulRestart::Restarting,
            port: 1790,
            extended_next_hop: true,
            families: vec![Family::Ipv4],
            ..Neighbour::at([192, 0, 2, 2], RemoteAs::Asn(64512))
        };
        let config = base.with(neighbour);
        says(
            &config,
            &[
                "router id 192.0.2.1;",
                "local port 179 as 64500;",
                "neighbor 192.0.2.2 port 1790 as 64512;",
                "hold time 9;",
                "keepalive time 3;",
                "password \"secret\";",
                "ttl security on;",
                "multihop 4;",
                "source address 192.0.2.1;",
                "passive on;",
                "bfd { min rx interval 100 ms; min tx interval 100 ms;",
                "multiplier 3;",
                "graceful restart on;",
                "ipv4 { import all; export filter told_ipv4; next hop self; extended next hop on; };",
            ],
        );
        assert!(!text(&config).contains("  ipv6 {"));
    }

    #[test]
    fn ranges_interfaces_routes_and_more_have_their_own_forms() {
        let range = "192.0.2.0/24".parse().unwrap();
        let mut config = RouterConfig::new(64500, [192, 0, 2, 1].into())
            .with(Neighbour::in_range(range, RemoteAs::External))
            .with(Neighbour::on("p1", RemoteAs::Internal))
            .originating(Originated {
                med: Some(7),
                communities: vec![Community::NO_EXPORT],
                large_communities: vec![LargeCommunity(64500, 2, 3)],
                ..Originated::to("203.0.113.1/32".parse().unwrap())
            });
        config.extra = "protocol pipe { }".into();
        says(
            &config,
            &[
                "neighbor range 192.0.2.0/24 external; dynamic name \"peer0_\";",
                "neighbor range fe80::/10 internal; interface \"p1\"; dynamic name \"peer1_\";",
                "protocol radv { interface \"p1\"",
                "route 203.0.113.1/32 blackhole;",
                "net = 203.0.113.1/32 then { bgp_med = 7; bgp_community.add((65535,65281)); \
                 bgp_large_community.add((64500,2,3)); accept; }",
                "protocol pipe { }\n",
            ],
        );
    }
}
