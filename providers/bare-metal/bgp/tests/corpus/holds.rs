//! What holds for any bytes and times. The fuzz targets look for such for which it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use landfall_bare_metal_bgp::{
    Action, Attributes, ConnectionId, Family, Leave, Peer, Settings, State,
};
use rustbgpd_wire::nlri::Prefix;
use rustbgpd_wire::{Message, PathAttribute};

#[path = "router.rs"]
mod router;
#[path = "settings.rs"]
mod settings;

use router::{decoded, net};
use settings::{attributes, hops, prefix, settings};

/// What happens to a session, as bytes tell it: each is a byte that says what, and what belongs to it.
pub fn story(bytes: &[u8]) {
    let mut rest = bytes;
    let Some(kind) = byte(&mut rest) else {
        return;
    };
    let mut world = World::new(settings(kind));
    while world.happens(&mut rest).is_some() {}
    world.ends_well();
}

/// A message of which the type and the body are given: a router says it before its OPEN, before its KEEPALIVE,
/// and in a session; and bytes that have no length of their own.
pub fn message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let framed = router::framed(*kind % 7, &body[..body.len().min(4077)]);
    for steps in 0..3 {
        for internal in [0, 2] {
            let at_once = heard(steps, internal, &[&framed[..]]);
            let mut pieces = framed.chunks(1 + usize::from(*kind) / 7);
            assert_eq!(
                at_once,
                heard(steps, internal, &pieces.by_ref().collect::<Vec<_>>())
            );
        }
        heard(steps, 0, &[bytes]);
    }
}

/// What a machine says to bytes, if so many messages went well before.
fn heard(steps: usize, kind: u8, pieces: &[&[u8]]) -> (State, Vec<Action>) {
    let mut world = World::new(settings(kind));
    world.peer.start(world.now);
    world.look();
    let dial = world.dial.expect("a dial");
    world.connected(dial);
    let usual = [router::open(kind), router::framed(4, &[])];
    for message in &usual[..steps] {
        world.receive(dial, message);
    }
    let mut all = Vec::new();
    for piece in pieces {
        all.extend(world.receive(dial, piece));
    }
    (world.peer.state(), all)
}

