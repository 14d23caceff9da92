//! What a session wants done.

use crate::packet::LENGTH;

/// What is to be done for a session, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this packet to the peer.
    Send([u8; LENGTH]),
    /// The session is up: packets come through both ways.
    Up,
    /// The session was up, and is no more.
    Down {
        /// Why.
        reason: DownReason,
    },
}

/// Why a session is up no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DownReason {
    /// The peer was not heard for the Detection Time (RFC 5880 §6.8.4).
    ControlDetectionTimeExpired,
    /// The peer says that the session is down: it does not hear us, or was started anew.
    NeighborSignaledDown,
    /// The peer's administrator has taken the session down. It says nothing about the path (RFC 5880
    /// §6.2), and what runs beside the session goes on.
    NeighborAdministrativelyDown,
    /// It was taken down here.
    OwnAdministrativeDown,
}

impl DownReason {
    /// Whether it says that the path has failed: only then may routes be withdrawn for it (RFC 5882
    /// §3.2).
    pub fn is_failure(self) -> bool {
        match self {
            Self::ControlDetectionTimeExpired | Self::NeighborSignaledDown => true,
            Self::NeighborAdministrativelyDown | Self::OwnAdministrativeDown => false,
        }
    }
}
