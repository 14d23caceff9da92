//! From the allocator's answer to conditions.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use landfall_bare_metal_allocator::{Answer, Given, Refusal};
use landfall_provider_api::{
    Assigned, Family, FamilyPolicy, LoadBalancer, Outcome, ProviderCondition, Serving,
};

use super::wanted;
use crate::announced::{Fate, condition};
use crate::speakers::{Node, On};
use crate::telling::{Told, outcome};

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

/// What is told if an advertisement selects every pool, and there is no speaker.
fn told(wanted: &LoadBalancer, answer: &Answer) -> Outcome {
    told_with(wanted, answer, &BTreeSet::new(), Fate::Nobody)
}

/// What is told with these notes, if this is so of all addresses.
fn told_with(
    wanted: &LoadBalancer,
    answer: &Answer,
    dropped: &BTreeSet<&str>,
    fate: Fate<'_>,
) -> Outcome {
    let fates = fates(answer, fate);
    let told = Told {
        dropped,
        fates: &fates,
        unheard: &[],
    };
    outcome(wanted, answer, &told)
}

/// Of all its addresses the same.
fn fates<'a>(answer: &Answer, fate: Fate<'a>) -> Vec<(IpAddr, Fate<'a>)> {
    let addresses = answer.addresses.iter();
    addresses.map(|it| (it.address, fate)).collect()
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
    let reason = |wanted: &LoadBalancer, fate| {
        let outcome = told_with(wanted, &answer, &BTreeSet::new(), fate);
        match assigned(outcome).serving {
            Serving::Yes => "Yes",
            Serving::No { reason, .. }
            | Serving::Unknown { reason, .. }
            | Serving::AsBefore { reason, .. } => reason,
        }
    };
    let nodes = on(&[("node-a", &["eth0"], None)]);
    assert_eq!(reason(&wanted, Fate::Unadvertised), "NotAnnounced");
    assert_eq!(reason(&wanted, Fate::Nobody), "NoEndpoints");
    assert_eq!(reason(&wanted, Fate::Announced(&nodes)), "NoEndpoints");
    wanted.endpoint_nodes = ["node-a".to_owned()].into();
    assert_eq!(reason(&wanted, Fate::Nobody), "NotAnnounced");
    assert_eq!(reason(&wanted, Fate::Unrouted), "NotAnnounced");
    assert_eq!(reason(&wanted, Fate::Routed), "Yes");
    assert_eq!(reason(&wanted, Fate::Announced(&nodes)), "Yes");
}

/// Nodes with their interfaces, and who contests the address there.
fn on(nodes: &[(&str, &[&str], Option<&str>)]) -> BTreeMap<Node, On> {
    let one = |(node, interfaces, by): &(&str, &[&str], Option<&str>)| {
        let on = On {
            interfaces: interfaces.iter().map(|it| Arc::from(*it)).collect(),
            contested_by: by.map(Arc::from),
        };
        (Node::from(*node), on)
    };
    nodes.iter().map(one).collect()
}

