//! From the allocator's answer to conditions.

use std::collections::BTreeSet;
use std::sync::Arc;

use landfall_bare_metal_allocator::{Answer, Given, Refusal};
use landfall_provider_api::{
    Assigned, Family, FamilyPolicy, LoadBalancer, Outcome, ProviderCondition, Serving,
};

use super::wanted;
use crate::telling::outcome;

fn given(address: &str, pool: Option<&str>) -> Given {
    Given {
        address: address.parse().unwrap(),
        pool: pool.map(Into::into),
        lost_by: None,
        lacks_common_node: false,
    }
}

fn answer(addresses: Vec<Given>, refusals: Vec<Refusal>) -> Answer {
    Answer {
        addresses,
        refusals,
        evicted: None,
    }
}

/// What is told if an advertisement selects every pool.
fn told(wanted: &LoadBalancer, answer: &Answer) -> Outcome {
    outcome(wanted, answer, &BTreeSet::new(), |_| true)
}

fn assigned(outcome: Outcome) -> Assigned {
    match outcome {
        Outcome::Provisioned(assigned) => assigned,
        other => panic!("{other:?}"),
    }
}

fn types(conditions: &[ProviderCondition]) -> Vec<&str> {
    conditions.iter().map(|it| it.type_).collect()
}

fn dual_stack(policy: FamilyPolicy) -> LoadBalancer {
    LoadBalancer {
        family_policy: policy,
        ..wanted(&[Family::IPv4, Family::IPv6])
    }
}

#[test]
fn only_who_prefers_two_families_is_content_with_one() {
    let one = || vec![given("192.0.2.1", Some("a"))];
    let lacks = answer(one(), vec![Refusal::NoPool(Family::IPv6)]);
    let prefers = told(&dual_stack(FamilyPolicy::PreferDualStack), &lacks);
    assert!(matches!(prefers, Outcome::Provisioned(_)), "{prefers:?}");
    let requires = told(&dual_stack(FamilyPolicy::RequireDualStack), &lacks);
    assert!(matches!(requires, Outcome::Waiting { .. }), "{requires:?}");
    // It may have it one day by itself; a pool that is named must exist.
    let odd = answer(one(), vec![Refusal::PoolNotFound("b".into())]);
    let prefers = told(&dual_stack(FamilyPolicy::PreferDualStack), &odd);
    assert!(matches!(prefers, Outcome::Waiting { held: Some(_), .. }));
    let has_both = vec![
        given("192.0.2.1", Some("a")),
        given("2001:db8::1", Some("a")),
    ];
    let wants_others = answer(has_both, vec![Refusal::NoPool(Family::IPv6)]);
    let prefers = told(&dual_stack(FamilyPolicy::PreferDualStack), &wants_others);
    assert!(matches!(prefers, Outcome::Waiting { .. }));
}

#[test]
fn the_same_lack_of_both_families_is_told_once() {
    let name: Arc<str> = "b".into();
    let twice = vec![
        Refusal::PoolNotFound(name.clone()),
        Refusal::PoolNotFound(name),
    ];
    let outcome = told(
        &dual_stack(FamilyPolicy::RequireDualStack),
        &answer(Vec::new(), twice),
    );
    let Outcome::Waiting { held: None, lack } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(lack.reason, "PoolNotFound");
    assert!(!lack.message.contains("; "), "{}", lack.message);
}

#[test]
fn what_keeps_traffic_away_is_told_the_nearest_first() {
    let mut wanted = wanted(&[Family::IPv4]);
    let answer = answer(vec![given("192.0.2.1", Some("a"))], Vec::new());
    let reason = |wanted: &LoadBalancer, is_announced| {
        let outcome = outcome(wanted, &answer, &BTreeSet::new(), |_| is_announced);
        match assigned(outcome).serving {
            Serving::No { reason, .. } | Serving::Unknown { reason, .. } => reason,
            other @ Serving::Yes => panic!("{other:?}"),
        }
    };
    assert_eq!(reason(&wanted, false), "NotAnnounced");
    assert_eq!(reason(&wanted, true), "NoEndpoints");
    wanted.endpoint_nodes = ["node-a".to_owned()].into();
    assert_eq!(reason(&wanted, true), "NoSpeaker");
}

#[test]
fn an_address_in_no_pool_is_told_whether_or_not_one_had_it() {
    let wanted = wanted(&[Family::IPv4]);
    for lost_by in [None, Some("a".into())] {
        let stray = Given {
            lost_by,
            ..given("192.0.2.1", None)
        };
        let told = assigned(told(&wanted, &answer(vec![stray], Vec::new())));
        let types = types(&told.conditions);
        assert!(
            types.contains(&"landfall.dev/AddressOutOfPool"),
            "{types:?}"
        );
    }
}

#[test]
fn of_many_notes_five_are_told_and_the_rest_counted() {
    let wanted = wanted(&[Family::IPv4]);
    let notes: Vec<String> = (0..7).map(|it| format!("note {it}")).collect();
    let notes = notes.iter().map(String::as_str).collect();
    let answer = answer(vec![given("192.0.2.1", Some("a"))], Vec::new());
    let told = assigned(outcome(&wanted, &answer, &notes, |_| true));
    let told = told.conditions.into_iter();
    let mut told = told.filter(|it| it.type_ == "landfall.dev/NotCarriedOver");
    let message = told.next().unwrap().message;
    assert!(message.ends_with("note 4. and 2 more"), "{message}");
}
