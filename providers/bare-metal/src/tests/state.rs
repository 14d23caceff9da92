//! What is looked at again, and told, as objects change.

use std::time::{Instant, SystemTime};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use landfall_bare_metal_allocator::{Holding, ReservationName, Standing};
use landfall_bare_metal_resources::kinds::{AddressPool, AddressPoolStatus, AddressReservation};
use landfall_provider_api::{Family, LoadBalancer, Outcome};
use serde_json::{Value, json};

use super::{begun, wanted};
use crate::state::{State, spec};
use crate::{asking, status};
use landfall_bare_metal_resources::metallb::KINDS;

fn pool(spec: &Value) -> AddressPool {
    pool_as("a", 1, spec, &Value::Null)
}

/// A pool made at this second, with a status.
fn pool_as(name: &str, second: u32, spec: &Value, status: &Value) -> AddressPool {
    let created = format!("2026-01-01T00:00:{second:02}Z");
    let pool = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": name, "creationTimestamp": created, "generation": 7},
        "spec": spec, "status": status,
    });
    serde_json::from_value(pool).unwrap()
}

/// A reservation of the namespace `default`.
fn reservation(spec: &Value, status: &Value) -> AddressReservation {
    let reservation = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressReservation",
        "metadata": {"name": "door", "namespace": "default"}, "spec": spec, "status": status,
    });
    serde_json::from_value(reservation).unwrap()
}

fn door() -> ReservationName {
    ReservationName {
        namespace: "default".into(),
        name: "door".into(),
    }
}

/// A Service that holds this address by its status.
fn holding(wanted: &LoadBalancer, address: &str) -> Holding {
    Holding {
        uid: wanted.id.service_uid.as_str().into(),
        service: wanted.service.clone(),
        created: SystemTime::UNIX_EPOCH,
        ours: true,
        addresses: vec![address.parse().unwrap()],
        need: asking::need(wanted).ok(),
    }
}

