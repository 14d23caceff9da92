//! What is counted of a session.

use std::collections::BTreeMap;

use crate::dropped::Dropped;

/// What was counted since a session was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often it came up.
    pub up: u64,
    /// How often it went down after that, for whatever reason.
    pub down: u64,
    /// Packets that were to be sent.
    pub sent: u64,
    /// Packets that counted.
    pub received: u64,
    /// Packets that did not, by why.
    pub dropped: BTreeMap<Dropped, u64>,
}
