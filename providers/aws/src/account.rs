//! What all work for one cluster at AWS shares: the way there, what is known, and who waits for what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landfall_provider_api::ClusterId;

use crate::Timing;
use crate::calls::Calls;
use crate::gates::Gates;
use crate::pending::Pending;
use crate::predecessor::Predecessor;
use crate::read::Listed;
use crate::succession::Estate;
use crate::surroundings::Surroundings;
use crate::view::View;
use crate::waiting::Waiting;
use crate::ways::Ways;

/// What all work for one cluster shares.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) cluster: ClusterId,
    pub(crate) calls: Calls,
    pub(crate) view: View,
    pub(crate) surroundings: Surroundings,
    pub(crate) gates: Gates,
    pub(crate) ways: Ways,
    pub(crate) waiting: Waiting,
    pub(crate) pending: Pending,
    listed: Mutex<Listed>,
    /// Whose load balancers are taken over.
    pub(crate) predecessor: Option<Arc<Predecessor>>,
    /// What Services are to inherit from it.
    estate: Mutex<Estate>,
    /// How long a load balancer stays whose place another has taken.
    pub(crate) farewell: Duration,
}

impl Account {
    pub(crate) fn new(
        cluster: ClusterId,
        calls: Calls,
        timing: Timing,
        waiting: Waiting,
        predecessor: Option<Arc<Predecessor>>,
    ) -> Self {
        Self {
            view: View::new(cluster.clone()),
            cluster,
            calls,
            surroundings: Surroundings::default(),
            gates: Gates::default(),
            ways: Ways::default(),
            waiting,
            pending: Pending::new(timing.first_look),
            listed: Mutex::default(),
            predecessor,
            estate: Mutex::default(),
            farewell: timing.farewell,
        }
    }

    /// How much the last reading found in the account.
    pub(crate) fn listed(&self) -> Listed {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_listed(&self, listed: Listed) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = listed;
    }

    /// What Services are to inherit.
    pub(crate) fn estate(&self) -> MutexGuard<'_, Estate> {
        self.estate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A load balancer deserves another look.
    pub(crate) fn wake(&self, service_uid: &str) {
        self.waiting.wake(self.view.id(service_uid));
    }
}