/// What the pool's status is to say.
fn status_of(state: &State, name: &str, now: Timestamp) -> AddressPoolStatus {
    let pool = state.allocator.pool(name).unwrap();
    status::of_pool(pool, &state.pools[name], now)
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

#[test]
fn another_fault_of_a_reservation_is_written() {
    let (mut state, now) = (begun(), Instant::now());
    for address in ["192.0.2.1/24", "192.0.2.256"] {
        let odd = reservation(&json!({"address": address}), &Value::Null);
        state.put_reservation(odd, now);
        let changed = state.allocator.take_changed();
        assert!(changed.reservations.contains(&door()), "{address}");
    }
}

#[test]
fn a_namespace_that_comes_to_be_selected_lets_its_reservations_have_an_address() {
    let (mut state, now) = (begun(), Instant::now());
    let selector = json!({"matchLabels": {"team": "a"}});
    let spec = json!({"addresses": ["192.0.2.0/28"], "namespaceSelector": selector});
    state.put_pool(pool(&spec), now);
    state.put_reservation(reservation(&json!({"pool": "a"}), &Value::Null), now);
    let address = |state: &State| state.allocator.reservation(&door()).unwrap().address;
    assert_eq!(address(&state), None);
    let labels = [("team".to_owned(), "a".to_owned())].into();
    state.put_namespace("default", labels, now);
    assert_eq!(address(&state), Some("192.0.2.0".parse().unwrap()));
}

#[test]
fn a_pool_takes_lost_addresses_back_only_if_it_is_told_so() {
    let parsed = landfall_bare_metal_resources::Pool::parse(&pool(&json!({
        "addresses": ["192.0.2.0/28"],
    })));
    let parsed = parsed.unwrap();
    let of = |value: &str| {
        let annotations = [(crate::RECLAIM.to_owned(), value.to_owned())].into();
        spec(&parsed, Some(&annotations)).reclaim
    };
    assert!(of("true"));
    assert!(!of("false") && !of(""));
}

#[test]
fn after_a_restart_the_pool_that_was_in_conflict_still_is() {
    let spec = json!({"addresses": ["192.0.2.0/28"]});
    let conflicting = json!({"conditions": [{
        "type": "Conflicting", "status": "True", "reason": "Overlap", "message": "",
        "lastTransitionTime": "2026-01-01T00:01:00Z",
    }]});
    let (mut state, now) = (State::default(), Instant::now());
    // It is the older, but an edit of it has made the overlap.
    state.put_pool(pool_as("older", 1, &spec, &conflicting), now);
    state.put_pool(pool_as("younger", 2, &spec, &Value::Null), now);
    state.begin(Vec::new(), now);
    let standing = |name: &str| &state.allocator.pool(name).unwrap().standing;
    assert!(matches!(standing("older"), Standing::Conflicting { .. }));
    assert_eq!(*standing("younger"), Standing::Ready);
}

#[test]
fn after_a_restart_a_pool_still_knows_the_addresses_that_it_lost() {
    let spec = json!({"addresses": ["192.0.2.0/28"]});
    let (mut state, now) = (State::default(), Instant::now());
    let lost = json!({"addresses": ["192.0.2.0/28"], "retained": ["198.51.100.7"]});
    state.put_pool(pool_as("a", 1, &spec, &lost), now);
    let wanted = wanted(&[Family::IPv4]);
    state.begin(vec![holding(&wanted, "198.51.100.7")], now);
    let Ok(Outcome::Provisioned(assigned)) = state.ensure(&wanted, now) else {
        panic!("it keeps its address");
    };
    let told = assigned.conditions.into_iter();
    let mut told = told.filter(|it| it.type_ == "landfall.dev/AddressOutOfPool");
    let message = told.next().unwrap().message;
    assert!(message.contains("no longer in AddressPool a"), "{message}");
}

#[test]
fn after_a_restart_a_reservation_has_the_address_that_its_status_says() {
    let (mut state, now) = (State::default(), Instant::now());
    state.put_pool(pool(&json!({"addresses": ["192.0.2.0/28"]})), now);
    let kept = json!({"address": "192.0.2.9", "conditions": []});
    state.put_reservation(reservation(&json!({"pool": "a"}), &kept), now);
    state.begin(Vec::new(), now);
    let found = state.allocator.reservation(&door()).unwrap().address;
    assert_eq!(found, Some("192.0.2.9".parse().unwrap()));
}

#[test]
fn what_is_begun_anew_holds_what_is_held_now_and_not_what_was_before() {
    let (mut state, now) = (State::default(), Instant::now());
    state.put_pool(pool(&json!({"addresses": ["192.0.2.0/28"]})), now);
    let wanted = wanted(&[Family::IPv4]);
    state.begin(vec![holding(&wanted, "192.0.2.3")], now);
    assert_eq!(state.allocator.provided().count(), 1);
    state.begin(Vec::new(), now);
    assert_eq!(state.allocator.provided().count(), 0);
}

#[test]
fn a_condition_names_the_generation_and_moves_its_time_only_with_its_status() {
    let (mut state, now) = (begun(), Instant::now());
    let start: Timestamp = "2026-01-01T00:02:00Z".parse().unwrap();
    let later = start + SignedDuration::from_mins(1);
    state.put_pool(pool(&json!({"addresses": ["192.0.2.0/28"]})), now);
    let first = status_of(&state, "a", start);
    assert!(
        first
            .conditions
            .iter()
            .all(|it| it.observed_generation == Some(7))
    );
    let ready = |status: &AddressPoolStatus| {
        let mut conditions = status.conditions.iter();
        let ready = conditions.find(|it| it.type_ == "Ready").unwrap();
        (ready.status.clone(), ready.last_transition_time.0)
    };
    state.pools.get_mut("a").unwrap().object.status = Some(first);
    assert_eq!(
        ready(&status_of(&state, "a", later)),
        ("True".into(), start)
    );
    let mut closed = pool(&json!({"addresses": ["192.0.2.0/28"], "allocation": "Closed"}));
    closed.status = state.pools["a"].object.status.clone();
    state.put_pool(closed, now);
    assert_eq!(
        ready(&status_of(&state, "a", later)),
        ("False".into(), later)
    );
}

#[test]
fn a_reservation_of_an_address_that_a_stranger_has_says_who() {
    let (mut state, now) = (State::default(), Instant::now());
    state.put_pool(pool(&json!({"addresses": ["192.0.2.0/28"]})), now);
    let wanted = wanted(&[Family::IPv4]);
    state.begin(vec![holding(&wanted, "192.0.2.3")], now);
    state.put_reservation(
        reservation(&json!({"address": "192.0.2.3"}), &Value::Null),
        now,
    );
    let read = &state.reservations[&door()];
    let told = status::of_reservation(&state.allocator, &door(), read, Timestamp::now());
    assert_eq!(told.conditions[0].reason, "AddressInUse");
    assert!(told.conditions[0].message.contains("default/web"));
}
