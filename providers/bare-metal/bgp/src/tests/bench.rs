//! Two sides and what is between them, under a clock that is turned by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use rustbgpd_wire::attribute::PathAttribute;
use rustbgpd_wire::nlri::Prefix;
use rustbgpd_wire::{MAX_MESSAGE_LEN, Message, decode_message, peek_message_length};

use crate::*;

pub(super) const OURS: u32 = 64512;
pub(super) const THEIRS: u32 = 64500;

/// What we offer, if nothing else is said.
pub(super) fn settings() -> Settings {
    Settings {
        local_asn: OURS,
        remote_asn: RemoteAsn::Number(THEIRS),
        router_id: Ipv4Addr::new(192, 0, 2, 11),
        hold_time: Some(Duration::from_secs(90)),
        keepalive_time: None,
        connect_retry_time: Duration::from_secs(5),
        passive: false,
        families: BTreeSet::from([Family::Ipv4, Family::Ipv6]),
        restart: None,
    }
}

/// What a router offers that waits for us.
pub(super) fn router() -> Settings {
    Settings {
        local_asn: THEIRS,
        remote_asn: RemoteAsn::Number(OURS),
        router_id: Ipv4Addr::new(192, 0, 2, 1),
        passive: true,
        ..settings()
    }
}

/// Our addresses on a connection over IPv4.
pub(super) fn next_hops() -> NextHops {
    NextHops {
        v4: Some(Ipv4Addr::new(192, 0, 2, 11)),
        v6: Some("2001:db8::11".parse().unwrap()),
        ..NextHops::default()
    }
}

pub(super) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(super) fn plain() -> Arc<Attributes> {
    Arc::default()
}

/// The messages in some bytes.
pub(super) fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut rest = BytesMut::from(bytes);
    let mut messages = Vec::new();
    while let Some(length) = peek_message_length(&rest, MAX_MESSAGE_LEN).unwrap() {
        let mut one: Bytes = rest.split_to(usize::from(length)).freeze();
        messages.push(decode_message(&mut one, MAX_MESSAGE_LEN).unwrap());
    }
    assert!(rest.is_empty());
    messages
}

/// What a router would know of routes that it was told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Learnt {
    pub(super) routes: BTreeMap<IpNet, (Vec<PathAttribute>, IpAddr)>,
    pub(super) ended: Vec<Family>,
    pub(super) updates: usize,
    /// Prefixes that the last message announced.
    pub(super) said: BTreeSet<IpNet>,
}

impl Learnt {
    pub(super) fn prefixes(&self) -> BTreeSet<IpNet> {
        self.routes.keys().copied().collect()
    }

    pub(super) fn hear(&mut self, message: &Message, is_four_octet: bool) {
        let Message::Update(update) = message else {
            panic!("{message} is no UPDATE");
        };
        self.updates += 1;
        let parsed = update.parse(is_four_octet, false, &[]).unwrap();
        let mut withdrawn: Vec<IpNet> = Vec::new();
        let mut announced: Vec<(IpNet, IpAddr)> = Vec::new();
        let v4 = |it: rustbgpd_wire::nlri::Ipv4Prefix| -> IpNet {
            IpNet::new(it.addr.into(), it.len).unwrap()
        };
        withdrawn.extend(parsed.withdrawn.iter().map(|it| v4(it.prefix)));
        let hop = parsed.attributes.iter().find_map(|it| match it {
            PathAttribute::NextHop(hop) => Some(IpAddr::from(*hop)),
            _ => None,
        });
        let body = parsed.announced.iter();
        announced.extend(body.map(|it| (v4(it.prefix), hop.expect("NEXT_HOP"))));
        let any = |it: &Prefix| match it {
            Prefix::V4(it) => v4(*it),
            Prefix::V6(it) => IpNet::new(it.addr.into(), it.len).unwrap(),
        };
        let mut is_end_v6 = false;
        for attribute in &parsed.attributes {
            match attribute {
                PathAttribute::MpReachNlri(it) => {
                    let reached = it.announced.iter();
                    announced.extend(reached.map(|entry| (any(&entry.prefix), it.next_hop)));
                }
                PathAttribute::MpUnreachNlri(it) => {
                    is_end_v6 = it.withdrawn.is_empty();
                    withdrawn.extend(it.withdrawn.iter().map(|entry| any(&entry.prefix)));
                }
                _ => {}
            }
        }
        if withdrawn.is_empty() && announced.is_empty() {
            let family = if is_end_v6 {
                Family::Ipv6
            } else {
                Family::Ipv4
            };
            self.ended.push(family);
        }
        for prefix in withdrawn {
            assert!(
                self.routes.remove(&prefix).is_some(),
                "{prefix} was not there"
            );
        }
        let rest = parsed.attributes.into_iter();
        let rest: Vec<_> = rest
            .filter(|it| {
                !matches!(
                    it,
                    PathAttribute::MpReachNlri(_) | PathAttribute::NextHop(_)
                )
            })
            .collect();
        self.said = announced.iter().map(|it| it.0).collect();
        for (prefix, hop) in announced {
            self.routes.insert(prefix, (rest.clone(), hop));
        }
    }
}

