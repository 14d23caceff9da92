//! What speakers say to each other. How it is written and authenticated is the wire's.

use super::node::{Boot, NodeId};

/// A message from one speaker to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}
