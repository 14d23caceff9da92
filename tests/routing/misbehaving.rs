//! Routers that misbehave, and objects that change, concern their own session alone.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use landfall_test_routers::{Frr, Router, SessionState};
use serde_json::{Value, json};

use crate::fake::{Fake, Heard, KEEPALIVE, Open, Said, UPDATE, message};
use crate::routers::{Kind, THEIRS, V4, net, path, path_when, peer, peer_at, waiting, world};
use crate::world::World;

const NODE: &str = "192.0.2.11";

/// What a router says that is wrong, what our object says, and what it is told.
type Wrong = (&'static str, Value, fn(&mut Heard), (u8, u8), &'static str);

fn wrongs() -> Vec<Wrong> {
    let plain = || json!({});
    vec![
        (
            "another-asn",
            plain(),
            |it| {
                it.say_open(&Open {
                    asn: 64999,
                    ..Open::default()
                });
            },
            (2, 2),
            "Bad Peer AS (2/2)",
        ),
        (
            "our-asn",
            json!({"peerASN": "External"}),
            |it| {
                it.say_open(&Open {
                    asn: 64512,
                    ..Open::default()
                });
            },
            (2, 2),
            "(2/2)",
        ),
        (
            "hold-time",
            plain(),
            |it| {
                it.say_open(&Open {
                    hold_time: 1,
                    ..Open::default()
                });
            },
            (2, 6),
            "(2/6)",
        ),
        (
            "our-identifier",
            json!({"localASN": THEIRS, "peerASN": "Internal"}),
            |it| {
                it.say_open(&Open {
                    id: Ipv4Addr::new(192, 0, 2, 11),
                    ..Open::default()
                });
            },
            (2, 3),
            "(2/3)",
        ),
        (
            "other-family",
            json!({"families": ["IPv4"]}),
            |it| {
                it.say_open(&Open {
                    capabilities: &[&[1, 4, 0, 2, 0, 1]],
                    ..Open::default()
                });
            },
            (2, 7),
            "(2/7)",
        ),
        (
            "no-marker",
            plain(),
            |it| it.stream.write_all(&[0; 64]).unwrap(),
            (1, 1),
            "(1/1)",
        ),
        (
            "length",
            plain(),
            |it| {
                let mut bytes = message(KEEPALIVE, &[]);
                bytes[16] = 0xff;
                it.stream.write_all(&bytes).unwrap();
            },
            (1, 2),
            "(1/2)",
        ),
        ("unknown", plain(), |it| it.say(9, &[]), (1, 3), "(1/3)"),
        (
            "too-early",
            plain(),
            |it| it.say(KEEPALIVE, &[]),
            (5, 1),
            "(5/1)",
        ),
        (
            "broken-update",
            plain(),
            |it| {
                it.greet(&Open::default());
                // Attributes that are longer than the message.
                it.say(UPDATE, &[0, 0, 0xff, 0xff]);
            },
            (3, 1),
            "(3/1)",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_misbehaves_is_told_and_concerns_nobody_else() {
    if !Kind::Frr.is_possible_or_skip() {
        return;
    }
    let mut world = world(1).await;
    let router = Frr::start(&world.lan, "router", &waiting(&world.lan));
    world.peer("tor", peer(&world.lan)).await;
    world.advertise_to_routers("all", json!({})).await;
    let wrongs = wrongs();
    let fakes: Vec<_> = wrongs.iter().map(|_| Fake::new(&world.lan)).collect();
    for ((name, more, ..), fake) in wrongs.iter().zip(&fakes) {
        world.peer(name, fake.peer(more.clone())).await;
    }
    world.start_only(&["node1"]);
    world.usual_service("Cluster", &["node1"]).await;
    path(&router, V4, NODE);
    for ((name, _, does, told, _), fake) in wrongs.iter().zip(&fakes) {
        let mut heard = fake.accept();
        does(&mut heard);
        assert_eq!(heard.last_word(), Some(*told), "{name}");
    }
    for (name, _, _, _, says) in &wrongs {
        let session = world.until_error("node1", name, says).await;
        assert_ne!(session["state"], "Established", "{name}");
    }
    for (name, ..) in &wrongs {
        world.remove_peer(name).await;
    }
    flooding(&world, &router).await;
    silent(&world).await;
    one_family(&world).await;
    changing(&world).await;
    unsigned(&world).await;
    let good = router.session(NODE).unwrap();
    assert_eq!(good.state, SessionState::Established);
    assert_eq!(good.last_error.and_then(|it| it.notification), None);
    assert_eq!(router.route(net(V4)).len(), 1);
}

/// Kibibytes of memory that a process has.
fn memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_whitespace().next();
    number.unwrap().parse().unwrap()
}

/// As many routes as fit into a message.
fn full() -> Vec<u8> {
    let attributes = [
        &[0x40, 1, 1, 0][..],
        &[0x40, 2, 4, 2, 1, 0xfb, 0xf4],
        &[0x40, 3, 4, 198, 19, 0, 254],
    ];
    let attributes = attributes.concat();
    let mut body = vec![0, 0, 0, u8::try_from(attributes.len()).unwrap()];
    body.extend(attributes);
    for number in 0..1000_u16 {
        let [high, low] = number.to_be_bytes();
        body.extend([24, 10, high, low]);
    }
    message(UPDATE, &body)
}

/// One that tells more than anybody wants to know, and listens to nothing.
async fn flooding(world: &World, router: &dyn Router) {
    let fake = Fake::new(&world.lan);
    world.peer("flooding", fake.peer(json!({}))).await;
    let mut heard = fake.establish(&Open::default());
    let id = world.speakers["node1"].id();
    let before = memory(id);
    let is_enough = Arc::new(AtomicBool::new(false));
    let seen = is_enough.clone();
    let flood = std::thread::spawn(move || {
        let bytes = full().repeat(16);
        while !seen.load(Ordering::Relaxed) {
            heard.stream.write_all(&bytes).unwrap();
        }
        heard
    });
    for med in 1..=3 {
        let attributes = json!({"med": med});
        world.advertise_to_routers("all", attributes).await;
        path_when(router, V4, NODE, |it| it.med == Some(med));
    }
    is_enough.store(true, Ordering::Relaxed);
    let heard = flood.join().unwrap();
    let more = memory(id).saturating_sub(before);
    assert!(more < 4096, "{more} KiB more");
    world.remove_peer("flooding").await;
    assert_eq!(heard.last_word(), Some((6, 3)));
}

/// One that neither reads nor speaks any more.
async fn silent(world: &World) {
    let fake = Fake::new(&world.lan);
    world.peer("silent", fake.peer(json!({}))).await;
    let heard = fake.establish(&Open {
        hold_time: 3,
        ..Open::default()
    });
    let says = "sent: Hold Timer Expired (4/0)";
    world.until_error("node1", "silent", says).await;
    assert_eq!(heard.last_word(), Some((4, 0)));
    world.remove_peer("silent").await;
}

/// One that wants less than we have is told that, and we tell it.
async fn one_family(world: &World) {
    let fake = Fake::new(&world.lan);
    world.peer("older", fake.peer(json!({}))).await;
    // Without capabilities there is IPv4 alone (RFC 4760 §8).
    let mut heard = fake.establish(&Open {
        capabilities: &[],
        ..Open::default()
    });
    assert!(matches!(heard.of_route(), Some(Said::Announced { .. })));
    let session = world.until_session("node1", "older").await;
    assert_eq!(session["missingFamilies"], json!(["IPv6"]), "{session}");
    assert_eq!(session["prefixes"], 1, "{session}");
    world.remove_peer("older").await;
    assert_eq!(heard.last_word(), Some((6, 3)));
}

/// What changes in an object ends its session only where the router has to know.
async fn changing(world: &World) {
    let fake = Fake::new(&world.lan);
    world.peer("changing", fake.peer(json!({}))).await;
    let heard = fake.establish(&Open::default());
    let other = json!({"holdTime": "60s"});
    world.peer("changing", fake.peer(other.clone())).await;
    assert_eq!(heard.last_word(), Some((6, 6)));

    let heard = fake.establish(&Open::default());
    let mut elsewhere = other.clone();
    elsewhere["nodeSelector"] = world.selector("node1");
    world.peer("changing", fake.peer(elsewhere)).await;
    // What is told later is known later.
    let later = Fake::new(&world.lan);
    world.peer("later", later.peer(json!({}))).await;
    later.establish(&Open::default());
    let mut nobody = other.clone();
    nobody["nodeSelector"] = json!({"matchLabels": {"host": "nobody"}});
    world.peer("changing", fake.peer(nobody)).await;
    assert_eq!(heard.last_word(), Some((6, 3)), "for other nodes");

    world.peer("changing", fake.peer(other)).await;
    let heard = fake.establish(&Open::default());
    world.remove_peer("changing").await;
    assert_eq!(heard.last_word(), Some((6, 3)), "no object");
    world.remove_peer("later").await;
}

/// Who is to sign what it says is not let in without, where others are waited for that need not.
async fn unsigned(world: &World) {
    let node = world.lan.management_address("node1");
    let port = SocketAddr::from((node, 1790));
    let others = json!({"passive": true, "port": port.port()});
    let others = peer_at("198.18.0.0/24", others);
    world.peer("others", others).await;
    let stranger = Heard::call(port);
    assert_eq!(stranger.last_word(), None);

    let fake = Fake::new(&world.lan);
    world.password("tcp", "secret").await;
    let secret = json!({"passwordSecretRef": {"name": "tcp"}});
    world.peer("signed", fake.peer(secret)).await;
    world.until_error("node1", "signed", "same password").await;
    let called = TcpStream::connect_timeout(&port, Duration::from_secs(1));
    assert!(called.is_err(), "{called:?}");
}
