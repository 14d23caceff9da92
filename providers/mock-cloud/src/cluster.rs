//! What is known of one cluster's load balancers in the mock cloud, and how it is kept up to date:
//! by reading all, by the answers to our own calls, and by what the stream of changes tells.

use std::collections::HashSet;

use futures::stream::BoxStream;
use landfall_mock_cloud_wire as wire;
use landfall_provider_api::{ClusterId, LoadBalancerId, tags};

use crate::api::{Api, Failure};
use crate::view::{Known, View};
use crate::waiting::Waiting;
use crate::wanted;

/// One cluster in one mock cloud.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) id: ClusterId,
    pub(crate) api: Api,
    pub(crate) view: View,
    pub(crate) waiting: Waiting,
}

impl Cluster {
    pub(crate) fn new(id: ClusterId, api: Api) -> Self {
        Self {
            id,
            api,
            view: View::default(),
            waiting: Waiting::default(),
        }
    }

    /// Reads all that the cluster owns, and renews the view.
    pub(crate) async fn list(&self) -> Result<Vec<wire::LoadBalancer>, Failure> {
        let started = self.view.begin_refresh();
        let items = self.api.list(&tags::of_cluster(&self.id)).await?;
        let known = items.iter().filter_map(|item| {
            let id = self.id_of(item)?;
            // What has our tags under another name is owned, but not what a PUT would change.
            (item.id == wanted::wire_id(&id)).then(|| (id.service_uid, Known::of(item.clone())))
        });
        self.view.refresh(started, known.collect());
        Ok(items)
    }

    pub(crate) fn id_of(&self, item: &wire::LoadBalancer) -> Option<LoadBalancerId> {
        tags::load_balancer(&self.id, tag_of(item))
    }

    /// The load balancer is not as we thought: reads it again, so that the next attempt begins with
    /// what is there, and tells whether it is gone. The change that was refused is not made now:
    /// whether it is still wanted must be decided anew.
    pub(crate) async fn is_gone(&self, id: &LoadBalancerId) -> bool {
        let change = self.view.change(&id.service_uid);
        match self.api.get(&wanted::wire_id(id)).await {
            Ok(item) => {
                let is_gone = item.is_none();
                change.done(item.map(Known::of));
                is_gone
            }
            Err(_) => false,
        }
    }

    /// The stream of changes of this cluster, from the event with this id on.
    pub(crate) async fn watch(
        &self,
        last: Option<&str>,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, Failure>>, Failure> {
        self.api.watch(&tags::of_cluster(&self.id), last).await
    }

    /// Whether all was ever read.
    pub(crate) fn has_read(&self) -> bool {
        self.view.is_refreshed()
    }

    /// A load balancer is another now, or gone. Where that was our own doing, nobody is told.
    pub(crate) fn told(&self, change: &wire::LoadBalancerChange) {
        let tag = |key: &str| change.tags.get(key).map(String::as_str);
        // One that has lost our tags is known by its name.
        let id = tags::load_balancer(&self.id, tag)
            .filter(|id| wanted::wire_id(id) == change.id)
            .or_else(|| {
                let is_named = |uid: &String| wanted::wire_id(&self.named(uid)) == change.id;
                self.view
                    .etags()
                    .into_keys()
                    .find(is_named)
                    .map(|uid| self.named(&uid))
            });
        if let Some(id) = id
            && self.view.told(&id.service_uid, change.etag.as_deref())
        {
            self.waiting.wake(id);
        }
    }

    /// What happened is not known: reads all again, and tells of all that there is or was.
    pub(crate) async fn look_at_everything(&self) -> Result<(), Failure> {
        let mut uids: HashSet<_> = self.view.etags().into_keys().collect();
        self.list().await?;
        uids.extend(self.view.etags().into_keys());
        for uid in uids {
            self.waiting.wake(self.named(&uid));
        }
        self.waiting.something_is_free(&[]);
        Ok(())
    }

    /// Something may have happened since all was read: reads again, and tells of what is another
    /// now.
    pub(crate) async fn look_again(&self) -> Result<(), Failure> {
        let before = self.view.etags();
        self.list().await?;
        let after = self.view.etags();
        let is_another = |uid: &&String| before.get(*uid) != after.get(*uid);
        for uid in before.keys().chain(after.keys()).filter(is_another) {
            self.waiting.wake(self.named(uid));
        }
        Ok(())
    }

    fn named(&self, service_uid: &str) -> LoadBalancerId {
        LoadBalancerId {
            cluster: self.id.clone(),
            service_uid: service_uid.to_owned(),
        }
    }
}

pub(crate) fn tag_of<'a>(item: &'a wire::LoadBalancer) -> impl Fn(&str) -> Option<&'a str> {
    |key| item.tags.get(key).map(String::as_str)
}
