//! The sessions of a node, and which packet is for which (RFC 5880 §6.3).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Instant;

use fastrand::Rng;

use crate::action::Action;
use crate::config::{Config, Hops};
use crate::dropped::Dropped;
use crate::packet::ControlPacket;
use crate::session::Session;

/// Whether a session or a packet goes over one hop or several: to UDP port 3784 (RFC 5881 §4) or 4784
/// (RFC 5883 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HopKind {
    /// A single hop.
    Single,
    /// Several.
    Multi,
}

impl From<Hops> for HopKind {
    fn from(hops: Hops) -> Self {
        match hops {
            Hops::SingleHop => Self::Single,
            Hops::Multihop { .. } => Self::Multi,
        }
    }
}

/// What of this node a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Local {
    /// An interface, by its index: wherever the peer's address alone says nothing, such as a link-local
    /// one.
    Interface(u32),
    /// An address, to which the peer sends.
    Address(IpAddr),
    /// Whichever: there is one session with the peer.
    Any,
}

/// Between whom a session is. It names the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// The peer's address.
    pub peer: IpAddr,
    /// What of this node.
    pub local: Local,
    /// Over how many hops.
    pub hops: HopKind,
}

/// How a datagram came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its source address.
    pub from: IpAddr,
    /// Its destination address.
    pub to: IpAddr,
    /// The index of the interface that it came in by.
    pub interface: u32,
    /// Its TTL or Hop Limit.
    pub ttl: u8,
    /// Of the port that it was sent to.
    pub hops: HopKind,
}

/// The sessions of a node.
///
/// # A shell that is late
///
/// Nobody is taken for gone but by [`tick`](Self::tick), and by the arrival of its last packet. A shell
/// that was held up for longer than a Detection Time therefore first [hands in](Self::receive) all that
/// waits in its sockets, each with the time of its arrival or the present one, and ticks then.
///
/// # Strangers
///
/// A datagram that is for no session adds to a number, of which there is one for each reason, and does
/// nothing else: nothing is kept of it, and nothing is answered.
#[derive(Debug)]
pub struct Sessions {
    random: Rng,
    entries: BTreeMap<NonZeroU32, Entry>,
    /// By path, the local discriminator.
    paths: HashMap<Path, NonZeroU32>,
    /// When each session is due.
    due: BTreeSet<(Instant, NonZeroU32)>,
    actions: Vec<(Path, Action)>,
    dropped: BTreeMap<Dropped, u64>,
}

#[derive(Debug)]
struct Entry {
    path: Path,
    session: Session,
    /// As it stands in `due`.
    due: Option<Instant>,
    /// When it is forgotten, if it is to be.
    ends: Option<Instant>,
}

impl Entry {
    fn next(&self) -> Option<Instant> {
        self.session.next_tick().into_iter().chain(self.ends).min()
    }
}