struct World {
    peer: Peer,
    now: Instant,
    is_started: bool,
    /// A connection that is being opened.
    dial: Option<ConnectionId>,
    open: BTreeSet<ConnectionId>,
    last: u64,
    is_up: bool,
    wanted: BTreeMap<IpNet, Arc<Attributes>>,
    is_complete: bool,
    /// What the router knows.
    known: BTreeSet<IpNet>,
    ended: usize,
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

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            peer: Peer::new(settings, 1),
            now: Instant::now(),
            is_started: false,
            dial: None,
            open: BTreeSet::new(),
            last: 0,
            is_up: false,
            wanted: BTreeMap::new(),
            is_complete: false,
            known: BTreeSet::new(),
            ended: 0,
        }
    }

    /// One of the connections that are open, or one that is not.
    fn one(&self, number: u8) -> ConnectionId {
        let open = self.open.iter().nth(number.into());
        open.copied().unwrap_or(ConnectionId(number.into()))
    }

    /// What happens next.
    fn happens(&mut self, rest: &mut &[u8]) -> Option<()> {
        match byte(rest)? % 18 {
            0 => self.pass(Duration::from_millis(u64::from(byte(rest)?) * 64)),
            // The shell is held up.
            1 => {
                self.now += Duration::from_millis(u64::from(byte(rest)?) * 4096);
                self.tick();
            }
            2 => {
                if let Some(id) = self.dial.take() {
                    self.peer.connected(id, hops(byte(rest)?), self.now);
                    self.open.insert(id);
                }
            }
            3 => self.accepted(byte(rest)?),
            4 => {
                let id = self.one(byte(rest)?);
                self.peer.lost(id, None, self.now);
            }
            5 => {
                if let Some(id) = self.dial {
                    self.peer.lost(id, Some("refused".to_owned()), self.now);
                }
            }
            6 => {
                let (id, length) = (self.one(byte(rest)?), byte(rest)?);
                self.receive(id, bytes(rest, length.into()));
            }
            7 => {
                let (id, kind, length) = (self.one(byte(rest)?), byte(rest)?, byte(rest)?);
                self.receive(id, &router::framed(kind % 7, bytes(rest, length.into())));
            }
            8 => {
                let id = self.one(byte(rest)?);
                self.receive(id, &router::open(byte(rest)?));
            }
            9 => {
                let id = self.one(byte(rest)?);
                self.receive(id, &router::framed(4, &[]));
            }
            // As far as it goes well.
            10 => {
                let id = self.one(byte(rest)?);
                let well = [router::open(byte(rest)?), router::framed(4, &[])];
                self.receive(id, &well.concat());
            }
            11 => self.want(byte(rest)?, byte(rest)?),
            12 => {
                self.peer.complete();
                self.is_complete = true;
            }
            13 => self.peer.leaving(byte(rest)? & 1 != 0),
            14 => {
                for _ in 0..byte(rest)? % 8 {
                    self.update();
                }
            }
            15 => {
                let (id, is_blocked) = (self.one(byte(rest)?), byte(rest)? & 1 != 0);
                self.peer.blocked(id, is_blocked.then_some(self.now));
            }
            16 => self.peer.bfd_down(self.now),
            _ => self.start_or_stop(byte(rest)?),
        }
        self.look();
        Some(())
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.peer.next_tick().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
    }

    /// What is due is done, and then nothing is due any more.
    fn tick(&mut self) {
        for _ in 0..4 {
            self.peer.tick(self.now);
            self.look();
            if self.peer.next_tick().is_none_or(|next| next > self.now) {
                return;
            }
        }
        panic!("something is due for ever");
    }

    fn connected(&mut self, id: ConnectionId) {
        self.dial = None;
        self.open.insert(id);
        self.peer.connected(id, hops(0), self.now);
        self.look();
    }

    fn accepted(&mut self, kind: u8) {
        let accepted = self.peer.accepted(hops(kind), self.now);
        assert!(self.is_started || accepted.is_none());
        if let Some(ConnectionId(id)) = accepted {
            assert!(id > self.last, "a name is given once");
            self.last = id;
            self.open.insert(ConnectionId(id));
        }
    }

    fn receive(&mut self, id: ConnectionId, bytes: &[u8]) -> Vec<Action> {
        let was_open = self.open.contains(&id);
        self.peer.received(id, bytes, self.now);
        let actions = self.look();
        assert!(was_open || actions.is_empty(), "{actions:?}");
        actions
    }

    fn want(&mut self, number: u8, kind: u8) {
        let prefix = prefix(number);
        let wanted = (kind & 0x80 == 0).then(|| Arc::new(attributes(kind)));
        self.peer.want(prefix, wanted.clone());
        match wanted {
            Some(it) => drop(self.wanted.insert(prefix, it)),
            None => drop(self.wanted.remove(&prefix)),
        }
    }

    fn start_or_stop(&mut self, kind: u8) {
        let leave = match kind & 7 {
            1 => Leave::Shutdown("bye".to_owned()),
            2 => Leave::Deconfigured,
            3 => Leave::Reconfigured,
            4 => Leave::Restart("back soon".to_owned()),
            _ => {
                self.peer.start(self.now);
                self.is_started = true;
                return;
            }
        };
        self.peer.stop(&leave);
        self.is_started = false;
        self.look();
        assert!(self.open.is_empty() && self.dial.is_none());
        assert_eq!(
            (self.peer.state(), self.peer.next_tick()),
            (State::Idle, None)
        );
    }

    /// The router takes a message with routes, if there is one.
    fn update(&mut self) -> bool {
        let Some((id, bytes)) = self.peer.next_update() else {
            return false;
        };
        assert_eq!((self.is_up, self.peer.established_on()), (true, Some(id)));
        let Message::Update(update) = decoded(&bytes) else {
            panic!("no UPDATE: {bytes:?}");
        };
        let is_four_octet = self.peer.negotiated().expect("a session").is_four_octet;
        let parsed = update
            .parse(is_four_octet, false, &[])
            .expect("what we say can be read");
        let mut withdrawn: Vec<_> = parsed
            .withdrawn
            .iter()
            .map(|it| Prefix::V4(it.prefix))
            .collect();
        let mut announced: Vec<_> = parsed
            .announced
            .iter()
            .map(|it| Prefix::V4(it.prefix))
            .collect();
        for attribute in &parsed.attributes {
            match attribute {
                PathAttribute::MpReachNlri(it) => {
                    announced.extend(it.announced.iter().map(|it| it.prefix));
                }
                PathAttribute::MpUnreachNlri(it) => {
                    withdrawn.extend(it.withdrawn.iter().map(|it| it.prefix));
                }
                _ => {}
            }
        }
        let is_end = withdrawn.is_empty() && announced.is_empty();
        assert!(!is_end || self.is_complete);
        self.ended += usize::from(is_end);
        for prefix in withdrawn {
            assert!(self.known.remove(&net(prefix)), "{prefix:?} was not known");
        }
        self.known.extend(announced.into_iter().map(net));
        true
    }

    /// What is to be done makes sense, and what is told of the session is so.
    fn look(&mut self) -> Vec<Action> {
        let actions = self.peer.take_actions();
        for action in &actions {
            match action {
                Action::Dial(id) => {
                    assert!(self.is_started || self.last == 0, "nobody has started it");
                    assert!(self.dial.replace(*id).is_none(), "one dial at a time");
                    assert!(id.0 > self.last, "a name is given once");
                    self.last = id.0;
                }
                Action::Send(id, bytes) => {
                    assert!(self.open.contains(id), "{id:?} is not open");
                    let message = decoded(bytes);
                    assert!(!matches!(
                        message,
                        Message::Update(_) | Message::RouteRefresh(_)
                    ));
                    if matches!(message, Message::Notification(_)) {
                        assert!(actions.contains(&Action::Close(*id)), "{actions:?}");
                    }
                }
                Action::Close(id) => {
                    let was_dial = self.dial == Some(*id);
                    self.dial = self.dial.filter(|it| it != id);
                    assert!(self.open.remove(id) || was_dial, "{id:?} is not open");
                }
                Action::Established(_) => {
                    assert!(!std::mem::replace(&mut self.is_up, true));
                    (self.known, self.ended) = Default::default();
                }
                Action::Down(_) => {
                    self.is_up = false;
                    (self.known, self.ended) = Default::default();
                }
            }
        }
        let state = self.peer.state();
        assert_eq!(state == State::Established, self.is_up);
        assert_eq!(self.peer.negotiated().is_some(), self.is_up);
        assert!(
            self.peer
                .established_on()
                .is_none_or(|it| self.open.contains(&it))
        );
        assert!(
            self.open.len() <= 3,
            "ours, the router's, and one more of its own"
        );
        let [wanted, announced, unreachable] = self.peer.counts();
        assert_eq!(wanted, self.wanted.len());
        assert_eq!(announced, self.known.len());
        assert!(unreachable <= wanted && self.ended <= 2);
        assert!(
            self.peer
                .routes()
                .map(|it| it.0)
                .eq(self.known.iter().copied())
        );
        actions
    }

    /// The router takes all there is, and knows what is wanted.
    fn ends_well(&mut self) {
        let most = self.known.len() + self.wanted.len() + 2;
        let count = (0..=most).take_while(|_| self.update()).count();
        assert!(count <= most, "no more is waiting than there is");
        let Some(negotiated) = self.peer.negotiated() else {
            return;
        };
        assert!(self.peer.is_quiet());
        let of_session = self
            .wanted
            .keys()
            .filter(|it| negotiated.families.contains(&Family::of(**it)));
        let [_, announced, unreachable] = self.peer.counts();
        assert_eq!(of_session.count(), announced + unreachable);
        assert!(self.known.iter().all(|it| self.wanted.contains_key(it)));
        let ends = if self.is_complete {
            negotiated.families.len()
        } else {
            0
        };
        assert_eq!(self.ended, ends);
    }
}
