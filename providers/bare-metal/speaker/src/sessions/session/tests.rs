//! One session, with routers of this machine: what ends a wait, and what costs no more than it may.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use landfall_bare_metal_bgp::{Attributes, Leave, State};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{Command, Session};
use crate::cluster::{Key, Router};
use crate::sessions::bfd::News;
use crate::sessions::link::Buffer;
use crate::sessions::options::set_md5;
use crate::sessions::socket::{Manner, host, on_link};
use crate::sessions::tests::world::*;
use crate::sessions::*;

fn known(text: &str) -> Key {
    Key::Known(text.as_bytes().into())
}

/// A session with a router, which is not run.
fn session(world: &World, router: &Router) -> (Session, mpsc::UnboundedSender<Command>) {
    let to = world.sessions.place(&router.peer).unwrap();
    let id = (Arc::from("tor"), Some(to.ip()));
    let plan = world.sessions.plan(id, router, Some(to));
    let (commands, obeyed) = mpsc::unbounded_channel();
    let tell = world.sessions.outside.tell.clone();
    (Session::new(plan, obeyed, tell), commands)
}

/// Something that happens to a session.
type Happens = fn(&mut Session, &World);

/// How long it waits, in milliseconds.
fn wait(session: &Session) -> u128 {
    let due = session.peer.next_tick().unwrap();
    due.saturating_duration_since(Instant::now()).as_millis()
}

#[tokio::test]
async fn a_password_that_is_another_is_tried_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    set_md5(&listener, host(address.ip()), Some(b"right")).unwrap();
    let mut world = World::new(&[]);
    let spec = json!({"connectRetryTime": "1h"});
    let of = |key| Router {
        key,
        ..router_here(address.port(), spec.clone())
    };
    world.routers(&[("tor", of(known("wrong")))]);
    let id = (Arc::from("tor"), Some(address.ip()));
    let until = async |state, world: &mut World| loop {
        let (told, report) = world.told.recv().await.unwrap();
        assert_eq!(told, id);
        if report.unwrap().state == state {
            return;
        }
    };
    let minute = Duration::from_mins(1);
    tokio::time::timeout(minute, until(State::Connect, &mut world))
        .await
        .unwrap();
    world.routers(&[("tor", of(known("right")))]);
    let accepted = tokio::time::timeout(minute, listener.accept()).await;
    accepted.expect("it is signed anew").unwrap();
    tokio::time::timeout(minute, until(State::OpenSent, &mut world))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_way_or_a_router_that_is_there_again_ends_a_wait() {
    // Where nobody listens, as another socket does.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let eth0 = |is_up| interface(2, "eth0", "127.0.0.9", is_up);
    let world = World::new(&[eth0(false)]);
    let router = router_here(port, json!({"connectRetryTime": "1h", "bfd": {}}));
    let events: [(bool, Happens); 4] = [
        (true, |session, world| {
            let up = interface(2, "eth0", "127.0.0.9", true);
            world.interfaces.send_replace(interfaces(&[up]));
            session.interfaces_changed();
        }),
        (true, |session, _| session.obey(Command::Bfd(News::Up))),
        (true, |session, _| {
            session.obey(Command::Key(known("other")));
        }),
        (false, |session, world| {
            let other = interface(3, "eth1", "192.0.2.1", true);
            world.interfaces.send_replace(interfaces(&[other]));
            session.interfaces_changed();
        }),
    ];
    for (number, (is_over, event)) in events.into_iter().enumerate() {
        world.interfaces.send_replace(interfaces(&[eth0(false)]));
        let (mut session, _commands) = session(&world, &router);
        session.begin();
        // It is not dialled here; so nobody answers.
        let dialled = |session: &mut Session| {
            session.act();
            session.dialling.take().map(|(id, _)| id)
        };
        for _ in 0..4 {
            let id = dialled(&mut session).unwrap();
            let now = Instant::now();
            session.peer.lost(id, Some("refused".to_owned()), now);
            session.peer.tick(now + Duration::from_mins(1));
        }
        let id = dialled(&mut session).unwrap();
        session
            .peer
            .lost(id, Some("refused".to_owned()), Instant::now());
        assert!(wait(&session) > 1000, "{number}");
        event(&mut session, &world);
        assert_eq!(wait(&session) <= 500, is_over, "{number}");
    }
}

