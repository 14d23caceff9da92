//! How sessions of a table end (RFC 5880 §6.8.16).

use std::time::{Duration, Instant};

use super::table::{address, arrival, first, to, up};
use super::{PEER, config, milliseconds, packet};
use crate::{Action, DownReason, Dropped, Local, Sessions, State};

#[test]
fn who_is_removed_is_told_for_a_while_and_then_forgotten() {
    let start = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = up(&mut sessions, start);
    sessions.remove(&path, start);
    let reason = DownReason::OwnAdministrativeDown;
    let actions = sessions.take_actions();
    assert_eq!(actions[0], (path, Action::Down { reason }));
    let mut told = actions.len() - 1;
    let mut now = start;
    while !sessions.is_empty() {
        // Neither a second removal nor what the peer says makes it last longer.
        sessions.remove(&path, now);
        let bytes = to(&sessions, &path, packet(State::Up));
        sessions.receive(&bytes, &arrival(), now).unwrap();
        now = now.max(sessions.next_tick().unwrap());
        sessions.tick(now);
        told += sessions.take_actions().len();
        assert!(now <= start + milliseconds(3000));
    }
    assert!(now >= start + milliseconds(3000));
    assert!((4..=5).contains(&told), "{told}");
    assert_eq!(sessions.next_tick(), None);
    assert!(sessions.get(&path).is_none());
    sessions.remove(&path, now);
    assert_eq!(
        sessions.receive(&first(), &arrival(), now),
        Err(Dropped::Stranger)
    );
}

#[test]
fn who_is_wanted_again_before_it_is_forgotten_begins_anew() {
    let start = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = up(&mut sessions, start);
    let discriminator = sessions.get(&path).unwrap().discriminator();
    sessions.remove(&path, start);
    assert_eq!(sessions.set(address(1), Local::Any, config(), start), path);
    let session = sessions.get(&path).unwrap();
    assert_eq!(
        (session.state(), session.discriminator()),
        (State::Down, discriminator)
    );
    sessions.tick(start + Duration::from_mins(1));
    assert!(!sessions.is_empty());
}

#[test]
fn who_was_never_heard_is_forgotten_at_once() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = sessions.set(address(1), Local::Any, config(), now);
    sessions.remove(&path, now);
    sessions.tick(now);
    assert!(sessions.is_empty());
}

#[test]
fn an_administrators_word_holds_until_the_session_is_set_again() {
    let now = Instant::now();
    let mut sessions = Sessions::new(1);
    let path = up(&mut sessions, now);
    sessions.administrative_down(&path, now);
    sessions.tick(now + Duration::from_mins(1));
    assert_eq!(sessions.get(&path).unwrap().state(), State::AdminDown);
    sessions.set(address(1), Local::Any, config(), now);
    assert_eq!(sessions.get(&path).unwrap().state(), State::Down);
    assert_eq!(sessions.get(&path).unwrap().remote().discriminator, None);
    let bytes = to(&sessions, &path, packet(State::Init));
    sessions.receive(&bytes, &arrival(), now).unwrap();
    let session = sessions.get(&path).unwrap();
    assert_eq!(session.remote().discriminator, Some(PEER));
}
