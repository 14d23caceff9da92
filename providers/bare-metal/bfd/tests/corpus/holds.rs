//! What holds for any bytes and times. The fuzz target looks for such for which it does not.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use landfall_bare_metal_bfd::{
    Action, Arrival, Config, ControlPacket, HopKind, Hops, Local, Path, Sessions, State,
};

/// Peers of which a story tells, of which each has at most one session over one hop and one over several.
const PEERS: u8 = 4;
/// Reasons for which a datagram is dropped.
const REASONS: usize = 13;

/// What happens, as bytes tell it: each is a byte that says what, and what belongs to it.
pub fn story(bytes: &[u8]) {
    let mut world = World::new();
    let mut rest = bytes;
    while world.happens(&mut rest).is_some() {}
}

/// A datagram is dropped or understood, and what is understood is written as it was.
pub fn datagram(bytes: &[u8]) {
    if let Ok(packet) = ControlPacket::parse(bytes) {
        let mut expected = bytes[..24].to_vec();
        expected[1] &= !0x04;
        expected[3] = 24;
        assert_eq!(packet.encode().as_slice(), expected);
    }
}

struct World {
    sessions: Sessions,
    now: Instant,
    /// Whether each session is up, as far as was told.
    is_up: BTreeMap<Path, bool>,
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

fn bytes<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (first, others) = rest.split_at(length.min(rest.len()));
    *rest = others;
    first
}

fn address(peer: u8) -> IpAddr {
    [192, 0, 2, peer % PEERS].into()
}

impl World {
    fn new() -> Self {
        Self {
            sessions: Sessions::new(1),
            now: Instant::now(),
            is_up: BTreeMap::new(),
        }
    }

    /// What happens next.
    fn happens(&mut self, rest: &mut &[u8]) -> Option<()> {
        match byte(rest)? % 7 {
            // Time passes, and each session is served when it is due.
            0 => {
                let end = self.now + Duration::from_millis(u64::from(byte(rest)?) * 4);
                while let Some(due) = self.sessions.next_tick().filter(|due| *due <= end) {
                    self.now = self.now.max(due);
                    self.tick();
                }
                self.now = end;
            }
            // The shell is held up.
            1 => {
                self.now += Duration::from_millis(u64::from(byte(rest)?) * 64);
                self.tick();
            }
            // Any datagram.
            2 => {
                let arrival = arrival(byte(rest)?, byte(rest)?);
                let length = byte(rest)?;
                self.receive(bytes(rest, length.into()), &arrival);
            }
            // One that names a session.
            3 => {
                let which = byte(rest)?;
                let arrival = arrival(byte(rest)?, byte(rest)?);
                let mut datagram = bytes(rest, 24).to_vec();
                let named = self.sessions.iter().nth(which.into());
                if let (Some((_, session)), Some(place)) = (named, datagram.get_mut(8..12)) {
                    let name = session.discriminator().get();
                    place.copy_from_slice(&name.to_be_bytes());
                }
                self.receive(&datagram, &arrival);
            }
            4 => {
                let peer = address(byte(rest)?);
                let config = config(byte(rest)?, byte(rest)?, byte(rest)?, byte(rest)?);
                let path = self.sessions.set(peer, Local::Any, config, self.now);
                self.is_up.entry(path).or_default();
                self.look(3);
            }
            5 => {
                let path = path(byte(rest)?);
                self.sessions.remove(&path, self.now);
                self.look(2);
            }
            _ => {
                let path = path(byte(rest)?);
                self.sessions.administrative_down(&path, self.now);
                self.look(2);
            }
        }
        Some(())
    }

    fn tick(&mut self) {
        self.sessions.tick(self.now);
        let next = self.sessions.next_tick();
        assert!(
            next.is_none_or(|next| next > self.now),
            "nothing is left to be done"
        );
        self.look(self.is_up.len() * 3);
    }

    fn receive(&mut self, bytes: &[u8], arrival: &Arrival) {
        datagram(bytes);
        let due = self.sessions.next_tick();
        let heard = self.sessions.receive(bytes, arrival, self.now);
        if heard.is_err() {
            assert_eq!(
                self.sessions.next_tick(),
                due,
                "what is dropped changes nothing"
            );
        }
        self.look(if heard.is_ok() { 2 } else { 0 });
    }

    /// What is to be done is what the RFC lets a session do, and no more than this.
    fn look(&mut self, most: usize) {
        let actions = self.sessions.take_actions();
        assert!(actions.len() <= most, "{actions:?}");
        for (path, action) in actions {
            let is_up = self.is_up.get_mut(&path).expect("a session that was set");
            match action {
                Action::Up => assert!(!std::mem::replace(is_up, true)),
                Action::Down { .. } => assert!(std::mem::replace(is_up, false)),
                Action::Send(bytes) => {
                    let sent = ControlPacket::parse(&bytes).expect("we write what can be read");
                    let uses_more = sent.is_demand || sent.is_control_plane_independent;
                    assert!(!uses_more && sent.echo_interval.is_zero(), "{sent:?}");
                    assert!(!sent.is_poll || !sent.is_final, "{sent:?}");
                    let is_slow = sent.transmit_interval >= Duration::from_secs(1);
                    assert!(is_slow || sent.state == State::Up, "{sent:?}");
                    if let Some(session) = self.sessions.get(&path) {
                        assert_eq!(sent.my_discriminator, session.discriminator());
                        let waits = session.config().passive && sent.your_discriminator.is_none();
                        assert!(!waits, "a passive session waits for its peer");
                    }
                }
            }
        }
        for (path, session) in self.sessions.iter() {
            assert_eq!(session.state() == State::Up, self.is_up[path], "{path:?}");
            assert!(session.counts().dropped.len() <= REASONS);
            let is_heard = session.remote().discriminator.is_some();
            assert_eq!(session.detection_time().is_some(), is_heard);
            assert!(is_heard || matches!(session.state(), State::Down | State::AdminDown));
        }
        assert!(self.sessions.iter().count() <= self.is_up.len());
        assert!(self.is_up.len() <= usize::from(PEERS) * 2);
        assert!(self.sessions.dropped().len() <= REASONS);
    }
}

fn hops(number: u8) -> HopKind {
    if number & 0x80 == 0 {
        HopKind::Single
    } else {
        HopKind::Multi
    }
}

fn path(number: u8) -> Path {
    Path {
        peer: address(number),
        local: Local::Any,
        hops: hops(number),
    }
}

fn arrival(number: u8, ttl: u8) -> Arrival {
    Arrival {
        from: [192, 0, 2, number & 0x7f].into(),
        to: [192, 0, 2, 200].into(),
        interface: 1,
        ttl,
        hops: hops(number),
    }
}

fn config(transmit: u8, receive: u8, multiplier: u8, flags: u8) -> Config {
    let interval = |number: u8| {
        let time = Duration::from_millis(10 + u64::from(number) * 8);
        time.try_into().expect("an interval")
    };
    Config {
        transmit_interval: interval(transmit),
        receive_interval: interval(receive),
        multiplier: NonZeroU8::new(multiplier).unwrap_or(NonZeroU8::MIN),
        passive: flags & 1 != 0,
        hops: match hops(flags) {
            HopKind::Single => Hops::SingleHop,
            HopKind::Multi => Hops::Multihop { minimum_ttl: 250 },
        },
    }
}
