//! What programs that are not ours say of the frames: tcpdump, arping and ndisc6.

use landfall_test_network::is_possible_or_skip;
use landfall_test_process::{output, skip};
use serde_json::json;

use crate::announcing::{THREE, address};
use crate::families::BOTH;
use crate::witness::{Seen, Witness};
use crate::world::World;

/// What tells of addresses.
const FRAMES: &str = "arp or icmp6 or ip6 proto 0";

fn gaps(seen: &[Seen]) -> Vec<f64> {
    seen.windows(2).map(|it| it[1].at - it[0].at).collect()
}

const ANNOUNCED: &[&str] = &["who-has 192.0.2.200", "tell 192.0.2.200,"];
const TOLD: &[&str] = &[
    "> ff02::1: ",
    "neighbor advertisement",
    "tgt is fd00:192:0:2::1000,",
];

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_see_an_address_change_hands_as_the_rfcs_have_it() {
    if !is_possible_or_skip("witnesses of a fail-over") {
        return;
    }
    let mut world = World::in_order(3).await;
    world.service("web", &BOTH, "Cluster", &["node1"]).await;
    assert_eq!(world.owners(&BOTH).await, ["node1", "node1"]);
    let Some(witness) = Witness::start(&world, FRAMES).await else {
        return;
    };
    let mac = world.lan.mac("node2").to_string();
    world.kill("node1");
    // A burst whose gaps grow, as ARP requests to all.
    let announced = witness.until(&mac, ANNOUNCED, 6).await;
    let told = witness.until(&mac, TOLD, 6).await;
    for seen in [&announced, &told] {
        let gaps = gaps(&seen[..6]);
        assert!(gaps.is_sorted() && gaps[4] > 4.0 * gaps[0], "{gaps:?}");
    }
    let to_all = format!("{mac} > ff:ff:ff:ff:ff:ff");
    for Seen { text, .. } in &announced {
        assert!(
            text.starts_with(&to_all) && text.contains("Request"),
            "{text}"
        );
    }
    for Seen { text, .. } in &told {
        assert!(text.contains("(hlim 255,"), "{text}");
        // No router, and nobody has asked.
        assert!(text.contains("Flags [override]"), "{text}");
        assert!(text.contains("destination link-address option"), "{text}");
        assert!(text.contains(&format!("): {mac}")), "{text}");
    }
    // Switches that look at MLD know where solicitations are to go.
    let group = ["multicast listener report", "ff02::1:ff00:1000"];
    witness.until(&mac, &group, 1).await;
    for (tool, arguments, text) in [
        (
            "arping",
            "-c 1 -w 10 -I eth0 192.0.2.200",
            "Reply 192.0.2.200 is-at",
        ),
        (
            "ndisc6",
            "-1 -r 10 fd00:192:0:2::1000 eth0",
            "Flags [solicited, override]",
        ),
    ] {
        let mut command = world.lan.command("client", tool);
        let (succeeded, said) = output(command.args(arguments.split(' ')));
        if said.contains("No such file") {
            skip(&format!("{tool} against speakers: it is not installed"));
            continue;
        }
        assert!(succeeded, "{tool}: {said}");
        assert!(said.to_lowercase().contains(&mac), "{tool}: {said}");
        let answers = witness.until(&mac, &[text], 1).await;
        let text = &answers[0].text;
        assert!(tool == "arping" || text.contains("(hlim 255,"), "{text}");
        assert!(text.contains(&mac[3..]), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_probe_takes_the_time_of_rfc_5227_before_an_address_is_announced() {
    if !is_possible_or_skip("witnesses of strict probes") {
        return;
    }
    let world = World::new(THREE).await;
    let Some(witness) = Witness::start(&world, FRAMES).await else {
        return;
    };
    world.advertise(json!({"probe": "Strict"})).await;
    world.service("web", &BOTH, "Cluster", &["node1"]).await;
    let owners = [
        world.owner(address(BOTH[0])).await,
        world.owner(address(BOTH[1])).await,
    ];
    let macs = owners.map(|it| world.lan.mac(&it).to_string());
    let probes: [&[&str]; 2] = [
        &["who-has 192.0.2.200", "tell 0.0.0.0,"],
        &[" :: > ff02::1:ff00:1000", "who has fd00:192:0:2::1000"],
    ];
    for ((mac, probes), announced) in macs.iter().zip(probes).zip([ANNOUNCED, TOLD]) {
        let announced = witness.until(mac, announced, 1).await;
        let asked = witness.seen(mac, probes);
        let times: Vec<_> = asked.iter().map(|it| it.at - announced[0].at).collect();
        let gaps = gaps(&asked);
        assert_eq!(asked.len(), 3, "{times:?}");
        // PROBE_MIN and PROBE_MAX, and ANNOUNCE_WAIT; a machine may be slow, and never early.
        assert!(gaps.iter().all(|it| (0.99..3.0).contains(it)), "{times:?}");
        assert!((-4.0..-1.99).contains(&times[2]), "{times:?}");
    }
}
