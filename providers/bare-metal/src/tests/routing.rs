//! What is told of routers, and of advertisements to them.

#![expect(
    clippy::needless_pass_by_value,
    reason = "objects are written where they are used"
)]

use std::time::Instant;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_provider_api::{Family, Outcome};
use serde_json::{Value, json};

use super::story::{ADDRESS, Story};
use super::{begun, wanted};
use crate::advertising::Protocol;
use crate::state::State;
use crate::status;

/// Annotations, an advertisement, and what is told.
type Row<'a> = (&'a [(&'a str, &'a str)], Value, &'a str);

pub(super) fn put_bgp(state: &mut State, name: &str, spec: Value) {
    let rule = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPAdvertisement",
        "metadata": {"name": name}, "spec": spec,
    });
    state.put_bgp(serde_json::from_value(rule).unwrap());
}

fn put_node(state: &mut State, name: &str, rack: &str) {
    let labels = [("rack".to_owned(), rack.to_owned())].into();
    state.put_labels(name, Some(&labels));
    let now = Instant::now();
    state.with_speakers(now, |speakers| speakers.put_node(name, now));
}

pub(super) fn state() -> State {
    let mut state = begun();
    let pool = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "a"}, "spec": {"addresses": ["192.0.2.1"]},
    });
    state.put_pool(serde_json::from_value(pool).unwrap(), Instant::now());
    for (name, rack) in [("n1", "a"), ("n2", "b")] {
        put_node(&mut state, name, rack);
    }
    state
}

pub(super) fn of(state: &State, name: &str) -> Vec<Condition> {
    let read = &state.bgp[name];
    let conflicts = state.conflicts_of(name);
    let nobodys = state.nobodys(name);
    status::of_bgp_advertisement(read, &conflicts, &nobodys, &[], Timestamp::UNIX_EPOCH)
}

pub(super) fn condition<'a>(
    conditions: &'a [Condition],
    type_: &str,
) -> (&'a str, &'a str, &'a str) {
    let it = conditions.iter().find(|it| it.type_ == type_).unwrap();
    (&it.status, &it.reason, &it.message)
}

pub(super) fn put_peer(state: &mut State, name: &str, spec: Value) {
    let peer = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPPeer",
        "metadata": {"name": name}, "spec": spec,
    });
    state.put_peer(serde_json::from_value(peer).unwrap());
}

pub(super) fn of_peer(state: &State, name: &str) -> Vec<Condition> {
    let sessions = state.speakers.sessions_with(name);
    let double = state.double_of(name);
    let now = Timestamp::UNIX_EPOCH;
    status::of_bgp_peer(&state.peers[name], &sessions, double, &[], now)
}

#[test]
fn who_says_something_else_of_the_same_routes_is_told_whose_word_counts() {
    let rack = |name: &str| json!({"matchLabels": {"rack": name}});
    let says = |more: Value| {
        let mut spec = json!({"localPref": 200, "med": 5});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        spec
    };
    let rows = [
        ("the same", says(json!({"localPref": 100, "med": 5})), None),
        ("of other peers", says(json!({"peers": ["x"]})), None),
        (
            "of other nodes",
            says(json!({"nodeSelector": rack("b")})),
            None,
        ),
        ("of no node", says(json!({"nodeSelector": rack("c")})), None),
        ("of other pools", says(json!({"pools": ["b"]})), None),
        (
            "of aggregates",
            says(json!({"aggregationLength": 24, "aggregationLengthV6": 64})),
            None,
        ),
        (
            "one field that both have",
            json!({"localPref": 200}),
            Some("localPref: a says 100, which counts, and this one 200"),
        ),
        (
            "what the first does not say",
            json!({"asPathPrepend": 2}),
            None,
        ),
        (
            "several",
            says(json!({"peers": ["tor-1", "x"], "med": 7})),
            Some(
                "localPref: a says 100, which counts, and this one 200; med: a says 5, which counts, \
                 and this one 7",
            ),
        ),
    ];
    for (what, spec, expected) in rows {
        let mut state = state();
        let first = json!({
            "localPref": 100, "med": 5, "peers": ["tor-1"], "nodeSelector": rack("a"), "pools": ["a"],
        });
        put_bgp(&mut state, "a", first);
        put_bgp(&mut state, "b", spec);
        let conditions = of(&state, "b");
        let (status, reason, message) = condition(&conditions, "Conflicting");
        match expected {
            Some(expected) => assert_eq!((status, message), ("True", expected), "{what}"),
            None => assert_eq!(
                (status, reason),
                ("False", "NoConflict"),
                "{what}: {message}"
            ),
        }
        let conditions = of(&state, "a");
        assert_eq!(condition(&conditions, "Conflicting").0, "False", "{what}");
        assert_eq!(condition(&conditions, "Ready").0, "True");
    }
}

