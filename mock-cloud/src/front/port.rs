//! What the connections and flows of one port have at hand.

use std::time::Duration;

use tokio::sync::watch;

use super::group::Group;
use super::ranges::Gate;
use super::route::Table;
use crate::timing::Timing;

/// Shared by all that goes through one port of a load balancer.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) timing: Timing,
    /// Connections and flows of the load balancer.
    pub(super) all: Group,
    /// Those of this port.
    pub(super) connections: Group,
    pub(super) table: Table,
    pub(super) gate: Gate,
    /// How long a flow may be idle.
    pub(super) idle_timeout: watch::Receiver<Duration>,
}
