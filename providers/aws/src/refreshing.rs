//! Reads all that the cluster owns and compares it with what was known: who was altered, made or removed by
//! somebody else is looked at again.

use std::collections::HashMap;

use landfall_provider_api::{Error, Owned};

use crate::account::Account;
use crate::calls::Priority;
use crate::read::{self, All};
use crate::seen::Seen;

impl Account {
    /// All that this cluster owns, read from AWS.
    pub(crate) async fn owned(&self) -> Result<Vec<Owned>, Error> {
        let began = self.view.begin_refresh();
        let all = self.read_all(Priority::Refresh).await?;
        self.take(began, all, Priority::Refresh).await
    }

    /// Reads everything that bears the cluster's name.
    pub(crate) async fn read_all(&self, priority: Priority) -> Result<All, Error> {
        let known = self.view.arns();
        let all = read::all(&self.calls, priority, &self.cluster, known, self.listed());
        let all = all
            .await
            .map_err(|refusal| refusal.into_error("metadata.uid"))?;
        self.now_listed(all.listed);
        Ok(all)
    }

    /// What was read is what there is. Tells what that is.
    pub(crate) async fn take(
        &self,
        began: u64,
        all: All,
        priority: Priority,
    ) -> Result<Vec<Owned>, Error> {
        let owned = self.described(&all.seen);
        for uid in self.view.refresh(began, all.seen) {
            self.wake(&uid);
        }
        let shared = all.shared.into_iter().next();
        let found = self.gates.found(&self.calls, priority, shared).await;
        let was_shut = found.map_err(|refusal| refusal.into_error("metadata.uid"))?;
        if was_shut {
            tracing::warn!(
                "nodes did not let in what comes from load balancers any more; put right"
            );
        }
        let found = self.ways.found(&self.calls, priority, &self.cluster).await;
        if found.map_err(|refusal| refusal.into_error("metadata.uid"))? {
            tracing::warn!("nodes did not let in clients of load balancers any more; put right");
        }
        self.close_ways().await;
        if self.view.is_empty() {
            self.remove_shared().await;
        }
        Ok(owned)
    }

    fn described(&self, all: &HashMap<String, Seen>) -> Vec<Owned> {
        let owned = all.iter().map(|(uid, seen)| {
            let id = self.view.id(uid);
            Owned {
                service: seen.service(),
                description: seen.description(&id),
                id: Some(id),
            }
        });
        owned.collect()
    }
}
