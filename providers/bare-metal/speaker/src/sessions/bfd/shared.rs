//! Which session of BFD is whose, where several sessions with routers are watched by one.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;

use landfall_bare_metal_bfd::{Config, HopKind, Hops, Interval, Local, Path};
use landfall_bare_metal_resources::BfdSession;
use tokio::sync::mpsc;

use super::sockets::{port, usual_source};
use super::{Watched, Watching};
use crate::sessions::session::Command;

/// A session with a router, as BFD knows it.
#[derive(Debug)]
pub(super) struct User {
    pub(super) config: Config,
    pub(super) tell: mpsc::UnboundedSender<Command>,
}

impl Watched {
    /// Where packets are sent to.
    pub(super) fn at(&self, hops: HopKind) -> SocketAddr {
        let mut to = SocketAddr::from((self.to, port(hops)));
        if let (SocketAddr::V6(to), Some(index)) = (&mut to, self.interface) {
            to.set_scope_id(index);
        }
        to
    }
}

impl Watching {
    /// Between whom a session is to be. To a router it is by the addresses of packets alone: who names the
    /// address that ours come from anyway shares a session with who names none.
    pub(super) fn path(&self, watched: &Watched, hops: HopKind) -> Path {
        let wanted = Path {
            peer: watched.to.to_canonical(),
            local: match (watched.interface, watched.source) {
                (Some(index), _) => Local::Interface(index),
                (None, Some(source)) => Local::Address(source.to_canonical()),
                (None, None) => Local::Any,
            },
            hops,
        };
        if self.entries.contains_key(&wanted) {
            return wanted;
        }
        let between = |it: &&Path| it.peer == wanted.peer && it.hops == hops;
        let mut others = self.entries.keys().filter(between).copied();
        let same = others.find(|it| match (wanted.local, it.local) {
            (Local::Any, Local::Address(own)) | (Local::Address(own), Local::Any) => {
                is_usual(own, watched.at(hops))
            }
            _ => false,
        });
        same.unwrap_or(wanted)
    }
}

/// Whether packets to a router come from this address, if nobody says another.
fn is_usual(own: IpAddr, to: SocketAddr) -> bool {
    // Where there is no way now, there may be one later; that it is another one is as likely.
    usual_source(to).is_ok_and(|it| it.to_canonical() == own)
}

/// What a session is to be like of which two want something else: none of them may take the router for gone
/// sooner than it says, and none lets in what the other does not.
pub(super) fn joined(one: Config, other: Config) -> Config {
    Config {
        transmit_interval: one.transmit_interval.max(other.transmit_interval),
        receive_interval: one.receive_interval.max(other.receive_interval),
        multiplier: one.multiplier.max(other.multiplier),
        passive: one.passive && other.passive,
        hops: if one.hops.minimum_ttl() >= other.hops.minimum_ttl() {
            one.hops
        } else {
            other.hops
        },
    }
}

/// None: it has values that a judged object does not have.
pub(super) fn config(session: &BfdSession) -> Option<Config> {
    Some(Config {
        transmit_interval: Interval::try_from(session.transmit_interval).ok()?,
        receive_interval: Interval::try_from(session.receive_interval).ok()?,
        multiplier: NonZeroU8::new(session.multiplier)?,
        passive: session.passive,
        hops: match session.multihop {
            None => Hops::SingleHop,
            Some(minimum_ttl) => Hops::Multihop { minimum_ttl },
        },
    })
}
