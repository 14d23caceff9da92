//! What birdc says of routes and of BFD.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::answers::{Protocol, address};
use crate::answers::{BfdSession, Community, LargeCommunity, Path};

fn known<T: FromStr<Err = impl Debug>>(text: &str) -> T {
    let parsed = text.trim().parse();
    parsed.unwrap_or_else(|error| panic!("of BIRD: {text:?}: {error:?}"))
}

/// Of `show route all`. What the kernel's interfaces have (`direct`) is left out.
pub(super) fn routes(said: &str, protocols: &[Protocol]) -> BTreeMap<IpNet, Vec<Path>> {
    let mut routes: BTreeMap<IpNet, Vec<Path>> = BTreeMap::new();
    let (mut prefix, mut reading) = (None, false);
    for line in said.lines() {
        if line.trim().is_empty() || line.starts_with("Table ") {
            continue;
        }
        if let Some(attribute) = line.strip_prefix('\t') {
            let paths = prefix.and_then(|it| routes.get_mut(&it));
            if let (true, Some(path)) = (reading, paths.and_then(|it| it.last_mut())) {
                read_attribute(path, attribute);
            }
            continue;
        }
        if !line.starts_with(' ') {
            prefix = line.split_whitespace().next().map(known::<IpNet>);
        }
        let path = head(line, protocols);
        reading = path.is_some();
        let prefix = prefix.expect("the first path of a table has a prefix");
        if let Some(path) = path {
            routes.entry(prefix).or_default().push(path);
        }
    }
    routes
}

/// `203.0.113.4/32       unicast [peer1 1795897999 from 192.0.2.1] * (100) [AS64514i]`
fn head(line: &str, protocols: &[Protocol]) -> Option<Path> {
    let parts = line
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    let (source, rest) = parts.unwrap_or_else(|| panic!("of BIRD: no path: {line:?}"));
    let name = source.split_whitespace().next().unwrap_or_default();
    if name.starts_with("direct") {
        return None;
    }
    let from = address(protocols, name);
    let is_ours = name.starts_with("originated");
    assert!(
        from.is_some() || is_ours,
        "of BIRD: who is {name}: {line:?}"
    );
    let restarts = protocols
        .iter()
        .any(|it| it.name == name && it.is_waited_for);
    Some(Path {
        from,
        next_hops: Vec::new(),
        as_path: Vec::new(),
        origin: None,
        med: None,
        local_pref: None,
        communities: Vec::new(),
        large_communities: Vec::new(),
        stale: restarts,
        is_used: rest.trim_start().starts_with('*'),
    })
}

fn read_attribute(path: &mut Path, line: &str) {
    // Where the kernel is to send it; and what stands in no message.
    if line.starts_with("via ") || line.starts_with("dev ") || line.starts_with("Type: ") {
        return;
    }
    let attribute = line.split_once(": ");
    let (name, value) = attribute.unwrap_or_else(|| panic!("of BIRD: no attribute: {line:?}"));
    match name {
        "BGP.origin" => path.origin = Some(known(value)),
        "BGP.as_path" => path.as_path = value.split_whitespace().map(known).collect(),
        "BGP.next_hop" => path.next_hops = value.split_whitespace().map(known).collect(),
        "BGP.med" => path.med = Some(known(value)),
        "BGP.local_pref" => path.local_pref = Some(known(value)),
        "BGP.community" => {
            let all = tuples(value).into_iter().map(|it| match it[..] {
                [high, low] => Community(known(&high.to_string()), known(&low.to_string())),
                _ => panic!("of BIRD: communities: {value:?}"),
            });
            path.communities = all.collect();
        }
        "BGP.large_community" => {
            let all = tuples(value).into_iter().map(|it| match it[..] {
                [global, first, second] => LargeCommunity(global, first, second),
                _ => panic!("of BIRD: large communities: {value:?}"),
            });
            path.large_communities = all.collect();
        }
        // Who took numbers together is nobody's question.
        "BGP.atomic_aggr" | "BGP.aggregator" => {}
        _ => panic!("of BIRD: no attribute: {line:?}"),
    }
}

