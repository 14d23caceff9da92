//! What birdc says of sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::answers::{Capabilities, Family, GracefulRestartSeen, LastError, Session, SessionState};

/// A protocol that speaks with one neighbour.
#[derive(Debug)]
pub(super) struct Protocol {
    pub(super) name: String,
    pub(super) session: Session,
    /// Its routes are kept while it restarts.
    pub(super) is_waited_for: bool,
}

/// What `birdc -v` says, without the codes of its replies; an error if one of them is.
pub(super) fn read(said: &str) -> Result<String, String> {
    let mut text = String::new();
    for line in said.lines() {
        let (code, rest) = line.split_at_checked(5).unwrap_or(("", line));
        if code.starts_with(['8', '9']) {
            return Err(line.to_owned());
        }
        if !code.starts_with(['0', '1', '2', ' ']) && !line.is_empty() {
            return Err(format!("not understood: {line:?}"));
        }
        if code.starts_with("0001") {
            // The greeting.
            continue;
        }
        text.push_str(rest);
        text.push('\n');
    }
    Ok(text)
}

/// Of `show protocols all`; those that speak with a range of neighbours are left out. What was the
/// matter stands in the log: BIRD itself forgets a NOTIFICATION at the next failed connection.
pub(super) fn protocols(said: &str, log: &str) -> Vec<Protocol> {
    let mut lines = said.lines().peekable();
    let mut protocols = Vec::new();
    let heading = lines.next().unwrap_or_default();
    assert!(heading.starts_with("Name "), "of BIRD: {said}");
    while let Some(head) = lines.next() {
        let mut section = Vec::new();
        while let Some(line) = lines.next_if(|it| it.starts_with(' ')) {
            section.push(line);
        }
        let mut words = head.split_whitespace();
        if let (Some(name), Some("BGP")) = (words.next(), words.next()) {
            let since = words.nth(2).expect("a protocol has the time of its state");
            let since = since.parse().expect("in the format that it was told");
            protocols.extend(protocol(name, since, &section, log));
        }
    }
    protocols
}

/// The value of a field, wherever it stands.
fn field<'a>(section: &[&'a str], name: &str) -> Option<&'a str> {
    let mut values = section.iter().filter_map(|line| {
        let (key, value) = line.trim_start().split_once(':')?;
        (key == name).then(|| value.trim())
    });
    values.next()
}

fn protocol(name: &str, since: u64, section: &[&str], log: &str) -> Option<Protocol> {
    if field(section, "Neighbor range").is_some() {
        return None;
    }
    let of = |it: &str| {
        let value = field(section, it);
        value.unwrap_or_else(|| panic!("of BIRD: no {it}: {section:#?}"))
    };
    let (address, interface) = match of("Neighbor address").split_once('%') {
        Some((address, interface)) => (address, Some(interface)),
        None => (of("Neighbor address"), None),
    };
    let state: SessionState = of("BGP state").parse().expect("a state that is known");
    let is_up = state == SessionState::Established;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let session = Session {
        neighbour: interface.unwrap_or(address).to_owned(),
        address: Some(address.parse().expect("BIRD writes addresses")),
        state,
        up: is_up.then(|| now.saturating_sub(Duration::from_secs(since))),
        last_error: last_error(name, section, log),
        hold_time: is_up.then(|| {
            let (_, agreed) = of("Hold timer").split_once('/').expect("left and all");
            Duration::from_secs(agreed.parse().expect("seconds"))
        }),
        capabilities: capabilities(section),
    };
    Some(Protocol {
        name: name.to_owned(),
        session,
        is_waited_for: section
            .iter()
            .any(|it| it.trim() == "Neighbor graceful restart active"),
    })
}

fn last_error(name: &str, section: &[&str], log: &str) -> Option<LastError> {
    let told = log.lines().rev().filter_map(|line| {
        let (_, rest) = line.split_once(&format!("> {name}: "))?;
        ["Received: ", "Error: "]
            .iter()
            .any(|it| rest.starts_with(it))
            .then_some(rest)
    });
    let text = told.into_iter().next().or(field(section, "Last error"))?;
    Some(LastError {
        notification: None,
        text: text.to_owned(),
    })
}

/// What begins a capability's lines, besides its own fields.
const CAPABILITIES: &[&str] = &[
    "Multiprotocol",
    "Route refresh",
    "Extended next hop",
    "Extended message",
    "Graceful restart",
    "4-octet AS numbers",
    "ADD-PATH",
    "Enhanced refresh",
    "Long-lived graceful restart",
];

