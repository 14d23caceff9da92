//! What is told of addresses as reports come, change and go.

use std::time::Instant;

use landfall_bare_metal_resources::kinds::MOST_ADDRESSES;
use serde_json::{Value, json};

use super::story::{ADDRESS, Story};
use crate::speakers::{HOLD, Speakers};

#[test]
fn an_address_outside_of_all_subnets_is_told_to_be() {
    let mut story = Story::begin();
    let on = |subnet: &str, up: bool| json!({"interfaces": [{"name": "eth0", "up": up, "subnets": [subnet]}]});
    story.put(1, "n1", &on("198.51.100.0/24", true));
    assert_eq!(story.pass(1, 10), 1);
    story.says(10, "NoSpeaker", "is in no subnet of a node's interfaces");
    story.put(11, "n2", &on("192.0.2.0/24", true));
    assert_eq!(story.pass(1011, 1020), 1);
    let plain = format!("no speaker announces {ADDRESS}");
    assert_eq!(story.told(1020).1, plain);
    // A second node there, or one that is elsewhere, changes nothing.
    story.put(1021, "n3", &on("192.0.2.0/24", true));
    story.put(1022, "n2", &on("198.51.100.0/24", true));
    assert_eq!(story.pass(2021, 3030), 0);
    assert_eq!(story.told(3030).1, plain);
    story.put(3031, "n3", &on("192.0.2.0/24", false));
    assert_eq!(story.pass(4031, 4040), 1, "nobody is there any more");
    story.says(4040, "NoSpeaker", "is in no subnet");
    // An advertisement that does not mind is enough.
    let rule = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement",
        "metadata": {"name": "any"}, "spec": {"offSubnet": "Allow"},
    });
    let rule = serde_json::from_value(rule).unwrap();
    story.state.put_l2(rule);
    assert_eq!(story.told(5040).1, plain);
}

#[test]
fn an_announced_address_is_told_at_once() {
    let mut story = Story::begin();
    story.says(0, "NoSpeaker", "none has reported");
    story.report(1, "n1", Some("Probing"), &[]);
    assert_eq!(story.pass(1, 10), 1, "a speaker has reported");
    assert_eq!(story.told(10).1, format!("no speaker announces {ADDRESS}"));
    assert_eq!(story.pass(11, 20), 0, "nothing is told of probing");
    story.report(21, "n1", Some("Announced"), &[]);
    assert_eq!(story.pass(21, 5000), 1);
    story.says(5000, "Announced", "n1 (eth0)");
    // Nothing that matters is another.
    story.report(5001, "n1", Some("Announced"), &["n3"]);
    story.report(5002, "n2", None, &["n3"]);
    assert_eq!(story.pass(5001, 10_000), 0);
}

#[test]
fn a_fail_over_is_one_look_in_whatever_order_the_reports_come() {
    // The survivors lose the node before or after one of them has its address.
    for order in [["n2", "n3"], ["n3", "n2"]] {
        let mut story = Story::begin();
        story.report(0, "n1", Some("Announced"), &[]);
        story.report(0, "n2", None, &[]);
        story.report(0, "n3", None, &[]);
        assert_eq!(story.pass(0, 5000), 1);
        for (ms, node) in [5001, 5700].into_iter().zip(order) {
            let state = (node == "n2").then_some("Announced");
            story.report(ms, node, state, &["n1"]);
            story.pass(ms, ms + 600);
        }
        assert_eq!(story.looks, 2, "{order:?}");
        story.says(6400, "Announced", "192.0.2.1 by n2 (eth0)");
        story.pass(6400, 20_000);
        assert_eq!(story.looks, 2, "{order:?}");
    }
}

#[test]
fn a_fail_over_is_one_look_though_the_new_owner_is_late() {
    let mut story = Story::begin();
    story.report(0, "n1", Some("Announced"), &[]);
    story.pass(0, 5000);
    for node in ["n2", "n3"] {
        story.report(5001, node, None, &["n1"]);
    }
    story.pass(5001, 7500);
    story.says(7500, "Announced", "n1");
    story.report(7501, "n2", Some("Announced"), &["n1"]);
    story.pass(7501, 20_000);
    story.says(20_000, "Announced", "192.0.2.1 by n2 (eth0)");
    assert_eq!(story.looks, 2);
}

#[test]
fn a_hand_over_is_one_look() {
    let mut story = Story::begin();
    story.report(0, "n1", Some("Announced"), &[]);
    story.pass(0, 5000);
    story.report(5001, "n2", Some("Announced"), &[]);
    story.pass(5001, 5500);
    story.says(5500, "Announced", "192.0.2.1 by n1 (eth0)");
    story.report(5501, "n1", None, &[]);
    story.pass(5501, 20_000);
    story.says(20_000, "Announced", "192.0.2.1 by n2 (eth0)");
    assert_eq!(story.looks, 2);
}

