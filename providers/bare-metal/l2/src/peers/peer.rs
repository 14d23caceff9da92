//! What is known of another speaker.

use std::collections::BTreeMap;
use std::time::Instant;

use super::node::NodeId;
use super::session::Session;

/// Another speaker.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) session: Session,
    pub(super) is_alive: bool,
    /// When it was last heard, by us.
    pub(super) heard: Option<Instant>,
    /// Its kernel has said, since it was last heard, that nobody listens there.
    pub(super) is_refused: bool,
    /// If we are to watch it.
    pub(super) duty: Option<Duty>,
    pub(super) suspicion: Option<Suspicion>,
    /// When others of its watchers said that they hear nothing of it.
    pub(super) suspected_by: BTreeMap<NodeId, Instant>,
}

/// A node that is watched here.
#[derive(Debug)]
pub(super) struct Duty {
    /// Since when. It may have to learn that we are its watcher first.
    pub(super) since: Instant,
    /// Who else watches it.
    pub(super) others: Vec<NodeId>,
}

/// What is under way while a node is suspected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicion {
    pub(super) since: Instant,
    pub(super) kernel_answered: bool,
    /// When our own link was last tested.
    pub(super) tested: Instant,
    /// When our own link was first seen to work.
    pub(super) link: Option<Instant>,
    /// When the other watchers were first asked.
    pub(super) asked: Option<Instant>,
}
