//! What a node answers on one interface.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::arp::{Arp, Operation};
use crate::frame::Frame;
use crate::heard::{Heard, Malformed, hear};
use crate::limit::Limit;
use crate::mac::Mac;
use crate::ndp::{Advertisement, Solicitation};

/// Answers that one neighbour gets in a second. One that has a thousand addresses to learn at once,
/// say a router that was started again, asks again for what it was not told.
const ANSWERS: u32 = 1000;

/// How far an address is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// It is being probed: nothing is answered.
    Probed,
    /// It is announced.
    Announced,
}

/// What to do about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: it is not about an address that is ours.
    Nothing,
    /// Send this.
    Answer(Frame),
    /// Nothing, because this neighbour has asked too often.
    Limited,
    /// Somebody else has an address that is announced here, or wants it at the same time.
    Contested {
        /// The address.
        address: IpAddr,
        /// Who has it.
        by: Mac,
    },
}

/// The addresses of an interface, and what is answered for them.
#[derive(Debug)]
pub struct Responder {
    mac: Mac,
    addresses: HashMap<IpAddr, Hold>,
    limit: Limit,
}

impl Responder {
    /// For an interface with this hardware address. It has no address yet.
    pub fn new(mac: Mac, now: Instant) -> Self {
        Self {
            mac,
            addresses: HashMap::new(),
            limit: Limit::new(ANSWERS, now),
        }
    }

    /// Begins to take an address: it is listened for, and not answered for.
    pub fn probe(&mut self, address: IpAddr) {
        self.addresses.insert(address, Hold::Probed);
    }

    /// Answers for an address from now on.
    pub fn announce(&mut self, address: IpAddr) {
        self.addresses.insert(address, Hold::Announced);
    }

    /// Is silent about an address from now on.
    pub fn withdraw(&mut self, address: IpAddr) {
        self.addresses.remove(&address);
    }

    /// Asks whether somebody has an address.
    pub fn probe_frame(&self, address: IpAddr) -> Frame {
        match address {
            IpAddr::V4(address) => Arp::probe(self.mac, address),
            IpAddr::V6(address) => Solicitation::probe(self.mac, address),
        }
    }

    /// Says to everybody that an address is here.
    pub fn announcement(&self, address: IpAddr) -> Frame {
        match address {
            IpAddr::V4(address) => Arp::announcement(self.mac, address),
            IpAddr::V6(address) => Advertisement::unsolicited(self.mac, address),
        }
    }

    /// What to do about a frame that came in.
    pub fn hear(&mut self, frame: &[u8], now: Instant) -> Result<Reaction, Malformed> {
        let reaction = match hear(frame)? {
            None => Reaction::Nothing,
            Some(Heard::Arp(said)) => self.hear_arp(&said, now),
            Some(Heard::Solicitation(said)) => self.hear_solicitation(&said, now),
            Some(Heard::Advertisement(said)) => self.hear_advertisement(&said),
        };
        Ok(reaction)
    }

    fn hear_arp(&mut self, said: &Arp, now: Instant) -> Reaction {
        // A switch may send our own words back to us.
        if said.sender_mac == self.mac {
            return Reaction::Nothing;
        }
        let (sender, target) = (IpAddr::V4(said.sender), IpAddr::V4(said.target));
        if self.addresses.contains_key(&sender) {
            return contested(sender, said.sender_mac);
        }
        if said.operation == Operation::Reply {
            return Reaction::Nothing;
        }
        match self.addresses.get(&target) {
            Some(Hold::Announced) => self.answer(said.sender_mac, now, |mac| said.reply(mac)),
            // Both probe, and neither has it yet (RFC 5227, section 2.1.1).
            Some(Hold::Probed) if said.is_probe() => contested(target, said.sender_mac),
            Some(Hold::Probed) | None => Reaction::Nothing,
        }
    }

    fn hear_solicitation(&mut self, said: &Solicitation, now: Instant) -> Reaction {
        if said.link_source == self.mac {
            return Reaction::Nothing;
        }
        let (source, target) = (IpAddr::V6(said.source), IpAddr::V6(said.target));
        let by = said.source_mac.unwrap_or(said.link_source);
        if self.addresses.contains_key(&source) {
            return contested(source, by);
        }
        match self.addresses.get(&target) {
            Some(Hold::Announced) => self.answer(said.link_source, now, |mac| said.answer(mac)),
            // Both ask, and neither has it yet (RFC 4862, section 5.4.3).
            Some(Hold::Probed) if said.is_probe() => contested(target, by),
            Some(Hold::Probed) | None => Reaction::Nothing,
        }
    }

    fn hear_advertisement(&self, said: &Advertisement) -> Reaction {
        let (target, by) = (said.target, said.target_mac.unwrap_or(said.link_source));
        let is_own = by == self.mac || said.link_source == self.mac;
        match self.addresses.get(&IpAddr::V6(target)) {
            Some(_) if !is_own => contested(target.into(), by),
            _ => Reaction::Nothing,
        }
    }

    fn answer(&mut self, to: Mac, now: Instant, frame: impl FnOnce(Mac) -> Frame) -> Reaction {
        if self.limit.allows(to, now) {
            Reaction::Answer(frame(self.mac))
        } else {
            Reaction::Limited
        }
    }
}

fn contested(address: IpAddr, by: Mac) -> Reaction {
    Reaction::Contested { address, by }
}
