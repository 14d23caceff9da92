//! Who shares a session of BFD, and what comes of that.

use std::num::{NonZeroU8, NonZeroU32};
use std::sync::Arc;

use landfall_bare_metal_bfd::{Arrival, ControlPacket, Diagnostic, Hops};

use super::*;
use crate::sessions::session;

const ROUTER: &str = "127.0.0.1";

fn id(name: &str) -> SessionId {
    (Arc::from(name), Some(ROUTER.parse().unwrap()))
}

fn watched(source: Option<&str>, milliseconds: u64, multiplier: u8) -> Watched {
    let interval = Duration::from_millis(milliseconds);
    Watched {
        to: ROUTER.parse().unwrap(),
        interface: None,
        source: source.map(|it| it.parse().unwrap()),
        session: BfdSession {
            transmit_interval: interval,
            receive_interval: interval,
            multiplier,
            passive: false,
            multihop: None,
        },
    }
}

fn watching() -> (Watching, watch::Receiver<DroppedPackets>) {
    let (strangers, told) = watch::channel(DroppedPackets::new());
    (Watching::new(strangers), told)
}

/// A session that wants to know, and what it was told.
struct Told(mpsc::UnboundedReceiver<session::Command>);

fn watch_by(watching: &mut Watching, name: &str, watched: Watched) -> Told {
    let (tell, told) = mpsc::unbounded_channel();
    watching.obey(Command::Watch(id(name), watched, tell));
    Told(told)
}

impl Told {
    /// What has happened to the router since this was asked last: whether it was up, and is gone.
    fn happened(&mut self) -> Vec<bool> {
        let mut happened = Vec::new();
        while let Ok(session::Command::Bfd(news)) = self.0.try_recv() {
            match news {
                News::Up => happened.push(true),
                News::Failed => happened.push(false),
                News::Report(_) => {}
            }
        }
        happened
    }

    fn report(&mut self) -> Option<BfdReport> {
        let mut last = None;
        while let Ok(session::Command::Bfd(news)) = self.0.try_recv() {
            if let News::Report(report) = news {
                last = Some(report);
            }
        }
        last
    }
}

/// The router says something, from this address, with this TTL.
fn says(watching: &mut Watching, path: &Path, state: State, ttl: u8, from: &str) {
    let ours = watching.sessions.get(path);
    let ours = ours.map(landfall_bare_metal_bfd::Session::discriminator);
    let packet = ControlPacket {
        diagnostic: Diagnostic::None,
        state,
        is_poll: false,
        is_final: false,
        is_control_plane_independent: false,
        has_authentication: false,
        is_demand: false,
        multiplier: NonZeroU8::MIN,
        my_discriminator: NonZeroU32::MIN,
        your_discriminator: ours.filter(|_| state != State::Down),
        transmit_interval: Duration::from_millis(100),
        receive_interval: Duration::from_millis(100),
        echo_interval: Duration::ZERO,
    };
    let arrival = Arrival {
        from: from.parse().unwrap(),
        to: "127.0.0.1".parse().unwrap(),
        interface: 1,
        ttl,
        hops: HopKind::Single,
    };
    let now = Instant::now();
    let _ = watching.sessions.receive(&packet.encode(), &arrival, now);
    watching.act_all(now);
}

fn come_up(watching: &mut Watching, path: &Path) {
    says(watching, path, State::Down, 255, ROUTER);
    says(watching, path, State::Init, 255, ROUTER);
    assert_eq!(watching.sessions.get(path).unwrap().state(), State::Up);
}

