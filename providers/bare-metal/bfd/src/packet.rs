//! BFD Control packets, as they are written (RFC 5880 §4.1).

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use crate::diagnostic::Diagnostic;

/// Octets of a packet without authentication.
pub const LENGTH: usize = 24;
/// Octets that one with authentication has at least.
const LENGTH_WITH_AUTHENTICATION: usize = 26;
const VERSION: u8 = 1;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION_PRESENT: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// The state of a session, as one side sees it (RFC 5880 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It is held down by an administrator.
    AdminDown,
    /// It is down, or was just created.
    Down,
    /// The other is heard, and does not know it yet.
    Init,
    /// Both are heard.
    Up,
}

/// A BFD Control packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of the packet, each by its name"
)]
pub struct ControlPacket {
    /// Why the sender's state changed last.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// P: the sender asks for an answer.
    pub is_poll: bool,
    /// F: it is the answer.
    pub is_final: bool,
    /// C: the sender's BFD goes on when its control plane does not.
    pub is_control_plane_independent: bool,
    /// A: an Authentication Section follows. It is not read.
    pub has_authentication: bool,
    /// D: the sender wants no periodic packets while the session is up (RFC 5880 §6.6).
    pub is_demand: bool,
    /// Detect Mult.
    pub multiplier: NonZeroU8,
    /// The sender's discriminator.
    pub my_discriminator: NonZeroU32,
    /// The receiver's, as far as the sender knows it.
    pub your_discriminator: Option<NonZeroU32>,
    /// Desired Min TX Interval, in whole microseconds.
    pub transmit_interval: Duration,
    /// Required Min RX Interval, in whole microseconds. Zero: no periodic packets are wanted.
    pub receive_interval: Duration,
    /// Required Min Echo RX Interval, in whole microseconds. Zero: no Echo packets are looped back.
    pub echo_interval: Duration,
}

/// Why bytes are no packet that could be meant (RFC 5880 §6.8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Malformed {
    /// There are fewer bytes than a packet has.
    #[error("cut off")]
    Cut,
    /// The version is not 1.
    #[error("of another version")]
    Version,
    /// The length that it states is less than that of a packet.
    #[error("its length field is too small")]
    TooShort,
    /// The length that it states is more than there is.
    #[error("its length field is greater than the datagram")]
    TooLong,
    /// Detect Mult is zero.
    #[error("its multiplier is zero")]
    ZeroMultiplier,
    /// The Multipoint bit is set.
    #[error("for several points")]
    Multipoint,
    /// My Discriminator is zero.
    #[error("without a discriminator of its sender")]
    ZeroMyDiscriminator,
    /// Your Discriminator is zero, and the state is neither Down nor `AdminDown`.
    #[error("without a discriminator of ours, which the sender must know in its state")]
    ZeroYourDiscriminator,
}

impl Malformed {
    /// A word for it, for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Version => "version",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::ZeroMultiplier => "zero_multiplier",
            Self::Multipoint => "multipoint",
            Self::ZeroMyDiscriminator => "zero_my_discriminator",
            Self::ZeroYourDiscriminator => "zero_your_discriminator",
        }
    }
}

impl ControlPacket {
    /// Reads a datagram. The checks are those of RFC 5880 §6.8.6 that need no session, in its order.
    /// What follows the stated length is ignored.
    pub fn parse(datagram: &[u8]) -> Result<Self, Malformed> {
        let octets = datagram.first_chunk::<LENGTH>().ok_or(Malformed::Cut)?;
        let [version, flags, multiplier, length, ..] = *octets;
        if version >> 5 != VERSION {
            return Err(Malformed::Version);
        }
        let is_set = |flag| flags & flag != 0;
        let has_authentication = is_set(AUTHENTICATION_PRESENT);
        let least = if has_authentication {
            LENGTH_WITH_AUTHENTICATION
        } else {
            LENGTH
        };
        if usize::from(length) < least {
            return Err(Malformed::TooShort);
        }
        if usize::from(length) > datagram.len() {
            return Err(Malformed::TooLong);
        }
        let multiplier = NonZeroU8::new(multiplier).ok_or(Malformed::ZeroMultiplier)?;
        if is_set(MULTIPOINT) {
            return Err(Malformed::Multipoint);
        }
        let my_discriminator = NonZeroU32::new(word(octets, 4));
        let my_discriminator = my_discriminator.ok_or(Malformed::ZeroMyDiscriminator)?;
        let your_discriminator = NonZeroU32::new(word(octets, 8));
        let state = state(flags);
        if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
            return Err(Malformed::ZeroYourDiscriminator);
        }
        let interval = |at| Duration::from_micros(word(octets, at).into());
        Ok(Self {
            diagnostic: Diagnostic::from_code(version),
            state,
            is_poll: is_set(POLL),
            is_final: is_set(FINAL),
            is_control_plane_independent: is_set(CONTROL_PLANE_INDEPENDENT),
            has_authentication,
            is_demand: is_set(DEMAND),
            multiplier,
            my_discriminator,
            your_discriminator,
            transmit_interval: interval(12),
            receive_interval: interval(16),
            echo_interval: interval(20),
        })
    }

    /// Writes it, without an Authentication Section: the A bit is never set. An interval that is too
    /// long is written as the longest.
    pub fn encode(&self) -> [u8; LENGTH] {
        let flag = |is_set: bool, flag| if is_set { flag } else { 0 };
        let flags = flag(self.is_poll, POLL)
            | flag(self.is_final, FINAL)
            | flag(self.is_control_plane_independent, CONTROL_PLANE_INDEPENDENT)
            | flag(self.is_demand, DEMAND);
        let interval = |it: Duration| u32::try_from(it.as_micros()).unwrap_or(u32::MAX);
        let words = [
            self.my_discriminator.get(),
            self.your_discriminator.map_or(0, NonZeroU32::get),
            interval(self.transmit_interval),
            interval(self.receive_interval),
            interval(self.echo_interval),
        ];
        let mut octets = [0; LENGTH];
        octets[0] = VERSION << 5 | self.diagnostic.code();
        octets[1] = (self.state as u8) << 6 | flags;
        octets[2] = self.multiplier.get();
        octets[3] = 24;
        for (place, word) in octets[4..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        octets
    }
}

fn state(flags: u8) -> State {
    match flags >> 6 {
        0 => State::AdminDown,
        1 => State::Down,
        2 => State::Init,
        _ => State::Up,
    }
}

fn word(octets: &[u8; LENGTH], at: usize) -> u32 {
    let bytes = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
    u32::from_be_bytes(bytes)
}
