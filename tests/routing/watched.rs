//! BFD beside sessions: who is silent is gone long before the hold time, and an administrator's word is none.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use landfall_test_process::PATIENCE;
use landfall_test_routers::{
    Bfd, Bird, Frr, GracefulRestart, Neighbour, RemoteAs, Router, RouterConfig, SessionState, until,
};
use serde_json::{Value, json};

use crate::fake::{Fake, Open};
use crate::routers::Kind::{Bird as B, Frr as F};
use crate::routers::{
    OURS, THEIRS, V4, are_possible_or_skip, ip, net, next_hops, path, peer_at, world,
};
use crate::world::World;

const NODE: &str = "192.0.2.11";
/// Where the second network's host is, and its hosts are routed.
const FAR: &str = "198.51.100.2";

/// Nobody is gone by this within the time of a story.
const HOLD: Duration = Duration::from_mins(4);

fn watching(range: &str) -> Neighbour {
    let neighbour = Neighbour::in_range(net(range), RemoteAs::Asn(OURS));
    watched(neighbour)
}

fn watched(neighbour: Neighbour) -> Neighbour {
    Neighbour {
        hold_time: HOLD,
        keepalive: Duration::from_mins(1),
        graceful_restart: GracefulRestart::Off,
        bfd: Some(Bfd {
            interval: Duration::from_millis(100),
            multiplier: 3,
        }),
        ..neighbour
    }
}

