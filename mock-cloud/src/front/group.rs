//! Connections that belong together: those of a load balancer, of a listener, through a target.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A set of connections that can be waited for, and cut. Clones are the same group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    members: TaskTracker,
    cut: CancellationToken,
}

/// Membership in a group, until it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    _token: TaskTrackerToken,
}

impl Group {
    /// A group that is cut when this one is.
    pub(crate) fn subgroup(&self) -> Self {
        Self {
            members: TaskTracker::new(),
            cut: self.cut.child_token(),
        }
    }

    pub(crate) fn enter(&self) -> Member {
        Member {
            _token: self.members.token(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether its connections were told to end.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Tells its connections to end now.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Runs `work` for as long as the group is not cut.
    pub(crate) async fn until_cut<F: Future>(&self, work: F) -> Option<F::Output> {
        self.cut.run_until_cancelled(work).await
    }

    /// Waits until its connections have ended, and cuts those that take longer than `limit`.
    pub(crate) async fn drain(self, limit: Duration) {
        self.members.close();
        if tokio::time::timeout(limit, self.members.wait())
            .await
            .is_err()
        {
            self.cut();
            self.members.wait().await;
        }
        self.cut();
    }
}
