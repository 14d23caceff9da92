//! Bidirectional Forwarding Detection: whether a router is there and hears this node, found out in a
//! fraction of a second (RFC 5880; over one hop RFC 5881, over several RFC 5883).
//!
//! Nothing here does I/O or reads a clock. Datagrams come in as bytes and go out as bytes; time is an
//! argument. The speaker has the sockets.
//!
//! Asynchronous mode only. Echo is not offered (Required Min Echo RX Interval is 0), Demand mode is not
//! used here but respected where the peer uses it, and there is no authentication: packets that have it
//! are dropped (RFC 5880 §6.8.6). The C bit is sent as 0, since a session ends with our process
//! (RFC 5882 §4.3).
//!
//! # What the shell does
//!
//! It sends each packet from a source port of 49152 or above, one for each session, to UDP port 3784 over
//! a single hop with TTL or Hop Limit 255 (RFC 5881 §4, §5), to 4784 over several (RFC 5883 §5), and tells
//! with each packet that comes in its source, its destination, its interface and its TTL. Before it calls
//! [`Sessions::tick`] it drains its sockets: silence is judged by when packets arrived, and a packet that
//! waits in a socket has arrived.

mod action;
mod config;
mod diagnostic;
mod dropped;
mod interval;
mod packet;
mod session;
mod sessions;

pub use action::{Action, DownReason};
pub use config::{Config, Hops};
pub use diagnostic::Diagnostic;
pub use dropped::Dropped;
pub use interval::{Interval, OutOfRange};
pub use packet::{ControlPacket, LENGTH, Malformed, State};
pub use session::{Counts, Remote, Session};
pub use sessions::{Arrival, HopKind, Local, Path, Sessions};

#[cfg(test)]
mod tests;
