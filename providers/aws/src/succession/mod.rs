//! Taking over what the AWS Load Balancer Controller has made, in place: what it has tagged for a Service is found
//! in bulk when that controller does not run any more, tagged as ours when the Service is looked at, and from there on
//! known, changed and removed like everything else.
//!
//! Our tags come before its own go, so that what is cut off in between is found by both.

mod estate;

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::{Error, LoadBalancerId};

use crate::account::Account;
use crate::calls::{Arn, Calls, Listeners, Priority, Refusal, Result, SecurityGroups, Tags};
use crate::names::{self, Part};
use crate::predecessor::Predecessor;
use crate::view::Work;

pub(crate) use estate::{Estate, estate};
use estate::{Inheritance, Owner, stack_of};

/// Its tag on all that it makes: its `--cluster-name`.
const CLUSTER: &str = "elbv2.k8s.aws/cluster";
/// Its tag on what belongs to a Service: `namespace/name`.
const STACK: &str = "service.k8s.aws/stack";
/// Its tag that says which part of it that is.
const RESOURCE: &str = "service.k8s.aws/resource";

fn failed(refusal: Refusal) -> Error {
    refusal.into_error("metadata.finalizers")
}

impl Account {
    /// Takes over what a Service is to inherit, if it is: from here on it is known by our tags. Beside what is
    /// somebody else's it fails.
    pub(crate) async fn inherit(
        &self,
        id: &LoadBalancerId,
        work: &mut Work<'_>,
    ) -> std::result::Result<(), Error> {
        match self.settle(id).await? {
            Some(Owner::Other { why, .. }) => Err(Error::unavailable(why)),
            _ => self.take_what_is_left(id, work, Purpose::Keep).await,
        }
    }

    /// The same before all that a Service has is removed. Of what no such controller has made, nothing is ours, and
    /// it is nobody's business any more.
    pub(crate) async fn inherit_to_remove(
        &self,
        id: &LoadBalancerId,
        work: &mut Work<'_>,
    ) -> std::result::Result<(), Error> {
        match self.settle(id).await? {
            Some(Owner::Other { why, is_alike }) if is_alike => Err(Error::unavailable(why)),
            _ => self.take_what_is_left(id, work, Purpose::Remove).await,
        }
    }

    /// Finds out whose a load balancer is by now that was somebody else's.
    async fn settle(&self, id: &LoadBalancerId) -> std::result::Result<Option<Owner>, Error> {
        let (Some(predecessor), uid) = (&self.predecessor, &id.service_uid) else {
            return Ok(None);
        };
        let Some(disputed) = self.estate().disputed.get(uid).cloned() else {
            return Ok(None);
        };
        let name = &predecessor.settings.cluster_name;
        let owner = disputed.owner(&self.calls, Priority::Change, name);
        let owner = owner.await.map_err(failed)?;
        if let Owner::Heir(inheritance) = &owner {
            let mut estate = self.estate();
            estate.inheritances.insert(uid.clone(), inheritance.clone());
        }
        if !matches!(owner, Owner::Other { .. }) {
            self.estate().disputed.remove(uid);
        }
        Ok(Some(owner))
    }

    async fn take_what_is_left(
        &self,
        id: &LoadBalancerId,
        work: &mut Work<'_>,
        purpose: Purpose,
    ) -> std::result::Result<(), Error> {
        let (Some(predecessor), uid) = (&self.predecessor, &id.service_uid) else {
            return Ok(());
        };
        let Some(inheritance) = self.estate().inheritances.get(uid).cloned() else {
            return Ok(());
        };
        let (calls, priority) = (&self.calls, Priority::Change);
        let parts = Parts::read(calls, priority, id, &inheritance, purpose).await?;
        let aside = predecessor.aside().borrow().clone();
        // Whose it was, may be at work on what there is.
        if let Some(why) = aside.filter(|_| !parts.is_empty()) {
            return Err(Error::unavailable(why));
        }
        let names = parts.take_over(calls, priority, id, &inheritance).await;
        let names = names.map_err(failed)?;
        self.estate().inheritances.remove(uid);
        tracing::info!(
            service = %inheritance.service, parts = parts.all().count() + parts.fronts.len(),
            "what the AWS Load Balancer Controller has made is taken over"
        );
        // What it has is read next, by these names: the tag query does not know of our tags yet.
        work.tried.extend(names);
        work.is_unsure = true;
        Ok(())
    }

    /// Wakes Services when what is left of their TargetGroupBindings changes, for ever.
    pub(crate) async fn tell_of_bindings(&self, predecessor: &Predecessor) {
        let mut bound = predecessor.bound();
        let mut before = bound.borrow_and_update().clone();
        while bound.changed().await.is_ok() {
            let now = bound.borrow_and_update().clone();
            let uids = self.view.each(|uid, seen| {
                let service = seen.service()?;
                let is_news = now.contains(&service) != before.contains(&service);
                is_news.then(|| uid.to_owned())
            });
            for uid in uids {
                self.wake(&uid);
            }
            before = now;
        }
    }
}

/// What an inheritance is taken over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Keep,
    Remove,
}

/// What there is of an inheritance.
#[derive(Debug, Default)]
struct Parts {
    balancers: Vec<Arn>,
    listeners: Vec<Arn>,
    /// Each with the port whose listener sends to it.
    groups: BTreeMap<Arn, Option<u16>>,
    tags: BTreeMap<Arn, Tags>,
    /// Security groups that let clients in, with their tags.
    fronts: BTreeMap<String, Tags>,
}

