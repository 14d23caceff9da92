//! The times that speakers keep to.

use std::time::Duration;

/// The times that all speakers of a cluster keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From one heartbeat to the next.
    pub heartbeat: Duration,
    /// After so many without one a node is suspected, and its kernel is asked.
    pub missed: u32,
    /// After so many it counts as silent although its kernel answers: the process is dead, or has
    /// been stopped for longer than it may.
    pub missed_by_process: u32,
    /// How long a kernel has to answer.
    pub kernel: Duration,
    /// How many watch each speaker.
    pub watchers: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self::of_heartbeat(Duration::from_millis(25))
    }
}

impl Timing {
    /// The default ones for this time from one heartbeat to the next.
    pub fn of_heartbeat(heartbeat: Duration) -> Self {
        Self {
            heartbeat,
            missed: 3,
            missed_by_process: 6,
            kernel: heartbeat / 2,
            watchers: 2,
        }
    }

    /// How long a node may be silent before it is suspected.
    pub(super) fn silence(&self) -> Duration {
        self.heartbeat * self.missed
    }
}