#[test]
fn a_way_is_there_by_an_interface_that_leads_to_the_router() {
    let manner = |more: Value| {
        let router = router("192.0.2.1", more);
        let world = World::new(&[]);
        let id = (Arc::from("tor"), None);
        world.sessions.plan(id, &router, None).manner
    };
    let near = manner(json!({}));
    let far = manner(json!({"multihop": 3}));
    let to: SocketAddr = "192.0.2.1:179".parse().unwrap();
    let local = on_link(Ipv6Addr::LOCALHOST, 179, 2);
    let eth = |index, own, is_up| interfaces(&[interface(index, "eth0", own, is_up)]);
    let down = eth(2, "192.0.2.11", false);
    let up = eth(2, "192.0.2.11", true);
    let elsewhere = eth(2, "198.51.100.1", true);
    let anew = eth(3, "192.0.2.11", true);
    let table: [(&Manner, SocketAddr, &Interfaces, &Interfaces, bool); 11] = [
        (&near, to, &down, &up, true),
        (&near, to, &up, &up, false),
        (&near, to, &up, &down, false),
        (&near, to, &elsewhere, &up, true),
        (&near, to, &down, &elsewhere, false),
        (&near, to, &up, &anew, true),
        (&near, to, &interfaces(&[]), &up, false),
        (&far, to, &down, &elsewhere, true),
        (&far, to, &elsewhere, &elsewhere, false),
        (&near, local, &down, &elsewhere, true),
        (&near, local, &down, &anew, false),
    ];
    for (number, (manner, to, before, now, expected)) in table.into_iter().enumerate() {
        let is_so = manner.is_led_to_anew(to, before, now);
        assert_eq!(is_so, expected, "{number}");
    }
}

#[tokio::test]
async fn what_is_waited_for_and_what_we_want_is_no_warning_and_what_fails_is_one() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let world = World::new(&[]);
    let router = |key| Router {
        key,
        ..router("192.0.2.1", json!({}))
    };
    let why = || "Secret tcp is not read yet".to_owned();
    let (mut session, _commands) = session(&world, &router(Key::Unread(why())));
    session.begin();
    assert_eq!(warnings.count(), 0);
    assert_eq!(session.report.error.as_ref().unwrap().why, why());
    assert_eq!(session.peer.state(), State::Idle);
    // That there is none is said once.
    let missing = || Key::Missing("there is none".to_owned());
    for _ in 0..2 {
        session.obey(Command::Key(missing()));
        assert_eq!(warnings.count(), 1);
    }
    session.obey(Command::Key(known("right")));
    assert_eq!(session.peer.state(), State::Connect);
    // What works goes on, and that another is to be read is not worth a word.
    session.obey(Command::Key(Key::Unread(why())));
    assert_eq!(session.plan.key, known("right"));
    assert_eq!(warnings.count(), 1);
    session.obey(Command::Key(Key::Missing("it was deleted".to_owned())));
    assert_eq!(session.plan.key, known("right"));
    assert_eq!(warnings.count(), 2);
    session.obey(Command::Stop(Leave::Deconfigured));
    session.act();
    assert_eq!(warnings.count(), 2);
}

/// An OPEN of autonomous system 64500 with this hold time, and a KEEPALIVE.
fn greeting(hold_time: u16) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    bytes.extend([0, 29, 1, 4, 0xfb, 0xf4]);
    bytes.extend(hold_time.to_be_bytes());
    bytes.extend([10, 0, 0, 1, 0]);
    bytes.extend([0xff; 16]);
    bytes.extend([0, 19, 4]);
    bytes
}

