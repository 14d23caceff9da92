//! Who lives, and who has which address: the speakers agree on both among themselves, without the API
//! server.
//!
//! Each speaker sends heartbeats to a few others, its watchers. A watcher that hears nothing asks
//! the silent node's kernel and the other watchers; only together, or with proof that its own link
//! works, do they declare it dead. Each tells all others which addresses it claims, and where it could
//! announce. docs/decisions has why.

mod action;
mod agreement;
mod claims;
mod entries;
mod heard;
mod judging;
mod liveness;
mod message;
mod node;
mod peer;
mod ring;
mod session;
mod statement;
#[cfg(test)]
mod tests;
mod timing;
mod wire;

pub use action::Action;
pub use agreement::Agreement;
pub use claims::{Turn, Wish};
pub use message::{Body, Message};
pub use node::{Boot, NodeId};
pub use session::Stale;
pub use statement::{
    Claim, Entry, Interface, LONGEST_NAME, MOST_INTERFACES, MOST_SUBNETS, Statement, shares_subnet,
};
pub use timing::Timing;
pub use wire::{Keys, LONGEST, Refused};
