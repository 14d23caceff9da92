//! Taking over what the AWS Load Balancer Controller has made, in place: what it has tagged for a Service is found
//! in bulk when that controller does not run any more, tagged as ours when the Service is looked at, and from there on
//! known, changed and removed like everything else.
//!
//! Our tags come before its own go, so that what is cut off in between is found by both.

mod estate;

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::{Error, LoadBalancerId};

use crate::account::Account;
use crate::calls::{Arn, Calls, Listeners, Priority, Refusal, Tags};
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
/// ARNs that one call takes.
const AT_ONCE: usize = 20;

fn failed(refusal: Refusal) -> Error {
    refusal.into_error("metadata.finalizers")
}

impl Account {
    /// Takes over what a Service is to inherit, if it is: from here on it is known by our tags.
    pub(crate) async fn inherit(
        &self,
        id: &LoadBalancerId,
        work: &mut Work<'_>,
    ) -> std::result::Result<(), Error> {
        let Some(predecessor) = &self.predecessor else {
            return Ok(());
        };
        let uid = &id.service_uid;
        let disputed = self.estate().disputed.get(uid).cloned();
        if let Some(disputed) = disputed {
            let (calls, name) = (&self.calls, &predecessor.settings.cluster_name);
            let owner = disputed.owner(calls, Priority::Change, name);
            match owner.await.map_err(failed)? {
                Owner::Other(why) => return Err(Error::unavailable(why)),
                Owner::Settled => {}
                Owner::Heir(inheritance) => {
                    let mut estate = self.estate();
                    estate.inheritances.insert(uid.clone(), inheritance);
                }
            }
            self.estate().disputed.remove(uid);
        }
        let Some(inheritance) = self.estate().inheritances.get(uid).cloned() else {
            return Ok(());
        };
        if let Some(why) = predecessor.aside().borrow().clone() {
            return Err(Error::unavailable(why));
        }
        let names = take_over(&self.calls, Priority::Change, id, &inheritance).await?;
        self.estate().inheritances.remove(uid);
        tracing::info!(
            service = %inheritance.service, parts = inheritance.left.arns.len() + inheritance.left.groups.len(),
            "what the AWS Load Balancer Controller has made is taken over"
        );
        // What it has is read next, by these names: the tag query does not know of our tags yet.
        work.tried.extend(names);
        work.is_unsure = true;
        Ok(())
    }
}

impl Account {
    /// The same before all that a Service has is removed. While whose it was runs, that removes its own, and of
    /// what is somebody else's nothing is ours.
    pub(crate) async fn inherit_to_remove(
        &self,
        id: &LoadBalancerId,
        work: &mut Work<'_>,
    ) -> std::result::Result<(), Error> {
        let Some(predecessor) = &self.predecessor else {
            return Ok(());
        };
        let uid = &id.service_uid;
        self.estate().disputed.remove(uid);
        if predecessor.aside().borrow().is_some() {
            self.estate().inheritances.remove(uid);
        }
        self.inherit(id, work).await
    }

    /// Wakes Services when what is left of their TargetGroupBindings changes, for ever.
    pub(crate) async fn tell_of_bindings(&self, predecessor: &Predecessor) {
        let mut bindings = predecessor.bindings_change();
        let mut before = bindings.borrow_and_update().clone();
        while bindings.changed().await.is_ok() {
            let now = bindings.borrow_and_update().clone();
            let concerned = now.differing(&before);
            let uids = self.view.each(|uid, seen| {
                let service = seen.service()?;
                concerned.contains(&service).then(|| uid.to_owned())
            });
            for uid in uids {
                self.wake(&uid);
            }
            before = now;
        }
    }
}

