//! What the peer says of itself.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::packet::{ControlPacket, State};

/// What the peer has said last (RFC 5880 §6.8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its discriminator (`bfd.RemoteDiscr`). `None`: it was not heard for a Detection Time.
    pub discriminator: Option<NonZeroU32>,
    /// The state of the session as it sees it (`bfd.RemoteSessionState`).
    pub state: State,
    /// Why that changed last.
    pub diagnostic: Diagnostic,
    /// Whether it wants no periodic packets while the session is up (`bfd.RemoteDemandMode`).
    pub is_demand: bool,
    /// Whether its BFD goes on when its control plane does not: then a session that goes down tells of
    /// the path even while BGP restarts (RFC 5882 §4.3).
    pub is_control_plane_independent: bool,
    /// Its Required Min RX Interval (`bfd.RemoteMinRxInterval`).
    pub receive_interval: Duration,
    /// Its Desired Min TX Interval.
    pub transmit_interval: Duration,
    /// Its Detect Mult. `None`: it was not heard for a Detection Time.
    pub multiplier: Option<NonZeroU8>,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            discriminator: None,
            state: State::Down,
            diagnostic: Diagnostic::None,
            is_demand: false,
            is_control_plane_independent: false,
            receive_interval: Duration::from_micros(1),
            transmit_interval: Duration::ZERO,
            multiplier: None,
        }
    }
}

impl From<&ControlPacket> for Remote {
    fn from(packet: &ControlPacket) -> Self {
        Self {
            discriminator: Some(packet.my_discriminator),
            state: packet.state,
            diagnostic: packet.diagnostic,
            is_demand: packet.is_demand,
            is_control_plane_independent: packet.is_control_plane_independent,
            receive_interval: packet.receive_interval,
            transmit_interval: packet.transmit_interval,
            multiplier: Some(packet.multiplier),
        }
    }
}
