//! Addresses on a local network: what a node says and answers so that their traffic comes to it,
//! by ARP (RFC 826, RFC 5227) and NDP (RFC 4861).
//!
//! Nothing here does I/O or reads a clock. Frames come in as bytes and go out as bytes; time is an
//! argument. The speaker has the sockets.

mod acquire;
mod arp;
mod frame;
mod gratuitous;
mod heard;
mod limit;
mod mac;
mod ndp;
pub mod peers;
mod responder;

pub use acquire::{Acquiring, Pace, Step};
pub use arp::{Arp, Operation};
pub use frame::Frame;
pub use gratuitous::Gratuitous;
pub use heard::{Heard, Malformed, hear};
pub use limit::Limit;
pub use mac::Mac;
pub use ndp::{Advertisement, Solicitation, solicited_node};
pub use responder::{Reaction, Responder};

#[cfg(test)]
mod tests;