/// `(64512,9) (64512, 3, 4)`
fn tuples(text: &str) -> Vec<Vec<u32>> {
    let tuples = text.split_inclusive(')').map(|tuple| {
        let inner = tuple
            .trim()
            .strip_prefix('(')
            .and_then(|it| it.strip_suffix(')'));
        let inner = inner.unwrap_or_else(|| panic!("of BIRD: no tuple: {tuple:?}"));
        inner.split(',').map(known).collect()
    });
    tuples.collect()
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(known(text))
}

/// Of `show bfd sessions`.
pub(super) fn bfd_sessions(said: &str) -> Vec<BfdSession> {
    let mut lines = said.lines().filter(|it| !it.trim().is_empty());
    let (name, heading) = (lines.next(), lines.next());
    let is_known = name == Some("bfd1:") && heading.is_some_and(|it| it.starts_with("IP address"));
    assert!(is_known, "of BIRD: BFD sessions: {said}");
    let sessions = lines.map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [address, interface, state, _since, interval, detection] = words[..] else {
            panic!("of BIRD: a BFD session: {line:?}")
        };
        BfdSession {
            address: known(address),
            interface: (interface != "---").then(|| interface.to_owned()),
            state: known(state),
            interval: Some(seconds(interval)),
            detection_time: Some(seconds(detection)),
            details: None,
        }
    });
    sessions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{BfdState, Capabilities, Origin, Session, SessionState};

    fn protocol(is_waited_for: bool) -> Protocol {
        let session = Session {
            neighbour: "192.0.2.1".into(),
            address: Some([192, 0, 2, 1].into()),
            state: SessionState::Established,
            up: None,
            last_error: None,
            hold_time: None,
            capabilities: Capabilities::default(),
        };
        Protocol {
            name: "peer0".into(),
            session,
            is_waited_for,
        }
    }

    const SAID: &str = "Table master4:
192.0.2.0/24         unicast [direct1 1795897874] * (240)
\tdev eth0
\tType: device univ
203.0.113.4/32       unicast [peer0 1795897878 from 192.0.2.1] * (100) [AS64514i]
\tvia 192.0.2.1 on eth0
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 64500 64514
\tBGP.next_hop: fd00:192:0:2::1 fe80::1
\tBGP.med: 13
\tBGP.local_pref: 100
\tBGP.community: (64512,9) (65535,65281)
\tBGP.large_community: (64512, 3, 4)
                     blackhole [originated4 1795897878] (200)
\tType: static univ
";

    #[test]
    fn paths_are_read() {
        let routes = routes(SAID, &[protocol(true)]);
        assert_eq!(routes.len(), 1);
        let [told, own] = &routes[&"203.0.113.4/32".parse().unwrap()][..] else {
            panic!("{routes:?}")
        };
        assert_eq!(told.from, Some([192, 0, 2, 1].into()));
        assert_eq!(told.as_path, [64500, 64514]);
        assert_eq!(told.next_hops.len(), 2);
        assert_eq!((told.med, told.local_pref), (Some(13), Some(100)));
        assert_eq!(told.origin, Some(Origin::Igp));
        assert_eq!(
            told.communities,
            [Community(64512, 9), Community::NO_EXPORT]
        );
        assert_eq!(told.large_communities, [LargeCommunity(64512, 3, 4)]);
        assert!(told.is_used && told.stale);
        assert_eq!((own.from, own.is_used, own.stale), (None, false, false));
    }

    #[test]
    #[should_panic(expected = "no attribute")]
    fn an_unknown_attribute_is_told() {
        routes(&SAID.replace("BGP.med", "BGP.mood"), &[protocol(false)]);
    }

    #[test]
    fn sessions_of_bfd_are_read() {
        let said = "bfd1:
IP address                Interface  State      Since         Interval  Timeout
192.0.2.1                 eth0       Up         1795898551      0.100    0.300
192.0.2.9                 ---        Down       1795898551      1.000    0.000
";
        let sessions = bfd_sessions(said);
        assert_eq!(sessions[0].state, BfdState::Up);
        assert_eq!(sessions[0].detection_time, Some(Duration::from_millis(300)));
        assert_eq!(sessions[1].interface, None);
    }
}