#[test]
fn an_advertisement_is_looked_at_again_when_nodes_change_or_another_goes() {
    let mut state = state();
    put_bgp(
        &mut state,
        "a",
        json!({"med": 1, "nodeSelector": {"matchLabels": {"rack": "a"}}}),
    );
    put_bgp(
        &mut state,
        "b",
        json!({"med": 2, "nodeSelector": {"matchLabels": {"rack": "b"}}}),
    );
    assert_eq!(condition(&of(&state, "b"), "Conflicting").0, "False");
    state.touched.clear();
    put_node(&mut state, "n2", "b");
    assert!(state.touched.is_empty(), "nothing has changed");
    let both = json!({"matchExpressions": [{"key": "rack", "operator": "Exists"}]});
    put_bgp(&mut state, "a", json!({"med": 1, "nodeSelector": both}));
    let all = [
        (Protocol::Bgp, "a".to_owned()),
        (Protocol::Bgp, "b".to_owned()),
    ];
    assert_eq!(state.touched, all.clone().into());
    assert_eq!(condition(&of(&state, "b"), "Conflicting").0, "True");
    state.touched.clear();
    state.put_labels("n2", None);
    assert_eq!(state.touched, all.into());
    assert_eq!(condition(&of(&state, "b"), "Conflicting").0, "False");
    state.remove_advertisement(Protocol::Bgp, "a");
    assert!(state.touched.contains(&(Protocol::Bgp, "b".to_owned())));
}

#[test]
fn of_a_router_it_is_told_which_nodes_have_no_session_and_why() {
    let mut state = state();
    let put_peer = |state: &mut State, spec: Value| put_peer(state, "tor-1", spec);
    let of = |state: &State| of_peer(state, "tor-1");
    let report = |state: &mut State, node: &str, session: Value| {
        let object = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
            "metadata": {"name": node}, "spec": {}, "status": {"bgpSessions": [session]},
        });
        let object: SpeakerStatus = serde_json::from_value(object).unwrap();
        let now = Instant::now();
        state.touched_peers.clear();
        state.with_speakers(now, |speakers| speakers.put(&object, now));
    };
    put_peer(
        &mut state,
        json!({"localASN": 64512, "peerASN": 64500, "address": "192.0.2.254"}),
    );
    assert!(state.touched_peers.contains("tor-1"));
    let conditions = of(&state);
    assert_eq!(condition(&conditions, "Ready").0, "True");
    assert_eq!(condition(&conditions, "Established").1, "NoSession");
    let up = json!({"peer": "tor-1", "state": "Established", "lastError": "of yesterday"});
    report(&mut state, "n1", up.clone());
    assert!(state.touched_peers.contains("tor-1"));
    let down = json!({"peer": "tor-1", "state": "Idle", "lastError": "sent: Bad Peer AS (2/2)"});
    report(&mut state, "n2", down);
    let conditions = of(&state);
    let expected = ("False", "NotEstablished", "n2: sent: Bad Peer AS (2/2)");
    assert_eq!(condition(&conditions, "Established"), expected);
    report(&mut state, "n2", up.clone());
    assert_eq!(condition(&of(&state), "Established").0, "True");
    report(&mut state, "n2", up);
    assert!(state.touched_peers.is_empty(), "it says what it said");
    let lacking = json!({"peer": "tor-1", "state": "Established", "missingFamilies": ["IPv6"]});
    report(&mut state, "n2", lacking);
    let conditions = of(&state);
    let (status, reason, message) = condition(&conditions, "Established");
    assert_eq!((status, reason), ("True", "FamilyMissing"));
    assert!(message.contains("no IPv6 routes"), "{message}");
    // A router that notices our end at once keeps nothing.
    put_peer(
        &mut state,
        json!({
            "localASN": 64512, "peerASN": 64500, "address": "192.0.2.254", "gracefulRestart": {}, "bfd": {},
        }),
    );
    assert_eq!(condition(&of(&state), "GracefulRestart").1, "BFD");
    put_peer(
        &mut state,
        json!({"localASN": 0, "peerASN": 64500, "address": "192.0.2.254"}),
    );
    assert_eq!(condition(&of(&state), "Ready").1, "Invalid");
}

