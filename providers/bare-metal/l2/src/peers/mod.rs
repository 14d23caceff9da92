//! Who lives: the speakers find out among themselves, without the API server.
//!
//! Each speaker sends heartbeats to a few others, its watchers. A watcher that hears nothing asks
//! the silent node's kernel and the other watchers; only together, or with proof that its own link
//! works, do they declare it dead. docs/decisions has why.

mod judging;
mod liveness;
mod message;
mod node;
mod peer;
mod ring;
mod session;
#[cfg(test)]
mod tests;
mod timing;
mod wire;

pub use liveness::{Action, Liveness};
pub use message::{Body, Message};
pub use node::{Boot, NodeId};
pub use ring::watchers;
pub use session::{Fresh, Session, Stale};
pub use timing::Timing;
pub use wire::{Keys, LONGEST, Refused};
