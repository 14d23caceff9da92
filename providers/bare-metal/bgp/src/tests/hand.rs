//! One machine, and a router whose every message is made by hand.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustbgpd_wire::{Afi, Capability, Message, OpenMessage, Safi, encode_message};

use super::bench::{THEIRS, messages, next_hops, settings};
use crate::*;

/// What the router says.
pub(super) const KEEPALIVE: Message = Message::Keepalive;

/// The router's OPEN, if nothing else is said.
pub(super) fn open() -> OpenMessage {
    OpenMessage {
        version: 4,
        my_as: u16::try_from(THEIRS).unwrap(),
        hold_time: 90,
        bgp_identifier: Ipv4Addr::new(192, 0, 2, 1),
        capabilities: vec![
            family(Afi::Ipv4),
            family(Afi::Ipv6),
            Capability::FourOctetAs { asn: THEIRS },
        ],
    }
}

pub(super) fn family(afi: Afi) -> Capability {
    Capability::MultiProtocol {
        afi,
        safi: Safi::Unicast,
    }
}

pub(super) fn bytes(message: &Message) -> BytesMut {
    encode_message(message).unwrap()
}

/// A message of any type, with the right marker and length.
pub(super) fn raw(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap();
    with_length(length, kind, body)
}

pub(super) fn with_length(length: u16, kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff; 16], &length.to_be_bytes()[..], &[kind], body].concat()
}

/// The code, the subcode and the data of a NOTIFICATION.
pub(super) fn notification(code: u8, subcode: u8, data: &[u8]) -> Notification {
    Notification {
        code,
        subcode,
        data: data.to_vec(),
    }
}

/// A machine, and what has come of its actions.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) peer: Peer,
    pub(super) now: Instant,
    /// The connection that is spoken on.
    pub(super) id: ConnectionId,
    pub(super) sent: Vec<(ConnectionId, Message)>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) dialled: Vec<ConnectionId>,
    pub(super) causes: Vec<Cause>,
    pub(super) established: usize,
}

impl Hand {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            peer: Peer::new(settings, 7),
            now: Instant::now(),
            id: ConnectionId(u64::MAX),
            sent: Vec::new(),
            closed: Vec::new(),
            dialled: Vec::new(),
            causes: Vec::new(),
            established: 0,
        }
    }

    /// As far as it comes, by a connection of ours.
    pub(super) fn at(state: State) -> Self {
        Self::at_with(state, settings(), &open())
    }

    pub(super) fn at_with(state: State, settings: Settings, open: &OpenMessage) -> Self {
        let mut hand = Self::new(settings);
        if state >= State::Connect {
            hand.start();
        }
        if state == State::Active {
            let (id, now) = (hand.id, hand.now);
            hand.peer.lost(id, Some("refused".to_owned()), now);
        }
        if state >= State::OpenSent {
            hand.connect();
        }
        if state >= State::OpenConfirm {
            hand.hear(&Message::Open(open.clone()));
        }
        if state == State::Established {
            hand.hear(&KEEPALIVE);
        }
        hand.take();
        assert_eq!(hand.peer.state(), state, "{hand:?}");
        hand.causes.clear();
        hand.done();
        hand
    }

    pub(super) fn start(&mut self) {
        self.peer.start(self.now);
        self.take();
        self.id = self.dialled.last().copied().unwrap_or(self.id);
    }

    pub(super) fn connect(&mut self) {
        self.peer.connected(self.id, next_hops(), self.now);
        self.take();
    }

    /// The router opens a connection, which is spoken on from now on.
    pub(super) fn accept(&mut self) -> bool {
        let accepted = self.peer.accepted(next_hops(), self.now);
        self.id = accepted.unwrap_or(self.id);
        self.take();
        accepted.is_some()
    }

    pub(super) fn hear(&mut self, message: &Message) {
        self.hear_bytes(&bytes(message));
    }

    pub(super) fn hear_bytes(&mut self, bytes: &[u8]) {
        self.peer.received(self.id, bytes, self.now);
        self.take();
    }

    pub(super) fn lose(&mut self) {
        self.peer.lost(self.id, None, self.now);
        self.take();
    }

    /// Time passes without anybody looking, and then somebody looks.
    pub(super) fn late(&mut self, time: Duration) {
        self.now += time;
        self.peer.tick(self.now);
        self.take();
    }

    /// Time passes, and what is due is done when it is.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.peer.next_tick().filter(|it| *it <= end) {
            self.now = self.now.max(next);
            self.late(Duration::ZERO);
        }
        self.now = end;
    }

    pub(super) fn take(&mut self) {
        for action in self.peer.take_actions() {
            match action {
                Action::Dial(id) => self.dialled.push(id),
                Action::Send(id, bytes) => {
                    let all = messages(&bytes).into_iter();
                    self.sent.extend(all.map(|it| (id, it)));
                }
                Action::Close(id) => self.closed.push(id),
                Action::Established(_) => self.established += 1,
                Action::Down(cause) => self.causes.push(cause),
            }
        }
    }

    /// All that was done since the last time, in short.
    pub(super) fn done(&mut self) -> String {
        let mut done: Vec<String> = Vec::new();
        done.extend(self.sent.drain(..).map(|(_, message)| match message {
            Message::Notification(it) => format!("{}/{}", it.code.as_u8(), it.subcode),
            Message::Open(_) => "OPEN".to_owned(),
            Message::Keepalive => "KEEPALIVE".to_owned(),
            other => format!("{other:?}"),
        }));
        done.extend(self.closed.drain(..).map(|_| "closed".to_owned()));
        done.extend(self.dialled.drain(..).map(|_| "dials".to_owned()));
        done.join(" ")
    }

    /// The NOTIFICATIONs that were sent.
    pub(super) fn notified(&self) -> Vec<Notification> {
        let sent = self.sent.iter();
        let sent = sent.filter_map(|(_, it)| match it {
            Message::Notification(it) => Some(it.clone().into()),
            _ => None,
        });
        sent.collect()
    }
}