#[test]
fn what_a_service_asks_for_its_routes_and_is_not_let_is_told() {
    let annotated = |pairs: &[(&str, &str)]| {
        let mut wanted = wanted(&[Family::IPv4]);
        let pairs = pairs.iter();
        let pairs =
            pairs.map(|(key, value)| (format!("landfall.dev/bgp-{key}"), (*value).to_owned()));
        wanted.annotations = pairs.collect();
        wanted
    };
    let rows: [Row<'_>; 6] = [
        (&[], json!({}), ""),
        (&[("med", "5")], json!({"serviceAttributes": ["MED"]}), ""),
        (
            &[("med", "5"), ("local-pref", "7")],
            json!({"serviceAttributes": ["LocalPref"]}),
            "no BGPAdvertisement of its addresses has MED in serviceAttributes",
        ),
        (&[("med", "high")], json!({}), "'high' is no number"),
        (
            &[("communities", "65000:1,gold")],
            json!({"serviceAttributes": ["Communities"]}),
            "'gold' is no community",
        ),
        (
            &[("communities", "65000:1,gold")],
            json!({"serviceAttributes": ["Communities"], "communityAliases": {"gold": "1:2"}}),
            "",
        ),
    ];
    for (pairs, spec, expected) in rows {
        let mut state = state();
        put_bgp(&mut state, "a", spec);
        let outcome = state.ensure(&annotated(pairs), Instant::now()).unwrap();
        let Outcome::Provisioned(assigned) = outcome else {
            panic!("{outcome:?}");
        };
        let told = assigned.conditions.into_iter();
        let mut told = told.filter(|it| it.type_ == "landfall.dev/RouteAttributesIgnored");
        let message = told.next().map(|it| it.message).unwrap_or_default();
        assert_eq!(
            message.is_empty(),
            expected.is_empty(),
            "{pairs:?}: {message}"
        );
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_only_routers_are_told_of_needs_a_session_with_one_of_them() {
    let mut story = Story::begin();
    story.state.remove_advertisement(Protocol::L2, "lan");
    story.says(0, "NoAdvertisement", ADDRESS);
    let rule = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPAdvertisement",
        "metadata": {"name": "routers"}, "spec": {"peers": ["tor-1"]},
    });
    story.state.put_bgp(serde_json::from_value(rule).unwrap());
    story.says(0, "NoSpeaker", "none has reported");
    let sessions = |named: &[(&str, &str)]| {
        let named = named.iter();
        let named = named.map(|(peer, state)| json!({"peer": peer, "state": state}));
        json!({"bgpSessions": named.collect::<Vec<_>>()})
    };
    story.put(
        0,
        "n1",
        &sessions(&[("tor-1", "Active"), ("tor-2", "Established")]),
    );
    story.pass(0, 2000);
    story.says(2000, "NoSession", "no router is told");
    story.put(2000, "n2", &sessions(&[("tor-1", "Established")]));
    assert_eq!(story.pass(2000, 4000), 1);
    story.says(4000, "Announced", "to routers, by BGP");
    // One session more is nothing to a Service, nor is one less while there is another.
    let both = [("tor-1", "Established"), ("tor-2", "Established")];
    let other = [("tor-1", "Idle"), ("tor-2", "Established")];
    story.put(4000, "n1", &sessions(&both));
    story.put(4100, "n2", &sessions(&[("tor-1", "Idle")]));
    assert_eq!(story.pass(4000, 9000), 0);
    // Where it was the last, it is waited whether it comes back.
    story.put(9000, "n1", &sessions(&other));
    story.put(10_000, "n1", &sessions(&both));
    assert_eq!(story.pass(9000, 15_000), 0);
    story.put(15_000, "n1", &sessions(&other));
    assert_eq!(story.pass(15_000, 15_000 + 2999), 0);
    assert_eq!(story.pass(15_000 + 2999, 20_000), 1);
    story.says(20_000, "NoSession", "no router is told");
    // A node that is gone has no sessions.
    story.put(20_000, "n3", &sessions(&[("tor-1", "Established")]));
    assert_eq!(story.pass(20_000, 22_000), 1);
    story.says(22_000, "Announced", "by BGP");
    let now = story.at(22_000);
    story
        .state
        .with_speakers(now, |speakers| speakers.remove_node("n3", now));
    assert_eq!(story.pass(22_000, 30_000), 1);
    // Where no pod takes what arrives, routers are told nothing.
    story.put(30_000, "n1", &sessions(&[("tor-1", "Established")]));
    story.pass(30_000, 32_000);
    story.wanted.endpoint_nodes.clear();
    story.says(32_000, "NoEndpoints", "no pod is ready");
}