impl Sessions {
    /// No sessions yet. Discriminators and jitter are drawn from the seed, which should be as hard to guess
    /// as the discriminators are to be (RFC 5880 §6.8.1).
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            entries: BTreeMap::new(),
            paths: HashMap::new(),
            due: BTreeSet::new(),
            actions: Vec::new(),
            dropped: BTreeMap::new(),
        }
    }

    /// There is to be a session like this. One that is there already is [reconfigured](Session::reconfigure),
    /// and one that was being removed, or was taken down by an administrator's word, begins anew. Over other
    /// hops it is another session: the one before is to be removed.
    pub fn set(&mut self, peer: IpAddr, local: Local, config: Config, now: Instant) -> Path {
        let path = Path {
            peer: peer.to_canonical(),
            local: match local {
                Local::Address(address) => Local::Address(address.to_canonical()),
                Local::Interface(_) | Local::Any => local,
            },
            hops: config.hops.into(),
        };
        let discriminator = match self.paths.get(&path) {
            Some(discriminator) => *discriminator,
            None => self.begin(path, config, now),
        };
        self.change(discriminator, |entry| {
            entry.ends = None;
            entry.session.reconfigure(config, now);
            entry.session.enable(now);
        });
        path
    }

    /// There is to be no such session any more. The peer is told, for as long as it may take to hear of it
    /// (RFC 5880 §6.8.16), and then the session is forgotten. A shell that ends may end earlier: the first
    /// packet that tells it goes at once.
    ///
    /// If that one is lost, a peer that waits for less than a second finds silence before it hears the next,
    /// since a session that is not up sends each second at most (§6.8.3).
    pub fn remove(&mut self, path: &Path, now: Instant) {
        let Some(discriminator) = self.paths.get(path) else {
            return;
        };
        self.change(*discriminator, |entry| {
            entry.session.administrative_down(now);
            let is_heard = entry.session.remote().discriminator.is_some();
            let while_heard = is_heard.then(|| entry.session.remote_detection_time());
            let ends = now + while_heard.unwrap_or_default();
            entry.ends.get_or_insert(ends);
        });
    }

    /// Takes a session down by an administrator's word, and keeps it there.
    pub fn administrative_down(&mut self, path: &Path, now: Instant) {
        if let Some(discriminator) = self.paths.get(path) {
            self.change(*discriminator, |entry| {
                entry.session.administrative_down(now);
            });
        }
    }

    /// A session, by its path.
    pub fn get(&self, path: &Path) -> Option<&Session> {
        let discriminator = self.paths.get(path)?;
        Some(&self.entries.get(discriminator)?.session)
    }

    /// All sessions, also those that are being removed.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Session)> {
        self.entries.values().map(|it| (&it.path, &it.session))
    }

    /// Whether there are none, and nobody has to be told any more.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Datagrams that were dropped, by why, and came from no peer of a session. Those of peers are counted
    /// by [their sessions](crate::Counts::dropped).
    pub fn dropped(&self) -> &BTreeMap<Dropped, u64> {
        &self.dropped
    }

    /// Takes in a datagram that arrived at this time, and says whose it was.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        arrival: &Arrival,
        now: Instant,
    ) -> Result<Path, Dropped> {
        let source = self.source(arrival);
        let (packet, discriminator) = match self.select(datagram, source) {
            Ok(selected) => selected,
            Err(dropped) => {
                self.count_dropped(dropped, source);
                return Err(dropped);
            }
        };
        self.change(discriminator, |entry| {
            if entry.path.hops != arrival.hops {
                entry.session.count_dropped(Dropped::OtherHops);
                return Err(Dropped::OtherHops);
            }
            entry.session.receive(&packet, arrival.ttl, now)?;
            Ok(entry.path)
        })
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_tick(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Does what is due in all sessions.
    pub fn tick(&mut self, now: Instant) {
        while let Some((due, discriminator)) = self.due.first().copied()
            && due <= now
        {
            let is_over = self.change(discriminator, |entry| {
                entry.session.tick(now);
                entry.ends.is_some_and(|ends| now >= ends)
            });
            if is_over {
                self.forget(discriminator);
            }
        }
    }

    /// What is to be done since this was asked last, in order, and for which session.
    pub fn take_actions(&mut self) -> Vec<(Path, Action)> {
        std::mem::take(&mut self.actions)
    }

    fn begin(&mut self, path: Path, config: Config, now: Instant) -> NonZeroU32 {
        let discriminator = self.draw_discriminator();
        let session = Session::new(config, discriminator, self.random.u64(..), now);
        let entry = Entry {
            path,
            session,
            due: None,
            ends: None,
        };
        self.entries.insert(discriminator, entry);
        self.paths.insert(path, discriminator);
        discriminator
    }

    /// One that no session has.
    fn draw_discriminator(&mut self) -> NonZeroU32 {
        loop {
            let drawn = NonZeroU32::new(self.random.u32(..));
            if let Some(drawn) = drawn.filter(|it| !self.entries.contains_key(it)) {
                return drawn;
            }
        }
    }

    fn forget(&mut self, discriminator: NonZeroU32) {
        if let Some(entry) = self.entries.remove(&discriminator) {
            self.paths.remove(&entry.path);
            if let Some(due) = entry.due {
                self.due.remove(&(due, discriminator));
            }
        }
    }

    /// Changes a session, takes what it wants done, and notes when it is due.
    fn change<R>(&mut self, discriminator: NonZeroU32, change: impl FnOnce(&mut Entry) -> R) -> R {
        let entry = self.entries.get_mut(&discriminator);
        let entry = entry.expect("what paths and due times name is forgotten with its entry");
        let result = change(entry);
        let path = entry.path;
        let actions = entry.session.take_actions();
        self.actions
            .extend(actions.into_iter().map(|action| (path, action)));
        let next = entry.next();
        if next != entry.due {
            if let Some(due) = std::mem::replace(&mut entry.due, next) {
                self.due.remove(&(due, discriminator));
            }
            self.due.extend(next.map(|due| (due, discriminator)));
        }
        result
    }

    /// The session with who sent a datagram: by the interface that it came in by, or else the address that
    /// it was sent to, or else the source alone.
    fn source(&self, arrival: &Arrival) -> Option<NonZeroU32> {
        let locals = [
            Local::Interface(arrival.interface),
            Local::Address(arrival.to.to_canonical()),
            Local::Any,
        ];
        let peer = arrival.from.to_canonical();
        let hops = arrival.hops;
        let mut paths = locals.map(|local| Path { peer, local, hops }).into_iter();
        paths.find_map(|path| self.paths.get(&path).copied())
    }

    /// The packet and the session that it is for: the one that Your Discriminator names, wherever it came
    /// from, or the one with its source if there is none (RFC 5880 §6.3).
    fn select(
        &self,
        datagram: &[u8],
        source: Option<NonZeroU32>,
    ) -> Result<(ControlPacket, NonZeroU32), Dropped> {
        let packet = ControlPacket::parse(datagram)?;
        let discriminator = match packet.your_discriminator {
            Some(named) if self.entries.contains_key(&named) => named,
            Some(_) => return Err(Dropped::UnknownDiscriminator),
            None => source.ok_or(Dropped::Stranger)?,
        };
        Ok((packet, discriminator))
    }

    fn count_dropped(&mut self, dropped: Dropped, source: Option<NonZeroU32>) {
        match source.and_then(|it| self.entries.get_mut(&it)) {
            Some(entry) => entry.session.count_dropped(dropped),
            None => *self.dropped.entry(dropped).or_default() += 1,
        }
    }
}
