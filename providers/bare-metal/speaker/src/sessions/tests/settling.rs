//! Which sessions there are.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::world::*;
use crate::sessions::*;

#[tokio::test]
async fn an_interface_that_was_made_anew_has_its_sessions_made_anew() {
    let on = |index| [interface(index, "up1", "2001:db8::1", true)];
    let mut world = World::new(&on(5));
    let spec = json!({"interface": "up1", "bfd": {}});
    world.routers(&[("tor", router("fe80::1", spec))]);
    let scope = |world: &World| match world.places()[..] {
        [Some(SocketAddr::V6(to))] => to.scope_id(),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(scope(&world), 5);
    // Nothing has changed: nothing happens.
    world.sessions.settle();
    assert!(world.sessions.ending.is_empty());
    world.interfaces.send_replace(interfaces(&on(7)));
    world.sessions.settle();
    assert_eq!(scope(&world), 7);
    let mut watched = Vec::new();
    while let Ok(command) = world.watched.try_recv() {
        watched.push(match command {
            bfd::Command::Watch(_, watched, _) => watched.interface,
            bfd::Command::Forget(_) => None,
        });
    }
    assert_eq!(watched, [Some(5), None, Some(7)]);
}

#[tokio::test]
async fn of_sessions_that_have_ended_nothing_is_kept() {
    let mut world = World::new(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let all: Vec<_> = (0..20).map(|it| format!("tor-{it}")).collect();
    let all: Vec<_> = all
        .iter()
        .map(|it| (it.as_str(), router_here(port, json!({}))))
        .collect();
    world.routers(&all);
    assert_eq!(world.sessions.running.len(), 20);
    world.routers(&[]);
    assert!(world.sessions.running.is_empty());
    let are_over = async {
        while !world.sessions.ending.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            world.sessions.tick(Instant::now());
        }
    };
    tokio::time::timeout(Duration::from_mins(1), are_over)
        .await
        .expect("what has ended is forgotten");
}

/// Both ends of a connection on this machine: who opened it, and who is told of it.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (opened, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (opened.unwrap(), accepted.unwrap().0)
}

/// A session that has ended by itself, of which nobody has looked yet.
fn ended() -> Handle {
    let (commands, _) = mpsc::unbounded_channel();
    let (to, task) = (None, tokio::spawn(async {}));
    Handle { to, commands, task }
}

#[tokio::test]
async fn a_router_that_comes_when_its_session_has_just_ended_gets_another() {
    let mut world = World::new(&[]);
    let spec = json!({"passive": true, "port": 1790});
    world.routers(&[("racks", router("127.0.0.0/8", spec))]);
    assert!(world.sessions.running.is_empty());
    let id = (Arc::from("racks"), Some("127.0.0.1".parse().unwrap()));
    world.sessions.running.insert(id, ended());
    let (mut opened, accepted) = connection().await;
    world.sessions.accepted(1790, accepted, Instant::now());
    // The marker, the length, and the type of an OPEN (RFC 4271 §4.1).
    let mut header = [0; 19];
    let read = opened.read_exact(&mut header);
    let read = tokio::time::timeout(Duration::from_mins(1), read).await;
    read.unwrap().expect("there is a session");
    assert_eq!(header[18], 1);
}