#[tokio::test]
async fn sessions_with_one_router_share_one_of_bfd_until_the_last_is_gone() {
    let (mut watching, _told) = watching();
    let mut one = watch_by(&mut watching, "one", watched(None, 100, 5));
    let mut other = watch_by(&mut watching, "other", watched(None, 300, 3));
    assert_eq!(watching.entries.len(), 1);
    let path = *watching.entries.keys().next().unwrap();
    let config = |watching: &Watching| *watching.sessions.get(&path).unwrap().config();
    // None of them takes the router for gone sooner than it says.
    let both = config(&watching);
    assert_eq!(
        Duration::from(both.receive_interval),
        Duration::from_millis(300)
    );
    assert_eq!(
        Duration::from(both.transmit_interval),
        Duration::from_millis(300)
    );
    assert_eq!(both.multiplier.get(), 5);

    come_up(&mut watching, &path);
    assert_eq!(one.happened(), [true]);
    assert_eq!(other.happened(), [true]);
    watching.tick(Instant::now());
    // Whoever comes later learns how it is, and whoever goes is no failure.
    let mut later = watch_by(&mut watching, "later", watched(None, 100, 3));
    watching.tick(Instant::now());
    assert_eq!(later.report().unwrap().state, State::Up);
    watching.obey(Command::Forget(id("other")));
    watching.obey(Command::Forget(id("later")));
    watching.tick(Instant::now());
    assert_eq!(other.happened(), [false; 0]);
    assert_eq!(watching.sessions.get(&path).unwrap().state(), State::Up);
    let alone = config(&watching);
    assert_eq!(
        Duration::from(alone.receive_interval),
        Duration::from_millis(100)
    );
    assert_eq!(alone.multiplier.get(), 5);

    let much_later = Instant::now() + Duration::from_mins(1);
    watching.sessions.tick(much_later);
    watching.act_all(much_later);
    assert_eq!(one.happened(), [false]);
    assert_eq!(other.happened(), [false; 0]);
    watching.obey(Command::Forget(id("one")));
    assert!(watching.entries.is_empty() && watching.paths.is_empty());
    let left = watching.sessions.get(&path).unwrap();
    assert_eq!(left.state(), State::AdminDown, "the router is told");
    assert!(watching.listeners.is_empty() && watching.troubles.is_empty());
    // Twice is no more.
    watching.obey(Command::Forget(id("one")));
}

#[tokio::test]
async fn who_names_the_usual_address_shares_a_session_and_who_names_another_has_its_own() {
    // Also in the other order.
    for sources in [[None, Some("127.0.0.1")], [Some("127.0.0.1"), None]] {
        let (mut watching, _told) = watching();
        for (name, source) in ["one", "other"].into_iter().zip(sources) {
            watch_by(&mut watching, name, watched(source, 300, 3));
        }
        assert_eq!(watching.entries.len(), 1, "{sources:?}");
        watch_by(&mut watching, "own", watched(Some("127.0.0.2"), 300, 3));
        let mut far = watched(None, 300, 3);
        far.session.multihop = Some(254);
        watch_by(&mut watching, "far", far);
        assert_eq!(watching.entries.len(), 3, "{sources:?}");
        watching.obey(Command::Forget(id("one")));
        assert_eq!(watching.entries.len(), 3, "{sources:?}");
        watching.obey(Command::Forget(id("other")));
        assert_eq!(watching.entries.len(), 2, "{sources:?}");
    }
}

#[test]
fn of_two_wishes_the_more_cautious_counts() {
    let passive = |is_passive, multihop| {
        let mut session = watched(None, 300, 3).session;
        (session.passive, session.multihop) = (is_passive, multihop);
        config(&session).unwrap()
    };
    let both = |one, other| {
        let joined = joined(one, other);
        assert_eq!(joined, super::joined(other, one));
        joined
    };
    assert!(both(passive(true, None), passive(true, None)).passive);
    assert!(!both(passive(true, None), passive(false, None)).passive);
    let near = both(passive(false, Some(250)), passive(false, Some(253)));
    assert_eq!(near.hops, Hops::Multihop { minimum_ttl: 253 });
}

#[tokio::test]
async fn what_is_dropped_is_told_by_why_and_that_of_strangers_apart() {
    let (mut watching, strangers) = watching();
    let mut one = watch_by(&mut watching, "one", watched(None, 300, 3));
    let path = *watching.entries.keys().next().unwrap();
    come_up(&mut watching, &path);
    says(&mut watching, &path, State::Up, 254, ROUTER);
    says(&mut watching, &path, State::Down, 255, "127.0.0.9");
    watching.report = Instant::now();
    watching.tick(Instant::now());
    let report = one.report().unwrap();
    assert_eq!(report.state, State::Up);
    assert_eq!(report.dropped, [(Dropped::Ttl, 1)].into());
    assert_eq!(*strangers.borrow(), [(Dropped::Stranger, 1)].into());
}

#[test]
fn packets_go_to_the_link_that_the_router_is_on() {
    let on = Watched {
        to: "fe80::1".parse().unwrap(),
        interface: Some(5),
        ..watched(None, 300, 3)
    };
    let to = on.at(HopKind::Single);
    assert_eq!(to.to_string(), "[fe80::1%5]:3784");
    let near = watched(None, 300, 3);
    assert_eq!(near.at(HopKind::Multi).to_string(), "127.0.0.1:4784");
}