#[test]
fn what_speakers_report_is_told_in_one_condition() {
    let [four, six] = ["192.0.2.200", "2001:db8::1"].map(|it| it.parse().unwrap());
    let by_a = on(&[("a", &["eth0", "eth1"], None)]);
    let by_b = on(&[("b", &[], None)]);
    let by_both = on(&[("a", &["eth0"], None), ("b", &["eth0"], None)]);
    let defended = on(&[("a", &["eth0"], Some("02:00:00:00:00:01"))]);
    let node: Node = "a".into();
    let [a, b, both] = [&by_a, &by_b, &by_both].map(Fate::Announced);
    let defended = Fate::Announced(&defended);
    let contested = Fate::Contested(&node, Some("02:00:00:00:00:01"));
    let cut = Fate::Unlisted(&node);
    let (yes, no) = (Some(true), Some(false));
    for (fates, holds, reason, message) in [
        (
            vec![(four, a)],
            yes,
            "Announced",
            "192.0.2.200 by a (eth0, eth1)",
        ),
        (
            vec![(four, a), (six, b)],
            yes,
            "Announced",
            "192.0.2.200 by a (eth0, eth1); 2001:db8::1 by b",
        ),
        (
            vec![(four, both)],
            yes,
            "Announced",
            "192.0.2.200 by a (eth0) and b (eth0), whose speakers do not hear each other",
        ),
        (
            vec![(four, defended)],
            yes,
            "Contested",
            "192.0.2.200 by a (eth0), though another host (02:00:00:00:00:01) answers for it, too",
        ),
        (
            vec![(four, contested)],
            no,
            "AddressInUse",
            "another host (02:00:00:00:00:01) has 192.0.2.200, so a does not announce it",
        ),
        (
            vec![(four, Fate::Nobody)],
            no,
            "NoSpeaker",
            "no speaker announces 192.0.2.200",
        ),
        (
            vec![(four, Fate::Nobody), (six, b)],
            no,
            "PartlyAnnounced",
            "no speaker announces 192.0.2.200; 2001:db8::1 by b",
        ),
        (
            vec![(four, contested), (six, b)],
            no,
            "PartlyAnnounced",
            "another host (02:00:00:00:00:01) has 192.0.2.200, so a does not announce it; 2001:db8::1 by b",
        ),
        (
            vec![(four, cut)],
            None,
            "NotListed",
            "no speaker reports 192.0.2.200, but a announces more addresses than its report has room for",
        ),
        (
            vec![(four, Fate::Routed), (six, b)],
            Some(true),
            "Announced",
            "192.0.2.200 to routers, by BGP; 2001:db8::1 by b",
        ),
        (
            vec![(four, Fate::Routed), (six, Fate::Nobody)],
            no,
            "PartlyAnnounced",
            "192.0.2.200 to routers, by BGP; no speaker announces 2001:db8::1",
        ),
        (
            vec![(four, a), (six, Fate::OutOfPool)],
            no,
            "NoAdvertisement",
            "2001:db8::1 is in no AddressPool, so no advertisement selects it",
        ),
    ] {
        let told = condition(&fates, true);
        assert_eq!((told.holds, told.reason), (holds, reason), "{fates:?}");
        assert_eq!(told.message, message);
        assert_eq!(told.warns, message.contains("another host"), "{message}");
    }
    let told = condition(&[(four, Fate::Nobody)], false);
    assert_eq!(told.reason, "NoEndpoints");
    assert!(
        told.message
            .ends_with("no pod is ready to take what arrives")
    );
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
    let told = assigned(told_with(&wanted, &answer, &notes, Fate::Nobody));
    let told = told.conditions.into_iter();
    let mut told = told.filter(|it| it.type_ == "landfall.dev/NotCarriedOver");
    let message = told.next().unwrap().message;
    assert!(message.ends_with("note 4. and 2 more"), "{message}");
}

#[test]
fn why_nobody_announces_is_told_where_reports_show_it() {
    let four: IpAddr = "192.0.2.200".parse().unwrap();
    for (fate, why) in [
        (Fate::NoReport, "none has reported"),
        (Fate::OffSubnet, "is in no subnet of a node's interfaces"),
    ] {
        let told = condition(&[(four, fate)], true);
        assert_eq!((told.holds, told.reason), (Some(false), "NoSpeaker"));
        assert!(told.message.contains(why), "{told:?}");
        assert!(told.message.starts_with("no speaker announces 192.0.2.200"));
    }
    let told = condition(&[(four, Fate::Unrouted)], true);
    assert_eq!((told.holds, told.reason), (Some(false), "NoSession"));
    let expected = "no router is told of 192.0.2.200: no node has a session with a BGPPeer";
    assert!(told.message.starts_with(expected), "{told:?}");
}
