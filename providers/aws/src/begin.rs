//! The start: everything that bears the cluster's name is read once, and what was made for a cluster before it
//! was restored is tagged anew.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::future::BoxFuture;
use landfall_provider_api::{Error, Held, Owned, Snapshot, tags};

use crate::account::Account;
use crate::calls::{Arn, Priority, Tags};
use crate::names;
use crate::read::{Foreign, Named};
use crate::succession;

impl Account {
    /// Reads what is there, and takes over what the snapshot says.
    pub(crate) async fn begin(
        &self,
        snapshot: BoxFuture<'_, Snapshot>,
    ) -> Result<Vec<Owned>, Error> {
        let priority = Priority::Change;
        let mut began = self.view.begin_refresh();
        let mut all = self.read_all(priority).await?;
        let snapshot = snapshot.await;
        let others = all
            .foreign
            .iter()
            .filter_map(|it| names::foreign(&self.cluster, &it.tags));
        let mut others = others.filter(|uid| snapshot.adopts.as_deref() != Some(uid));
        if let Some(uid) = others.next() {
            return Err(Error::NameTaken {
                name: self.cluster.name.clone(),
                uid: uid.to_owned(),
            });
        }
        if !all.foreign.is_empty() {
            let foreign = std::mem::take(&mut all.foreign);
            tracing::info!(
                parts = foreign.len(),
                "tagging anew what this cluster had before it was restored"
            );
            self.adopt(priority, foreign, &snapshot).await?;
            began = self.view.begin_refresh();
            all = self.read_all(priority).await?;
        }
        let mut owned = self.take(began, all, priority).await?;
        owned.extend(self.heirs(&snapshot).await?);
        // What was never told may be half made.
        let told = snapshot
            .services
            .iter()
            .filter(|it| it.ours && !it.ingress.is_empty());
        let told: HashSet<_> = told.map(|it| it.id.service_uid.as_str()).collect();
        for uid in owned
            .iter()
            .filter_map(|it| Some(it.id.as_ref()?.service_uid.as_str()))
        {
            if !told.contains(uid) {
                self.view.alter(uid, |seen| {
                    seen.doubt();
                    false
                });
            }
        }
        Ok(owned)
    }

    /// Reads what Services are to inherit. While whose it was runs, that concerns only such as bear our marks already,
    /// and they wait.
    async fn heirs(&self, snapshot: &Snapshot) -> Result<Vec<Owned>, Error> {
        let Some(predecessor) = &self.predecessor else {
            return Ok(Vec::new());
        };
        // Only who works begins.
        predecessor.may_lead();
        let name = &predecessor.settings.cluster_name;
        let is_known = |held: &Held, name: &str| {
            let known = self.view.of(&held.id.service_uid, |seen| {
                let mut balancers = seen.balancers.iter();
                balancers.any(|it| it.it.dns_name.eq_ignore_ascii_case(name))
            });
            known.unwrap_or(false)
        };
        let estate =
            succession::estate(&self.calls, Priority::Change, name, snapshot, is_known).await;
        let estate = estate.map_err(|refusal| refusal.into_error("metadata.finalizers"))?;
        let heirs = estate.heirs().map(|(uid, service)| Owned {
            id: Some(self.view.id(uid)),
            service: Some(service.clone()),
            description: "what the AWS Load Balancer Controller has made".to_owned(),
        });
        let heirs = heirs.collect();
        *self.estate() = estate;
        Ok(heirs)
    }

    /// Tags what the cluster had under another UID, for the Services that there are now.
    async fn adopt(
        &self,
        priority: Priority,
        foreign: Vec<Foreign>,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        if let Some(before) = &snapshot.adopts {
            // First, because what is read next says whether there is anything left to adopt.
            let Self { calls, cluster, .. } = self;
            let adopted = self.ways.adopt(calls, priority, cluster, before).await;
            adopted.map_err(|refusal| refusal.into_error("metadata.uid"))?;
        }
        let services = snapshot.services.iter();
        let uids: HashMap<_, _> = services
            .map(|it| (&it.service, &it.id.service_uid))
            .collect();
        let mut arns: BTreeMap<Tags, Vec<Arn>> = BTreeMap::new();
        let mut groups: BTreeMap<Tags, Vec<String>> = BTreeMap::new();
        for Foreign { name, tags: before } in foreign {
            let mut anew = Tags::new();
            anew.insert(tags::CLUSTER_UID.to_owned(), self.cluster.uid.clone());
            // Of what nobody has any more, the UID stays: it is swept.
            let uid = names::service_of(&before).and_then(|it| uids.get(&it).copied().cloned());
            if let Some(uid) = uid {
                anew.insert(tags::SERVICE_UID.to_owned(), uid);
            }
            match name {
                Named::Arn(arn) => arns.entry(anew).or_default().push(arn),
                Named::Group(id) => groups.entry(anew).or_default().push(id),
            }
        }
        let failed = |refusal: crate::calls::Refusal| refusal.into_error("metadata.uid");
        for (tags, arns) in arns {
            self.calls
                .add_tags(priority, &arns, &tags)
                .await
                .map_err(failed)?;
        }
        for (tags, ids) in groups {
            self.calls
                .create_tags(priority, &ids, &tags)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}