/// What has come of a side's actions.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) causes: Vec<Cause>,
    pub(super) established: usize,
    pub(super) notified: Vec<Notification>,
}

/// One side of a link.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) peer: Peer,
    pub(super) told: Told,
    /// Which connection of the other side belongs to one of ours.
    links: BTreeMap<ConnectionId, ConnectionId>,
}

/// We, and a router that is a machine of ours, too.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) sides: [Side; 2],
    pub(super) now: Instant,
    /// Whether connections can be opened, and bytes pass.
    pub(super) is_cut: bool,
    pub(super) learnt: Learnt,
    queue: VecDeque<(usize, ConnectionId, Option<Bytes>)>,
}

impl Pair {
    pub(super) fn new(ours: Settings, theirs: Settings) -> Self {
        let side = |settings, seed| Side {
            peer: Peer::new(settings, seed),
            told: Told::default(),
            links: BTreeMap::new(),
        };
        Self {
            sides: [side(ours, 1), side(theirs, 2)],
            now: Instant::now(),
            is_cut: false,
            learnt: Learnt::default(),
            queue: VecDeque::new(),
        }
    }

    /// Both are started, and come as far as they do without waiting.
    pub(super) fn started(ours: Settings, theirs: Settings) -> Self {
        let mut pair = Self::new(ours, theirs);
        for side in [1, 0] {
            pair.sides[side].peer.start(pair.now);
        }
        pair.settle();
        pair
    }

    pub(super) fn ours(&mut self) -> &mut Peer {
        &mut self.sides[0].peer
    }

    pub(super) fn states(&self) -> [State; 2] {
        [0, 1].map(|it| self.sides[it].peer.state())
    }

    /// Does all that is to be done now.
    pub(super) fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            for side in [0, 1] {
                for action in self.sides[side].peer.take_actions() {
                    is_quiet = false;
                    self.act(side, action);
                }
            }
            while let Some((id, update)) = self.ours().next_update() {
                is_quiet = false;
                if !self.is_cut {
                    for message in messages(&update) {
                        self.learnt.hear(&message, true);
                    }
                }
                self.send(0, id, Some(update));
            }
            while let Some((side, id, bytes)) = self.queue.pop_front() {
                is_quiet = false;
                let (peer, now) = (&mut self.sides[side].peer, self.now);
                match bytes {
                    Some(bytes) => peer.received(id, &bytes, now),
                    None => peer.lost(id, None, now),
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn act(&mut self, side: usize, action: Action) {
        match action {
            Action::Dial(id) => self.dial(side, id),
            Action::Send(id, bytes) => {
                for message in messages(&bytes) {
                    if let Message::Notification(it) = message {
                        self.sides[side].told.notified.push(it.into());
                    }
                }
                self.send(side, id, Some(bytes));
            }
            Action::Close(id) => self.send(side, id, None),
            Action::Established(_) => self.sides[side].told.established += 1,
            Action::Down(cause) => {
                if side == 0 {
                    self.learnt = Learnt::default();
                }
                self.sides[side].told.causes.push(cause);
            }
        }
    }

    fn dial(&mut self, side: usize, id: ConnectionId) {
        if self.is_cut {
            return;
        }
        let other = 1 - side;
        let now = self.now;
        match self.sides[other].peer.accepted(next_hops(), now) {
            Some(theirs) => {
                self.sides[side].links.insert(id, theirs);
                self.sides[other].links.insert(theirs, id);
                self.sides[side].peer.connected(id, next_hops(), now);
            }
            None => self.sides[side]
                .peer
                .lost(id, Some("refused".to_owned()), now),
        }
    }

    fn send(&mut self, side: usize, id: ConnectionId, bytes: Option<Bytes>) {
        let other = 1 - side;
        let Some(theirs) = self.sides[side].links.get(&id).copied() else {
            return;
        };
        if bytes.is_none() {
            self.sides[side].links.remove(&id);
        }
        if !self.is_cut && self.sides[other].links.contains_key(&theirs) {
            self.queue.push_back((other, theirs, bytes));
        }
    }

    /// Lets time pass, as far as something is due within it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let ticks = self.sides.iter().filter_map(|it| it.peer.next_tick());
            let Some(next) = ticks.min().filter(|it| *it <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for side in [0, 1] {
                let now = self.now;
                self.sides[side].peer.tick(now);
            }
            self.settle();
        }
        self.now = end;
    }
}