async fn until_bfd(world: &World, peer: &str, state: &str) -> Value {
    world
        .until_session_is("node1", peer, |it| {
            it["bfdState"] == state && it["state"] == "Established"
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_node_is_gone_by_bfd_and_one_that_is_only_not_watched_stays() {
    if !are_possible_or_skip(&[F, B]) {
        return;
    }
    let mut world = world(2).await;
    world.lan.add_second();
    world.lan.route_second();
    let lan = &world.lan;
    let config = |host: &str| RouterConfig::new(THEIRS, lan.addresses(host).0);
    let range = "192.0.2.0/24";
    let frr = Frr::start(lan, "router", &config("router").with(watching(range)));
    let nodes = ["node1", "node2"].map(|it| lan.addresses(it).0);
    let known = nodes.map(|it| watched(Neighbour::at(it, RemoteAs::Asn(OURS))));
    let [one, two] = known;
    let bird = Bird::start(lan, "client", &config("client").with(one).with(two));
    let distant = Neighbour {
        multihop: Some(2),
        source: Some(ip(FAR)),
        ..watched(Neighbour::at(ip(NODE), RemoteAs::Asn(OURS)))
    };
    let far = Frr::start(lan, "far", &config("far").with(distant));

    let bfd = json!({"transmitInterval": "100ms", "receiveInterval": "100ms"});
    for (name, host) in [("frr", "router"), ("bird", "client")] {
        let address = world.lan.addresses(host).0.to_string();
        let spec = json!({"bfd": bfd, "holdTime": "240s"});
        world.peer(name, peer_at(&address, spec)).await;
    }
    let mut multihop = bfd.clone();
    multihop["multihop"] = json!(true);
    let spec = json!({"bfd": multihop, "holdTime": "240s", "multihop": 2});
    world.peer("far", peer_at(FAR, spec)).await;
    world.advertise_to_routers("all", json!({})).await;
    world.usual_service("Cluster", &["node1"]).await;
    world.start_only(&["node1", "node2"]);
    for peer in ["frr", "bird", "far"] {
        until_bfd(&world, peer, "Up").await;
    }
    let details = far.bfd_sessions().remove(0).details.unwrap();
    assert!(details.multihop, "{details:?}");
    assert_eq!(path(&far, V4, NODE).next_hops, [ip(NODE)]);

    let by = |hosts: &[&str]| -> Vec<IpAddr> {
        let addresses = hosts.iter().map(|it| world.lan.addresses(it).0.into());
        addresses.collect()
    };
    let routers: [&dyn Router; 2] = [&frr, &bird];
    let both = by(&["node1", "node2"]);
    for router in routers {
        until("two ways", || next_hops(router, V4) == both);
    }
    world.lan.mute("node1");
    let other = by(&["node2"]);
    for router in routers {
        until("one way", || next_hops(router, V4) == other);
    }
    until("none from afar", || {
        far.route(net(V4))
            .iter()
            .all(|it| it.from != Some(ip(NODE)))
    });
    for peer in ["frr", "bird", "far"] {
        world.until_error("node1", peer, "BFD Down (6/10)").await;
    }
    world.lan.unmute("node1");
    for router in routers {
        until("two ways", || next_hops(router, V4) == both);
    }
    path(&far, V4, NODE);
    not_watched(&world, &frr).await;
    shared(&world, &frr).await;
}

/// Another session with a router, which is watched already, comes and goes.
async fn shared(world: &World, frr: &Frr) {
    let before = until_bfd(world, "frr", "Up").await;
    let downs = number(world, "downs_total", "frr", "");
    let address = world.lan.addresses("router").0.to_string();
    let bfd = json!({"transmitInterval": "300ms", "receiveInterval": "300ms"});
    let again = json!({"bfd": bfd, "port": 1791, "connectRetryTime": "1h"});
    world.peer("again", peer_at(&address, again)).await;
    world
        .until_session_is("node1", "again", |it| it["bfdState"] == "Up")
        .await;
    assert_eq!(
        frr.bfd_sessions()
            .iter()
            .filter(|it| it.address == ip(NODE))
            .count(),
        1
    );
    world.remove_peer("again").await;
    world
        .until_session_is("node1", "again", Value::is_null)
        .await;
    let after = until_bfd(world, "frr", "Up").await;
    assert_eq!(after["since"], before["since"]);
    assert_eq!(number(world, "downs_total", "frr", ""), downs);
}

/// What a scrape finds of BFD beside a session, None: nothing.
fn number(world: &World, name: &str, peer: &str, reason: &str) -> Option<u64> {
    let peer = if peer.is_empty() {
        String::new()
    } else {
        world.own(peer)
    };
    let (start, peer) = (format!("landfall_bfd_{name}{{"), format!("peer=\"{peer}\""));
    let reason = format!("reason=\"{reason}\"");
    let metrics = world.metrics("node1");
    let mut lines = metrics.lines().filter(|it| {
        let is_why = it.contains(&reason) || !it.contains("reason=");
        it.starts_with(&start) && it.contains(&peer) && is_why
    });
    lines.next()?.rsplit(' ').next()?.parse().ok()
}

/// An administrator has a router watch nobody for a while.
async fn not_watched(world: &World, frr: &Frr) {
    let before = until_bfd(world, "frr", "Up").await;
    let profile = ["configure terminal", "bfd", "profile every100by3"];
    frr.vtysh(&[&profile[..], &["shutdown"]].concat());
    until_bfd(world, "frr", "Down").await;
    assert_eq!(frr.session(NODE).unwrap().state, SessionState::Established);
    frr.vtysh(&[&profile[..], &["no shutdown"]].concat());
    let after = until_bfd(world, "frr", "Up").await;
    assert_eq!(after["since"], before["since"]);
    assert_eq!(next_hops(frr, V4).len(), 2);
}

/// What a router says by BFD: the fields of a packet (RFC 5880 §4.1) as bytes.
#[derive(Clone)]
struct Packet {
    version: u8,
    flags: u8,
    multiplier: u8,
    length: u8,
    own: u32,
    yours: u32,
}

/// The states, where flags are.
const DOWN: u8 = 1 << 6;
const INIT: u8 = 2 << 6;
const UP: u8 = 3 << 6;

impl Packet {
    /// A packet as it should be; nobody who says so is missed for a minute.
    fn good(state: u8, yours: u32) -> Self {
        Self {
            version: 1 << 5,
            flags: state,
            multiplier: 60,
            length: 24,
            own: 7,
            yours,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version, self.flags, self.multiplier, self.length];
        for word in [self.own, self.yours, 1_000_000, 1_000_000, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes
    }
}

/// A router that speaks BFD, on this machine.
struct Speaking {
    heard: UdpSocket,
    said: UdpSocket,
}

impl Speaking {
    fn new(world: &World) -> Self {
        let own = world.lan.gateway();
        let heard = UdpSocket::bind((own, 3784)).unwrap();
        heard.set_read_timeout(Some(PATIENCE)).unwrap();
        let said = UdpSocket::bind((own, 0)).unwrap();
        let node = world.lan.management_address("node1");
        said.connect(SocketAddr::from((node, 3784))).unwrap();
        Self { heard, said }
    }

    /// The flags and the discriminator of the next packet of the node.
    fn hear(&self) -> (u8, u32) {
        let mut bytes = [0; 24];
        self.heard.recv(&mut bytes).unwrap();
        (
            bytes[1],
            u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
        )
    }

    fn say(&self, bytes: &[u8], ttl: u32) {
        self.said.set_ttl(ttl).unwrap();
        self.said.send(bytes).unwrap();
    }

    /// Has a session with the node, and says which it is.
    fn come_up(&self) -> u32 {
        let (_, yours) = self.hear();
        self.say(&Packet::good(DOWN, 0).bytes(), 255);
        while self.hear().0 & UP != INIT {}
        self.say(&Packet::good(INIT, yours).bytes(), 255);
        while self.hear().0 & UP != UP {}
        self.say(&Packet::good(UP, yours).bytes(), 255);
        yours
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_packets_of_bfd_are_dropped_and_counted_and_the_session_stays() {
    if !landfall_test_network::is_possible_or_skip("BFD packets that are wrong") {
        return;
    }
    let mut world = world(1).await;
    let speaking = Speaking::new(&world);
    let fake = Fake::new(&world.lan);
    world
        .peer("fake", fake.peer(json!({"bfd": {}, "holdTime": "240s"})))
        .await;
    world.start_only(&["node1"]);
    let _heard = fake.establish(&Open {
        hold_time: 240,
        ..Open::default()
    });
    let yours = speaking.come_up();
    let before = until_bfd(&world, "fake", "Up").await;

    let good = Packet::good(UP, yours);
    let with = |change: fn(&mut Packet)| {
        let mut packet = good.clone();
        change(&mut packet);
        packet.bytes()
    };
    let mut signed = with(|it| (it.flags, it.length) = (UP | 4, 26));
    signed.extend([1, 2]);
    let wrongs = [
        ("cut", good.bytes()[..23].to_vec()),
        ("version", with(|it| it.version = 2 << 5)),
        ("too_short", with(|it| it.length = 23)),
        ("too_long", with(|it| it.length = 25)),
        ("zero_multiplier", with(|it| it.multiplier = 0)),
        ("multipoint", with(|it| it.flags |= 1)),
        ("zero_my_discriminator", with(|it| it.own = 0)),
        ("zero_your_discriminator", with(|it| it.yours = 0)),
        ("unknown_discriminator", with(|it| it.yours ^= 1)),
        ("authenticated", signed),
    ];
    // Each would take the session down, if it counted.
    for (_, bytes) in &wrongs {
        let mut down = bytes.clone();
        down[1] = down[1] & !UP | DOWN;
        let bytes = if down.len() == 24 && bytes[8..12] == [0; 4] {
            bytes
        } else {
            &down
        };
        speaking.say(bytes, 255);
    }
    let down = Packet::good(DOWN, yours).bytes();
    for ttl in [254, 1] {
        speaking.say(&down, ttl);
    }
    // Whoever else it is does not know which session there is.
    let bytes = Packet::good(DOWN, 0).bytes().into_iter();
    let quoted: Vec<_> = bytes.map(|it| format!("\\x{it:02x}")).collect();
    let quoted = quoted.concat();
    let script = format!("printf '{quoted}' >/dev/udp/{NODE}/3784");
    let mut other = world.lan.command("client", "bash");
    assert!(other.args(["-c", &script]).status().unwrap().success());

    let dropped = |peer: &str, reason: &str| number(&world, "packets_dropped_total", peer, reason);
    for (reason, _) in &wrongs {
        until(reason, || dropped("fake", reason) == Some(1));
    }
    until("ttl", || dropped("fake", "ttl") == Some(2));
    until("stranger", || dropped("", "stranger") == Some(1));
    let after = until_bfd(&world, "fake", "Up").await;
    assert_eq!(after["since"], before["since"]);
    assert_eq!(number(&world, "downs_total", "fake", ""), Some(0));
    // The right one is heard.
    speaking.say(&down, 255);
    world.until_error("node1", "fake", "BFD Down (6/10)").await;
    assert_eq!(number(&world, "downs_total", "fake", ""), Some(1));
}