/// Tags what there is as ours, and no longer as that controller's: what is so already is left out, so that whoever
/// is cut off goes on there. Answers the names of load balancers and target groups.
async fn take_over(
    calls: &Calls,
    priority: Priority,
    id: &LoadBalancerId,
    inheritance: &Inheritance,
) -> std::result::Result<BTreeSet<String>, Error> {
    let parts = Parts::read(calls, priority, id, inheritance).await?;
    let tags = |part| names::tags_of(id, &inheritance.service, part);
    for (arns, part) in [
        (&parts.balancers, Part::Balancer),
        (&parts.listeners, Part::Listener),
    ] {
        let tags = tags(part);
        let untagged: Vec<_> = arns
            .iter()
            .filter(|it| !parts.has(it, &tags))
            .cloned()
            .collect();
        for arns in untagged.chunks(AT_ONCE) {
            calls
                .add_tags(priority, arns, &tags)
                .await
                .map_err(failed)?;
        }
    }
    for (group, port) in &parts.groups {
        let mut tags = tags(Part::Group);
        if let Some(port) = port {
            tags.insert(names::PORT.to_owned(), port.to_string());
        }
        if !parts.has(group, &tags) {
            let group = std::slice::from_ref(group);
            calls
                .add_tags(priority, group, &tags)
                .await
                .map_err(failed)?;
        }
    }
    let fronts: Vec<_> = inheritance.left.groups.iter().cloned().collect();
    if !fronts.is_empty() {
        let tags = tags(Part::Front);
        calls
            .create_tags(priority, &fronts, &tags)
            .await
            .map_err(failed)?;
    }
    let keys = [CLUSTER, STACK, RESOURCE];
    let theirs = parts.all().filter(|it| parts.bears(it, &keys));
    let theirs: Vec<_> = theirs.cloned().collect();
    for arns in theirs.chunks(AT_ONCE) {
        calls
            .remove_tags(priority, arns, &keys)
            .await
            .map_err(failed)?;
    }
    if !fronts.is_empty() {
        calls
            .delete_tags(priority, &fronts, &keys)
            .await
            .map_err(failed)?;
    }
    let names = parts.all().filter_map(|it| it.name().map(str::to_owned));
    Ok(names.collect())
}

/// What there is of an inheritance.
#[derive(Debug, Default)]
struct Parts {
    balancers: Vec<Arn>,
    listeners: Vec<Arn>,
    /// Each with the port whose listener sends to it.
    groups: BTreeMap<Arn, Option<u16>>,
    tags: BTreeMap<Arn, Tags>,
}

impl Parts {
    async fn read(
        calls: &Calls,
        priority: Priority,
        id: &LoadBalancerId,
        Inheritance { service, left }: &Inheritance,
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
        let mut sent_to = Vec::new();
        for balancer in &parts.balancers {
            let of = Listeners::OfLoadBalancer(balancer);
            for listener in calls.listeners(priority, of).await.map_err(failed)? {
                let groups = listener.action.groups.into_iter();
                sent_to.extend(groups.map(|(group, _)| (group, listener.port)));
                parts.listeners.push(listener.arn);
            }
        }
        let unread = parts
            .listeners
            .iter()
            .chain(sent_to.iter().map(|(it, _)| it));
        let unread: Vec<_> = unread
            .filter(|it| !parts.tags.contains_key(*it))
            .cloned()
            .collect();
        if !unread.is_empty() {
            parts
                .tags
                .extend(calls.tags_of(priority, &unread).await.map_err(failed)?);
        }
        for (group, port) in sent_to {
            if !parts.tags.get(&group).is_some_and(is_its) {
                // To tag it would be to take it from somebody, and to leave it would end what it gets.
                return Err(Error::unavailable(format!(
                    "the listener of port {port} also sends to the target group {}, which is not this Service's, and is \
                     not taken over: have the listener send to this Service alone first",
                    group.name().unwrap_or(group.as_str())
                )));
            }
            parts.groups.insert(group, Some(port));
        }
        Ok(parts)
    }

    fn all(&self) -> impl Iterator<Item = &Arn> {
        let others = self.balancers.iter().chain(&self.listeners);
        others.chain(self.groups.keys())
    }

    /// Whether it has these tags already.
    fn has(&self, arn: &Arn, tags: &Tags) -> bool {
        let mut wanted = tags.iter();
        let there = self.tags.get(arn);
        there.is_some_and(|there| wanted.all(|(key, value)| there.get(key) == Some(value)))
    }

    /// Whether it has a tag with one of these keys.
    fn bears(&self, arn: &Arn, keys: &[&str]) -> bool {
        let there = self.tags.get(arn);
        there.is_some_and(|there| keys.iter().any(|it| there.contains_key(*it)))
    }
}