#[test]
fn what_nobody_announces_any_more_is_told_after_a_while() {
    let hold = u32::try_from(HOLD.as_millis()).unwrap();
    let mut story = Story::begin();
    story.report(0, "n1", Some("Announced"), &[]);
    story.pass(0, 5000);
    story.report(5000, "n1", None, &[]);
    assert_eq!(story.pass(5000, 5000 + hold - 1), 0);
    story.says(5000 + hold - 1, "Announced", "n1");
    assert_eq!(story.pass(5000 + hold, 5000 + hold), 1);
    story.says(5000 + hold, "NoSpeaker", ADDRESS);
    // Two that last are told, too.
    story.report(10_000, "n1", Some("Announced"), &[]);
    story.pass(10_000, 12_000);
    story.report(12_000, "n2", Some("Announced"), &["n1"]);
    story.report(12_000, "n1", Some("Announced"), &["n2"]);
    story.pass(12_000, 12_000 + hold);
    story.says(12_000 + hold, "Announced", "n1 (eth0) and n2 (eth0)");
}

#[test]
fn another_host_that_has_the_address_is_told_at_once() {
    let mut story = Story::begin();
    story.report(0, "n1", Some("Announced"), &[]);
    story.pass(0, 5000);
    story.report(5000, "n1", Some("Contested"), &[]);
    assert_eq!(story.pass(5000, 5001), 1);
    story.says(5001, "AddressInUse", "another host");
}

#[test]
fn the_reports_of_the_gone_and_the_dead_do_not_count() {
    let mut story = Story::begin();
    story.report(0, "n1", Some("Announced"), &[]);
    story.report(0, "n2", None, &[]);
    story.pass(0, 5000);
    story.report(5000, "n2", None, &["n1"]);
    story.pass(5000, 10_000);
    story.says(10_000, "NoSpeaker", ADDRESS);
    story.report(10_000, "n2", None, &[]);
    story.pass(10_000, 15_000);
    story.says(15_000, "Announced", "n1");
    let now = story.at(15_000);
    story
        .state
        .with_speakers(now, |speakers| speakers.remove_node("n1", now));
    story.pass(15_000, 20_000);
    story.says(20_000, "NoSpeaker", ADDRESS);
}

#[test]
fn many_changes_within_a_second_are_two_looks() {
    let mut story = Story::begin();
    for ms in 0..5 {
        let node = if ms % 2 == 0 { "eth0" } else { "eth1" };
        let address = json!({"address": ADDRESS, "interfaces": [node], "state": "Announced"});
        let status = json!({"addressCount": 1, "addresses": [address]});
        story.put(ms * 100, "n1", &status);
        story.pass(ms * 100, ms * 100 + 99);
    }
    story.pass(500, 5000);
    assert_eq!(story.looks, 2);
    story.says(5000, "Announced", "n1 (eth0)");
}

#[test]
fn of_what_a_report_has_no_room_for_nothing_is_said() {
    let gone: [fn(&mut Speakers, Instant); 2] = [
        |speakers, now| speakers.remove("n1", now),
        // The report outlives its node.
        |speakers, now| speakers.remove_node("n1", now),
    ];
    for gone in gone {
        let mut story = Story::begin();
        let other = json!({"address": "192.0.2.9", "state": "Announced"});
        let status = json!({"addressCount": 2, "addresses": [other]});
        story.put(0, "n1", &status);
        assert_eq!(story.pass(0, 5000), 1);
        story.says(5000, "NotListed", "n1 announces more");
        let now = story.at(5000);
        story
            .state
            .with_speakers(now, |speakers| gone(speakers, now));
        assert_eq!(story.pass(5000, 10_000), 1);
        story.says(10_000, "NoSpeaker", ADDRESS);
    }
}

#[test]
fn a_full_report_is_cut_by_what_it_announces_alone() {
    let addresses = |state: &str| -> Vec<Value> {
        let all = 0..u32::try_from(MOST_ADDRESSES).unwrap();
        let all = all.map(|it| std::net::Ipv4Addr::from(0x0a00_0000 + it));
        all.map(|it| json!({"address": it, "state": state}))
            .collect()
    };
    let mut probing = addresses("Announced");
    probing[0]["state"] = json!("Probing");
    let rows = [
        (addresses("Announced"), "NoSpeaker"),
        (probing, "NotListed"),
    ];
    for (addresses, reason) in rows {
        let mut story = Story::begin();
        let status = json!({"addressCount": MOST_ADDRESSES, "addresses": addresses});
        story.put(0, "n1", &status);
        story.pass(0, 5000);
        story.says(5000, reason, ADDRESS);
    }
}

#[test]
fn what_is_over_leaves_nothing_behind() {
    let mut story = Story::begin();
    for turn in 0..2 {
        let ms = turn * 10_000;
        story.report(ms, "n1", Some("Announced"), &["n2"]);
        story.pass(ms, ms + 5000);
        let now = story.at(ms + 5000);
        story
            .state
            .with_speakers(now, |speakers| speakers.remove("n1", now));
        story.pass(ms + 5000, ms + 9999);
    }
    assert!(story.state.speakers.is_idle(), "{:?}", story.state.speakers);
    assert_eq!(story.state.pace.next_tick(), None);
}
