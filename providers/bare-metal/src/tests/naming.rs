//! What is told of routers that several objects are for, and of names that nobody has.

use std::time::Instant;

use serde_json::{Value, json};

use super::routing::{condition, of, of_peer, put_bgp, put_peer, state};
use crate::advertising::Protocol;
use crate::state::State;

#[test]
fn of_two_peers_for_one_router_the_second_is_told_until_it_is_no_more() {
    let spec = |more: Value| {
        let mut spec = json!({"localASN": 64512, "peerASN": 64500, "address": "192.0.2.254"});
        let more = more.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(more);
        spec
    };
    let rack = |name: &str| json!({"nodeSelector": {"matchLabels": {"rack": name}}});
    let rows = [
        (json!({"localASN": 64513}), true),
        (rack("a"), true),
        (rack("c"), false),
        (json!({"address": "192.0.2.253"}), false),
        (json!({"port": 1790}), false),
        (json!({"sourceAddress": "192.0.2.9"}), false),
        (json!({"localASN": 0}), false),
    ];
    let is_told = |state: &State, name: &str| {
        let conditions = of_peer(state, name);
        let mut told = conditions.iter().filter(|it| it.type_ == "Conflicting");
        told.next().map(|it| it.message.clone())
    };
    for (more, expected) in rows {
        let mut state = state();
        put_peer(&mut state, "b", spec(more.clone()));
        state.touched_peers.clear();
        put_peer(&mut state, "a", spec(json!({})));
        assert!(state.touched_peers.contains("b"));
        assert_eq!(is_told(&state, "a"), None);
        let told = is_told(&state, "b").unwrap_or_default();
        assert_eq!(told.contains("BGPPeer a"), expected, "{more}: {told}");
        state.touched_peers.clear();
        state.remove_peer("a");
        assert!(state.touched_peers.contains("b"));
        assert_eq!(is_told(&state, "b"), None);
    }
}

#[test]
fn an_advertisement_that_names_what_nobody_has_says_so_until_it_is_there() {
    let mut state = state();
    let spec = json!({"pools": ["a", "later"], "peers": ["tor-1"]});
    put_bgp(&mut state, "x", spec);
    let conditions = of(&state, "x");
    let (status, reason, message) = condition(&conditions, "Ready");
    assert_eq!((status, reason), ("True", "NamesNothing"));
    let expected = "there is no AddressPool later, BGPPeer tor-1";
    assert!(message.ends_with(expected), "{message}");
    let x = (Protocol::Bgp, "x".to_owned());
    state.touched.clear();
    let peer = json!({"localASN": 64512, "peerASN": 64500, "address": "192.0.2.254"});
    put_peer(&mut state, "tor-1", peer);
    assert!(
        state.touched.remove(&x),
        "of a new router it is looked at again"
    );
    let pool = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "later"}, "spec": {"addresses": ["192.0.2.2"]},
    });
    state.put_pool(serde_json::from_value(pool).unwrap(), Instant::now());
    assert!(state.touched.remove(&x), "of a new pool, too");
    assert_eq!(condition(&of(&state, "x"), "Ready").1, "Ready");
    state.remove_pool("later", Instant::now());
    assert!(state.touched.remove(&x), "of a pool that goes, too");
    assert_eq!(condition(&of(&state, "x"), "Ready").1, "NamesNothing");
}