fn capabilities(section: &[&str]) -> Capabilities {
    let mut lines = section.iter();
    if !lines.any(|it| *it == "    Neighbor capabilities") {
        return Capabilities::default();
    }
    // Names are indented by six, and their fields by eight.
    let lines: Vec<_> = lines.take_while(|it| it.starts_with("      ")).collect();
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut capability = "";
    for line in lines {
        let (_, line) = line.split_at(6);
        if line.starts_with(' ') {
            seen.entry(capability).or_default().push(line);
        } else {
            capability = line;
            let is_known = CAPABILITIES.contains(&line) || line.starts_with("Hostname: ");
            assert!(is_known, "of BIRD: no capability: {line:?}");
            seen.entry(capability).or_default();
        }
    }
    let fields = |name: &str| seen.get(name).map(Vec::as_slice);
    let multiprotocol = fields("Multiprotocol").unwrap_or_default();
    let next_hops = fields("Extended next hop").unwrap_or_default();
    Capabilities {
        families: families(field(multiprotocol, "AF announced")),
        four_octet_asn: fields("4-octet AS numbers").is_some(),
        route_refresh: fields("Route refresh").is_some(),
        extended_next_hop: families(field(next_hops, "IPv6 nexthop")).contains(&Family::Ipv4),
        graceful_restart: fields("Graceful restart").map(|fields| {
            let forwards = families(field(fields, "AF preserved"));
            let named = families(field(fields, "AF supported")).into_iter();
            GracefulRestartSeen {
                restarting: fields.iter().any(|it| it.trim() == "Restart recovery"),
                time: field(fields, "Restart time")
                    .map(|it| Duration::from_secs(it.parse().expect("seconds"))),
                families: named.map(|it| (it, forwards.contains(&it))).collect(),
            }
        }),
    }
}

fn families(names: Option<&str>) -> BTreeSet<Family> {
    let names = names.unwrap_or_default().split_whitespace();
    let families = names.map(|name| match name {
        "ipv4" => Family::Ipv4,
        "ipv6" => Family::Ipv6,
        _ => panic!("of BIRD: no family: {name:?}"),
    });
    families.collect()
}

/// The address of the neighbour that a protocol speaks with.
pub(super) fn address(protocols: &[Protocol], name: &str) -> Option<IpAddr> {
    let mut found = protocols.iter().filter(|it| it.name == name);
    found.next().and_then(|it| it.session.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     1795898551
peer0      BGP        ---        start  1795897990    Active        Socket: Connection closed
  BGP state:          Active
    Neighbor address: 192.0.2.1
    Neighbor AS:      64500
    Neighbor graceful restart active
    Last error:       Socket: Connection closed
  Channel ipv4
    State:          UP

peer1      BGP        ---        start  1795897990    Passive
  BGP state:          Passive
    Neighbor range:   fe80::/10

peer1_1    BGP        ---        up     1795897990    Established
  BGP state:          Established
    Neighbor address: fe80::1%q0
    Local capabilities
      Multiprotocol
        AF announced: ipv6
    Neighbor capabilities
      Multiprotocol
        AF announced: ipv4 ipv6
      Extended next hop
        IPv6 nexthop: ipv4
      Graceful restart
        Restart time: 120
        Restart recovery
        AF supported: ipv4 ipv6
        AF preserved: ipv6
      4-octet AS numbers
      Hostname: vm
    Session:          external AS4
    Hold timer:       7.831/9
";

    #[test]
    fn sessions_are_read() {
        let log = "2026-11-28 20:42:32.101 <RMT> peer0: Received: Bad peer AS\n\
                   2026-11-28 20:42:33.101 <RMT> peer0: Invalid route 2001:db8::/32 withdrawn\n";
        let protocols = protocols(SAID, log);
        let [down, up] = &protocols[..] else {
            panic!("{protocols:#?}")
        };
        assert!(down.is_waited_for && !up.is_waited_for);
        assert_eq!(down.session.state, SessionState::Active);
        let error = down.session.last_error.as_ref().unwrap();
        assert_eq!(error.text, "Received: Bad peer AS");
        assert_eq!(down.session.capabilities, Capabilities::default());
        assert_eq!(
            (up.name.as_str(), up.session.neighbour.as_str()),
            ("peer1_1", "q0")
        );
        assert_eq!(up.session.hold_time, Some(Duration::from_secs(9)));
        let can = &up.session.capabilities;
        assert_eq!(can.families, [Family::Ipv4, Family::Ipv6].into());
        assert!(can.extended_next_hop && can.four_octet_asn && !can.route_refresh);
        let restart = can.graceful_restart.as_ref().unwrap();
        assert!(restart.restarting);
        assert_eq!(restart.time, Some(Duration::from_mins(2)));
        let families = [(Family::Ipv4, false), (Family::Ipv6, true)];
        assert_eq!(restart.families, families.into());
    }

    #[test]
    #[should_panic(expected = "no capability")]
    fn an_unknown_capability_is_told() {
        protocols(&SAID.replace("4-octet AS numbers", "Telepathy"), "");
    }

    #[test]
    fn replies_lose_their_codes_and_errors_are_told() {
        let said = "0001 BIRD 2.0.12 ready.\n1007-Table master4:\n     203.0.113.2/32\n0000 \n";
        assert_eq!(read(said).unwrap(), "Table master4:\n203.0.113.2/32\n\n");
        assert!(read("0001 BIRD 2.0.12 ready.\n9001 syntax error\n").is_err());
        assert!(read("something else\n").is_err());
    }
}