/// Lets a session work until it is like this.
async fn drive(session: &mut Session, is_so: impl Fn(&Session) -> bool) {
    let mut buffer = Buffer::default();
    let work = async {
        session.act();
        while !is_so(session) {
            session.wait().await;
            session.read(&mut buffer);
            session.peer.tick(Instant::now());
            session.act();
        }
    };
    tokio::time::timeout(Duration::from_mins(1), work)
        .await
        .expect("it comes to that");
}

#[tokio::test]
async fn a_router_that_reads_nothing_costs_no_more_than_its_room_and_is_left_by_and_by() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = World::new(&[]);
    let (mut session, _commands) = session(&world, &router_here(port, json!({"holdTime": "0s"})));
    // Each is a message of its own.
    let routes = (0..200_000_u32).map(|number| {
        let prefix = IpNet::from(IpAddr::from((0x0a00_0000 | number).to_be_bytes()));
        let attributes = Attributes {
            med: Some(number),
            ..Attributes::default()
        };
        (prefix, Some(Arc::new(attributes)))
    });
    session.obey(Command::Routes(routes.collect()));
    session.obey(Command::Complete);
    session.begin();
    session.act();
    let router = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&greeting(0)).await.unwrap();
        stream
    };
    let is_stuck = |it: &Session| {
        it.links
            .values()
            .any(|it| it.blocked.is_some() && !it.has_room())
    };
    let (_stream, ()) = tokio::join!(router, drive(&mut session, is_stuck));
    assert_eq!(session.peer.state(), State::Established);
    let said = session.peer.counters().updates_sent;
    // That is what the kernel has, and what waits here.
    assert!(said < 150_000, "{said}");
    // However often it works, no more is made.
    for _ in 0..3 {
        session.act();
    }
    assert_eq!(session.peer.counters().updates_sent, said);
    let minutes = |session: &mut Session, minutes| {
        session
            .peer
            .tick(Instant::now() + Duration::from_mins(minutes));
        session.act();
    };
    minutes(&mut session, 7);
    assert_eq!(session.peer.state(), State::Established);
    minutes(&mut session, 8);
    let error = session.report.error.as_ref().unwrap();
    assert!(error.why.contains("(8/0)"), "{error:?}");
    assert!(session.links.is_empty());
    // And its last word waits for a second at most.
    tokio::time::timeout(Duration::from_mins(1), session.closing.join_next())
        .await
        .expect("it is closed");
}

#[tokio::test]
async fn of_many_connections_few_wait_for_their_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::new(&[]);
    let router = router_here(address.port(), json!({"passive": true}));
    let (mut session, _commands) = session(&world, &router);
    session.begin();
    let mut callers = Vec::new();
    for _ in 0..50 {
        callers.push(TcpStream::connect(address).await.unwrap());
        let (stream, _) = listener.accept().await.unwrap();
        session.obey(Command::Accepted(stream));
        session.act();
    }
    assert_eq!(session.links.len(), 1, "the last counts");
    assert!(session.closing.len() <= 8, "{}", session.closing.len());
}

#[tokio::test]
async fn a_password_that_is_there_again_is_no_error_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = World::new(&[]);
    let (mut session, _commands) = session(&world, &router_here(port, json!({})));
    session.begin();
    let router = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&greeting(90)).await.unwrap();
        stream
    };
    let is_up = |it: &Session| it.peer.state() == State::Established;
    let (_stream, ()) = tokio::join!(router, drive(&mut session, is_up));
    session.obey(Command::Key(Key::Missing("it was deleted".to_owned())));
    assert_eq!(session.report.error.as_ref().unwrap().why, "it was deleted");
    session.obey(Command::Key(Key::None));
    assert_eq!(session.report.error, None);
    assert!(is_up(&session));
}
