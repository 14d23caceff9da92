//! Questions to neighbours whether they are there: answered by their kernel, whatever their speaker
//! does. It does no I/O.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use landfall_bare_metal_l2::{Arp, Frame, Heard, Mac, Operation, Solicitation, hear};

/// How often one is asked.
const TIMES: u32 = 3;

/// A neighbour that is being asked.
#[derive(Debug, Clone, Copy)]
struct Question {
    interface: u32,
    mac: Mac,
    /// The interface's own address, which the neighbour answers to.
    own: IpAddr,
    next: Instant,
    gap: Duration,
    left: u32,
}

/// All neighbours that are being asked.
#[derive(Debug, Default)]
pub(super) struct Asking(BTreeMap<IpAddr, Question>);

impl Asking {
    /// Asks three times within this time. Whoever is being asked already is asked anew.
    pub(super) fn ask(
        &mut self,
        address: IpAddr,
        (interface, mac, own): (u32, Mac, IpAddr),
        within: Duration,
        now: Instant,
    ) {
        let question = Question {
            interface,
            mac,
            own,
            next: now,
            gap: within / TIMES,
            left: TIMES,
        };
        self.0.insert(address, question);
    }

    /// When the next question, or the end of waiting for an answer, is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|it| it.next).min()
    }

    /// The questions that are due, each with the index of its interface.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<(u32, Frame)> {
        let mut frames = Vec::new();
        self.0.retain(|address, question| {
            if question.next > now {
                return true;
            }
            if question.left == 0 {
                return false;
            }
            question.left -= 1;
            // Who was held up waits as long for each answer.
            question.next = now + question.gap;
            frames.extend(question.frame(*address).map(|it| (question.interface, it)));
            true
        });
        frames
    }

    /// Which of the neighbours that are asked has answered with this frame.
    pub(super) fn hear(&mut self, interface: u32, frame: &[u8]) -> Option<IpAddr> {
        if self.0.is_empty() {
            return None;
        }
        // What is wrong with a frame is counted where all are heard.
        let address = match hear(frame).ok()?? {
            Heard::Arp(it) if it.operation == Operation::Reply => IpAddr::V4(it.sender),
            Heard::Advertisement(it) => IpAddr::V6(it.target),
            _ => return None,
        };
        let is_asked = self.0.get(&address)?.interface == interface;
        is_asked.then(|| self.0.remove(&address)).flatten()?;
        Some(address)
    }
}

impl Question {
    fn frame(&self, address: IpAddr) -> Option<Frame> {
        match (self.own, address) {
            (IpAddr::V4(own), IpAddr::V4(it)) => Some(Arp::request(self.mac, own, it)),
            (IpAddr::V6(own), IpAddr::V6(it)) => Some(Solicitation::request(self.mac, own, it)),
            // The own address was found by the subnet, so both are of one family.
            _ => None,
        }
    }
}
