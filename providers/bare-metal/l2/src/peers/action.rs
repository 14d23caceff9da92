//! What the speakers' machine wants done, and what it has found out.

use std::net::IpAddr;

use super::claims::Turn;
use super::message::Message;
use super::node::NodeId;

/// What the machine wants done, and what it has found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this to that speaker.
    Send(NodeId, Message),
    /// Ask a node's kernel whether it is there (ARP or NDP for the node's own address), a few times
    /// within [`Timing::kernel`](super::Timing::kernel), and tell
    /// [`kernel_answered`](super::Agreement::kernel_answered).
    AskKernel(NodeId),
    /// See whether our own link works: another's frame or a gateway's answer; and tell
    /// [`link_works`](super::Agreement::link_works).
    TestLink,
    /// A speaker lives, that did not or was not known.
    Lives(NodeId),
    /// A speaker is dead, or has left.
    Dead(NodeId),
    /// Another speaker has other interfaces than before, or drains, or does not any more.
    Moved(NodeId),
    /// What to do about an address that this speaker has, or had.
    Turn(IpAddr, Turn),
}