impl Parts {
    async fn read(
        calls: &Calls,
        priority: Priority,
        id: &LoadBalancerId,
        Inheritance { service, left }: &Inheritance,
        purpose: Purpose,
    ) -> std::result::Result<Self, Error> {
        let stack = stack_of(service);
        let is_its = |tags: &Tags| {
            let ours = names::id_of(&id.cluster, tags);
            tags.get(STACK) == Some(&stack) || ours.is_some_and(|it| it == *id)
        };
        let mut parts = Self::default();
        let tagged: Vec<_> = left.arns.iter().cloned().collect();
        // The tag query tells of what is gone, too, and of tags that were.
        for (arn, tags) in calls.tags_of(priority, &tagged).await.map_err(failed)? {
            if !is_its(&tags) {
                continue;
            }
            let resource = arn.resource();
            if resource.starts_with("loadbalancer/") {
                parts.balancers.push(arn.clone());
            } else if resource.starts_with("targetgroup/") {
                parts.groups.insert(arn.clone(), None);
            }
            parts.tags.insert(arn, tags);
        }
        let fronts: Vec<_> = left.groups.iter().cloned().collect();
        if !fronts.is_empty() {
            let which = SecurityGroups::Ids(&fronts);
            let there = calls.security_groups(priority, which).await;
            let there = there.map_err(failed)?.into_iter();
            let its = there.filter(|it| is_its(&it.tags));
            parts.fronts = its.map(|it| (it.id, it.tags)).collect();
        }
        let sent_to = parts
            .read_listeners(calls, priority)
            .await
            .map_err(failed)?;
        for (group, port) in sent_to {
            let is_its = parts.tags.get(&group).is_some_and(is_its);
            if is_its {
                parts.groups.insert(group, Some(port));
            } else if purpose == Purpose::Keep {
                // To tag it would be to take it from somebody, and to leave it would end what it gets.
                return Err(Error::unavailable(format!(
                    "the listener of port {port} also sends to the target group {}, which is not this Service's, and is \
                     not taken over: have the listener send to this Service alone first",
                    group.name().unwrap_or(group.as_str())
                )));
            }
        }
        Ok(parts)
    }

    /// Reads the listeners, and the target groups that they send to, with the tags of all. Answers the groups, each with
    /// the port of its listener.
    async fn read_listeners(
        &mut self,
        calls: &Calls,
        priority: Priority,
    ) -> Result<Vec<(Arn, u16)>> {
        let mut sent_to = Vec::new();
        for balancer in &self.balancers {
            let of = Listeners::OfLoadBalancer(balancer);
            for listener in calls.listeners(priority, of).await? {
                let groups = listener.action.groups.into_iter();
                sent_to.extend(groups.map(|(group, _)| (group, listener.port)));
                self.listeners.push(listener.arn);
            }
        }
        let groups = sent_to.iter().map(|(it, _)| it);
        let unread = self.listeners.iter().chain(groups);
        let unread = unread.filter(|it| !self.tags.contains_key(*it));
        let unread: Vec<_> = unread.cloned().collect();
        if !unread.is_empty() {
            self.tags.extend(calls.tags_of(priority, &unread).await?);
        }
        Ok(sent_to)
    }

    /// Tags what there is as ours, and no longer as that controller's: what is so already is left out, so that
    /// whoever is cut off goes on there. Answers the names of load balancers and target groups.
    async fn take_over(
        &self,
        calls: &Calls,
        priority: Priority,
        id: &LoadBalancerId,
        inheritance: &Inheritance,
    ) -> Result<BTreeSet<String>> {
        let tags = |part| names::tags_of(id, &inheritance.service, part);
        for (arns, part) in [
            (&self.balancers, Part::Balancer),
            (&self.listeners, Part::Listener),
        ] {
            let tags = tags(part);
            let untagged = arns.iter().filter(|it| !has(self.tags.get(*it), &tags));
            let untagged: Vec<_> = untagged.cloned().collect();
            calls.add_tags(priority, &untagged, &tags).await?;
        }
        for (group, port) in &self.groups {
            let mut tags = tags(Part::Group);
            if let Some(port) = port {
                tags.insert(names::PORT.to_owned(), port.to_string());
            }
            if !has(self.tags.get(group), &tags) {
                let group = std::slice::from_ref(group);
                calls.add_tags(priority, group, &tags).await?;
            }
        }
        let of_front = tags(Part::Front);
        let fronts = |is_meant: &dyn Fn(&Tags) -> bool| -> Vec<String> {
            let meant = self.fronts.iter().filter(|(_, tags)| is_meant(tags));
            meant.map(|(id, _)| id.clone()).collect()
        };
        let untagged = fronts(&|tags| !has(Some(tags), &of_front));
        if !untagged.is_empty() {
            calls.create_tags(priority, &untagged, &of_front).await?;
        }
        let keys = [CLUSTER, STACK, RESOURCE];
        let bears = |tags: &Tags| keys.iter().any(|it| tags.contains_key(*it));
        let theirs = self
            .all()
            .filter(|it| self.tags.get(*it).is_some_and(bears));
        let theirs: Vec<_> = theirs.cloned().collect();
        calls.remove_tags(priority, &theirs, &keys).await?;
        let theirs = fronts(&bears);
        if !theirs.is_empty() {
            calls.delete_tags(priority, &theirs, &keys).await?;
        }
        let names = self.all().filter_map(|it| it.name().map(str::to_owned));
        Ok(names.collect())
    }

    fn all(&self) -> impl Iterator<Item = &Arn> {
        let others = self.balancers.iter().chain(&self.listeners);
        others.chain(self.groups.keys())
    }

    fn is_empty(&self) -> bool {
        self.all().next().is_none() && self.fronts.is_empty()
    }
}

/// Whether these are among the tags that are there.
fn has(there: Option<&Tags>, tags: &Tags) -> bool {
    let mut wanted = tags.iter();
    there.is_some_and(|there| wanted.all(|(key, value)| there.get(key) == Some(value)))
}
