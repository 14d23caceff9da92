//! What a session is to be like.

use std::num::NonZeroU8;

use crate::interval::Interval;

/// What a session is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Desired Min TX Interval while the session is up. While it is not, at least a second is used
    /// (RFC 5880 §6.8.3).
    pub transmit_interval: Interval,
    /// Required Min RX Interval.
    pub receive_interval: Interval,
    /// Detect Mult: so many packets of ours in a row the peer has to miss.
    pub multiplier: NonZeroU8,
    /// Whether nothing is sent before the peer is heard (RFC 5880 §6.1).
    pub passive: bool,
    /// How far away the peer is.
    pub hops: Hops,
}

/// How far away a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hops {
    /// On a link of ours: packets have TTL 255, which no router has lowered (RFC 5881 §5).
    SingleHop,
    /// Behind routers (RFC 5883).
    Multihop {
        /// The lowest TTL with which a packet is accepted (RFC 5082).
        minimum_ttl: u8,
    },
}

impl Hops {
    /// The lowest TTL or Hop Limit with which a packet is accepted.
    pub fn minimum_ttl(self) -> u8 {
        match self {
            Self::SingleHop => 255,
            Self::Multihop { minimum_ttl } => minimum_ttl,
        }
    }
}
