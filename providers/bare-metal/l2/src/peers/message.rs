//! What speakers say to each other. How it is written and authenticated is the wire's.

use super::node::{Boot, NodeId};
use super::statement::Entry;

/// A message from one speaker to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub from: NodeId,
    /// In which life.
    pub boot: Boot,
    /// Greater with each message of that life.
    pub sequence: u64,
    /// The life of the one it is for, as far as the sender knows it: whoever replays a message to a
    /// later life is found out.
    pub echo: Option<Boot>,
    /// The version of what the sender states of itself. Who has another one asks.
    pub version: u64,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// "I live."
    Heartbeat,
    /// "I hear nothing of this node": to its other watchers.
    Suspects(NodeId, Boot),
    /// "I do hear it": the answer.
    Hears(NodeId, Boot),
    /// "It is dead, and more than one of us found so": to everybody.
    Dead(NodeId, Boot),
    /// "You were taken for dead": to one that is heard again, who tells everybody that it lives.
    Missed,
    /// "I end": to everybody, so that nobody has to wait for the silence.
    Leaves,
    /// "Tell me all that you state."
    Ask,
    /// "What I state has changed."
    Change {
        /// The version that it changes; the next is what it makes.
        before: u64,
        /// How.
        entries: Vec<Entry>,
    },
    /// "I state this", or a part of it: the answer to [`Body::Ask`].
    Whole {
        /// Which part, from 0.
        part: u16,
        /// How many there are.
        parts: u16,
        /// The part.
        entries: Vec<Entry>,
    },
}
