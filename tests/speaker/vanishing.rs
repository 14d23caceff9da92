//! Nodes with two interfaces: where an address is announced, and what happens if an interface vanishes
//! while the speakers go on hearing each other by the other one.

use std::time::Duration;

use landfall_test_network::{is_possible_or_skip, now};
use landfall_test_process::{output, skip};
use serde_json::{Value, json};

use crate::families::{EVERY, Families};
use crate::world::{Shape, World};

/// Addresses of the second network.
const FAR: [&str; 2] = ["198.51.100.200", "fd00:198:51:100::1000"];
const RANGES: [&str; 2] = ["198.51.100.200/29", "fd00:198:51:100::1000/124"];

/// A network on which these nodes are with `eth1`, beside the first, and addresses there. Speakers hear
/// each other on the first one.
async fn world(nodes: u8, second: &[&str]) -> World {
    let shape = Shape { nodes, config: "" };
    let mut world = World::without_speakers(shape).await;
    world.lan.add_second();
    for node in second {
        world.lan.plug_second(node, "eth1");
        world.lan.have_second_addresses(node, "eth1");
    }
    world.pool(&RANGES).await;
    world.advertise_in_order(json!({})).await;
    world.start_all().await;
    world
}

/// Waits until a host's speaker says that it announces both addresses on these interfaces.
async fn until_on(world: &World, host: &str, interfaces: &[&str]) {
    let is_on = |it: &Value| it["state"] == "Announced" && it["interfaces"] == json!(interfaces);
    let what = format!("announces both on {interfaces:?}");
    world
        .until_status(host, &what, |it| {
            let addresses = it["addresses"].as_array().cloned().unwrap_or_default();
            addresses.len() == 2 && addresses.iter().all(is_on)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subnets_and_names_of_interfaces_say_where_an_address_is_announced() {
    if !is_possible_or_skip("nodes with two interfaces") {
        return;
    }
    let world = world(3, &["node1", "node2"]).await;
    let mac = |interface| world.lan.mac_of("node1", interface).to_string();
    let near = Families::watched(&world, FAR, "client");
    let start = now();
    let far = Families::served_at(&world, "web", FAR, "far").await;
    until_on(&world, "node1", &["eth1"]).await;
    assert_eq!(far.answered_by(), [mac("eth1"), mac("eth1")]);
    world
        .advertise_in_order(json!({"interfaces": ["eth0"]}))
        .await;
    world
        .until_status("node1", "has none", |it| it["addressCount"] == 0)
        .await;
    far.are_silent("eth0 has no such subnet");
    world
        .advertise_in_order(json!({"interfaces": ["*1"]}))
        .await;
    until_on(&world, "node1", &["eth1"]).await;
    assert_eq!(far.answered_by(), [mac("eth1"), mac("eth1")]);
    near.never_answered(start, "not there");
    let anywhere = json!({"interfaces": ["eth?"], "offSubnet": "Allow"});
    world.advertise_in_order(anywhere).await;
    until_on(&world, "node1", &["eth0", "eth1"]).await;
    assert_eq!(near.answered_by(), [mac("eth0"), mac("eth0")]);
    assert_eq!(far.answered_by(), [mac("eth1"), mac("eth1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_interface_vanishes_another_node_takes_the_address() {
    if !is_possible_or_skip("interfaces that vanish") {
        return;
    }
    let mut world = world(3, &["node1", "node2"]).await;
    let families = Families::served_at(&world, "web", FAR, "far").await;
    for fault in ["address flush", "link set down", "link delete"] {
        let owner = families.owner(&world).await;
        let mac = world.lan.mac_of(&owner, "eth1").to_string();
        let start = families.until_answered();
        match fault {
            "address flush" => world.lan.ip(&owner, "address flush dev eth1 scope global"),
            "link set down" => world.lan.ip(&owner, "link set eth1 down"),
            _ => world.lan.ip(&owner, "link delete eth1"),
        };
        let taken = families.taken_from(&mac, now());
        let gaps = families.gaps(start);
        println!("{fault}: taken after {taken:?} ms, client's gaps {gaps:?}");
        let next = families.owner_but(&world, &owner).await;
        world
            .until_status(&owner, "has none", |it| it["addressCount"] == 0)
            .await;
        match fault {
            "link set down" => drop(world.lan.ip(&owner, "link set eth1 up")),
            "link delete" => world.lan.plug_second(&owner, "eth1"),
            _ => {}
        }
        world.lan.have_second_addresses(&owner, "eth1");
        world
            .until_status(&owner, "has its interface again", |it| {
                let interfaces = it["interfaces"].as_array().cloned().unwrap_or_default();
                let is_back = |it: &Value| {
                    it["name"] == "eth1"
                        && it["up"] == true
                        && it["subnets"].as_array().is_some_and(|it| it.len() == 2)
                };
                interfaces.iter().any(is_back)
            })
            .await;
        let back = now();
        families.pass(Duration::from_millis(500));
        let mac = world.lan.mac_of(&next, "eth1").to_string();
        families.stayed_by(&mac, back, fault);
        assert_eq!(families.owner(&world).await, next, "{fault}");
    }
    for speaker in world.speakers.values_mut() {
        assert!(!speaker.errors().contains("panicked"));
    }
}

/// How an interface `lan1` of this kind is made above `under1`.
const KINDS: [(&str, &[&str]); 4] = [
    (
        "bridge",
        &["link add lan1 type bridge", "link set under1 master lan1"],
    ),
    (
        "macvlan",
        &["link add link under1 name lan1 type macvlan mode bridge"],
    ),
    ("vlan", &["link add link under1 name lan1 type vlan id 5"]),
    (
        "bond",
        &[
            "link add lan1 type bond",
            "link set under1 down",
            "link set under1 master lan1",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_of_whatever_kind_has_addresses() {
    if !is_possible_or_skip("kinds of interfaces") {
        return;
    }
    let world = world(2, &[]).await;
    world
        .advertise_in_order(json!({"interfaces": ["lan*"]}))
        .await;
    world.service("web", &FAR, "Cluster", &["node1"]).await;
    for (kind, commands) in KINDS {
        world.lan.plug_second("node1", "under1");
        let made = commands.iter().all(|it| {
            let mut command = world.lan.command("node1", "ip");
            let (is_made, said) = output(command.args(it.split(' ')));
            if !is_made {
                skip(&format!("interfaces of the kind {kind}: {}", said.trim()));
            }
            is_made
        });
        if made {
            world.lan.ip("node1", "link set lan1 up");
            world.lan.have_second_addresses("node1", "lan1");
            until_on(&world, "node1", &["lan1"]).await;
            let mac = world.lan.mac_of("node1", "lan1").to_string();
            for text in FAR {
                let (lan, address) = (&world.lan, text.parse().unwrap());
                let asked = match kind {
                    "vlan" => {
                        landfall_test_network::Probe::who_has_tagged(lan, "far", address, EVERY, 5)
                    }
                    _ => landfall_test_network::Probe::who_has(lan, "far", address, EVERY),
                };
                assert_eq!(asked.answer_after(now()).by, mac, "{kind}: {text}");
            }
            world.lan.ip("node1", "link delete lan1");
            world
                .until_status("node1", "has none", |it| it["addressCount"] == 0)
                .await;
        }
        world.lan.ip("node1", "link delete under1");
    }
}
