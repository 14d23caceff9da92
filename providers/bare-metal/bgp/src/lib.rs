//! BGP (RFC 4271), as far as a speaker needs it that announces routes and learns none: the session with a
//! router, and the routes that go out on it. No I/O and no clock: bytes and the time come in, bytes and
//! orders come out.
//!
//! Messages are read and written by `rustbgpd-wire`, whose types do not leave this crate.

mod message;
mod negotiated;
mod notification;
mod peer;
mod rib;
mod route;
mod settings;
#[cfg(test)]
mod tests;
mod update;

pub use negotiated::Negotiated;
pub use notification::Notification;
pub use peer::{Action, Cause, ConnectionId, Counters, Direction, Leave, Peer, State};
pub use route::{Attributes, Family, NextHops};
pub use settings::{RemoteAsn, Restart, Settings};
pub use update::MOST_COMMUNITIES;
