//! What is known of one cluster's load balancers in the mock cloud, and how it is kept up to date:
//! by reading all, by the answers to our own calls, and by what the stream of changes tells.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::stream::BoxStream;
use landfall_mock_cloud_wire as wire;
use landfall_provider_api::{ClusterId, Error, LoadBalancerId, Snapshot, tags};

use crate::adoption::{self, Adoption};
use crate::api::{Api, Failure, Only};
use crate::known::Known;
use crate::view::{Read, View};
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

    /// Reads all that bears the cluster's name, and takes over what is to be adopted, once it is
    /// known what the cluster holds.
    pub(crate) async fn begin(
        &self,
        snapshot: impl Future<Output = Snapshot>,
    ) -> Result<Vec<wire::LoadBalancer>, Error> {
        let error = |failure: Failure| failure.into_error(|_| "metadata".to_owned());
        let read = async {
            let began = self.view.begin_refresh();
            let [name, _] = tags::of_cluster(&self.id);
            let items = self.api.list(&[name]).await.map_err(error)?;
            self.refresh(began, &items);
            Ok(items)
        };
        let (items, snapshot) = tokio::try_join!(read, async { Ok(snapshot.await) })?;
        let adoptions = adoption::plan(&self.id, &items, &snapshot)?;
        if adoptions.is_empty() {
            return Ok(items.into_iter().filter(|it| self.is_ours(it)).collect());
        }
        for Adoption { item, spec } in &adoptions {
            tracing::info!(id = item.id, tags = ?spec.tags, "adopting a load balancer");
            // Refused if somebody else has changed it: then all begins anew.
            let only = Only::If(&item.etag);
            self.api.put(&item.id, spec, only).await.map_err(error)?;
        }
        self.list().await.map(|(items, _)| items).map_err(error)
    }

    /// Reads all that the cluster owns, and renews the view. Tells of which Services that is
    /// another than was thought.
    async fn list(&self) -> Result<(Vec<wire::LoadBalancer>, Vec<String>), Failure> {
        let began = self.view.begin_refresh();
        let items = self.api.list(&tags::of_cluster(&self.id)).await?;
        let news = self.refresh(began, &items);
        Ok((items, news))
    }

    fn refresh(&self, began: u64, items: &[wire::LoadBalancer]) -> Vec<String> {
        let mut all = HashMap::new();
        let is_odd = |item: &wire::LoadBalancer| {
            let id = self.id_of(item);
            id.is_some_and(|id| item.id != wanted::wire_id(&id))
        };
        let known = items.iter().any(is_odd).then(|| self.known_ids());
        let known = known.unwrap_or_default();
        for item in items {
            let Some(mut id) = self.id_of(item) else {
                continue;
            };
            // One whose tags were altered is known by its id.
            if let Some(service_uid) = known.get(&item.id) {
                id.service_uid.clone_from(service_uid);
            }
            let is_adopted = item.id != wanted::wire_id(&id);
            // If there is one under an id of ours, too, that is what a PUT would change; the adopted
            // one is left until it is the only one.
            if is_adopted && all.contains_key(&id.service_uid) {
                continue;
            }
            let read = Read {
                known: Known::of(item.clone()),
                id: is_adopted.then(|| item.id.as_str().into()),
            };
            all.insert(id.service_uid, read);
        }
        self.view.refresh(began, all)
    }

    /// UIDs of the Services whose load balancers are known, by the id of those.
    fn known_ids(&self) -> HashMap<String, String> {
        let uids = self.view.service_uids().into_iter();
        uids.map(|uid| (self.view.id(&self.named(&uid)), uid))
            .collect()
    }

    fn is_ours(&self, item: &wire::LoadBalancer) -> bool {
        let ours = tags::of_cluster(&self.id);
        ours.iter()
            .all(|(key, value)| item.tags.get(*key) == Some(value))
    }

    pub(crate) fn id_of(&self, item: &wire::LoadBalancer) -> Option<LoadBalancerId> {
        tags::load_balancer(&self.id, tag_of(item))
    }

    /// The load balancer is not as we thought, or not known: reads it, so that the next attempt
    /// begins with what is there. The change that was refused is not made now: whether it is still
    /// wanted must be decided anew.
    pub(crate) async fn look_up(&self, id: &LoadBalancerId) -> Result<Option<Known>, Failure> {
        let change = self.view.change(&id.service_uid, None);
        let item = self.api.get(&self.view.id(id)).await?;
        let theirs = item.as_ref().and_then(|item| self.theirs(&item.tags));
        if let Some(uid) = theirs {
            // For us it is gone.
            drop(change);
            self.view.lost(&id.service_uid, uid);
            return Ok(None);
        }
        let known = item.map(Known::of);
        change.read(known.clone());
        Ok(known)
    }

    /// UID of the other cluster that has what bears these tags. What has lost its tags is ours, if
    /// its id is.
    fn theirs<'a>(&self, tags: &'a BTreeMap<String, String>) -> Option<&'a str> {
        let uid = tags.get(tags::CLUSTER_UID)?;
        (*uid != self.id.uid).then_some(uid)
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
        let Some(id) = self.about(&change.id, &change.tags) else {
            return;
        };
        let is_there = change.etag.is_some();
        let is_news = match self.theirs(&change.tags).filter(|_| is_there) {
            Some(uid) => self.view.lost(&id.service_uid, uid),
            None => self.view.told(&id.service_uid, change.etag.as_deref()),
        };
        if is_news {
            self.waiting.wake(id);
        }
    }

    /// A load balancer serves otherwise now.
    pub(crate) fn told_serving(&self, change: &wire::ServingChange) {
        if let Some(id) = self.about(&change.id, &change.tags)
            && self.view.told_serving(&id.service_uid, &change.serving)
        {
            self.waiting.wake(id);
        }
    }

    /// The load balancer of ours that has this id and these tags.
    fn about(&self, id: &str, tags: &BTreeMap<String, String>) -> Option<LoadBalancerId> {
        let is_named = |one: &LoadBalancerId| self.view.id(one) == id;
        let tag = |key: &str| tags.get(key).map(String::as_str);
        tags::load_balancer(&self.id, tag)
            .filter(is_named)
            // One that has lost our tags is known by its id.
            .or_else(|| {
                let known = self.view.service_uids().into_iter();
                known.map(|uid| self.named(&uid)).find(is_named)
            })
    }

    /// What happened is not known: reads all again, and tells of all that there is or was.
    pub(crate) async fn look_at_everything(&self) -> Result<(), Failure> {
        let mut uids: HashSet<_> = self.view.service_uids().into_iter().collect();
        self.list().await?;
        uids.extend(self.view.service_uids());
        for uid in uids {
            self.waiting.wake(self.named(&uid));
        }
        self.waiting.something_is_free(&[]);
        Ok(())
    }

    /// Something may have happened since all was read: reads again, and tells of what is another
    /// now.
    pub(crate) async fn look_again(&self) -> Result<Vec<wire::LoadBalancer>, Failure> {
        let (items, news) = self.list().await?;
        for uid in news {
            self.waiting.wake(self.named(&uid));
        }
        Ok(items)
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
