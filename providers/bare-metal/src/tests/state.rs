//! What is looked at again, and told, as objects change.

use std::time::Instant;

use landfall_bare_metal_resources::kinds::AddressPool;
use serde_json::{Value, json};

use crate::metallb::KINDS;
use crate::state::State;

fn begun() -> State {
    let mut state = State::default();
    state.begin(Vec::new(), Instant::now());
    state
}

fn pool(spec: &Value) -> AddressPool {
    let pool = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "a"}, "spec": spec,
    });
    serde_json::from_value(pool).unwrap()
}

#[test]
fn another_fault_of_a_pool_that_was_wrong_already_is_written() {
    let (mut state, now) = (begun(), Instant::now());
    for address in ["192.0.2.1/24", "192.0.2.9-192.0.2.1"] {
        state.put_pool(pool(&json!({"addresses": [address]})), now);
        let changed = state.allocator.take_changed();
        assert!(changed.pools.contains("a"), "{address}");
    }
}

#[test]
fn an_object_of_metallbs_that_cannot_be_read_is_known_told_and_forgotten() {
    let (mut state, now) = (begun(), Instant::now());
    let kind = KINDS[0];
    let odd = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind.singular,
        "metadata": {"name": "odd"}, "spec": {"addresses": 5},
    });
    // Whoever makes it again makes the same mistake again.
    for _ in 0..2 {
        state.put_metallb(kind, "odd".into(), &odd, now);
        assert_eq!(std::mem::take(&mut state.metallb.untold).len(), 1);
        state.put_metallb(kind, "odd".into(), &odd, now);
        assert!(state.metallb.untold.is_empty(), "it is told once");
        let known = state.metallb.names_of(kind);
        assert!(
            known.contains("odd"),
            "a list that lacks it is to be doubted"
        );
        state.remove_metallb(kind, "odd", now);
        assert!(state.metallb.names_of(kind).is_empty());
    }
}
