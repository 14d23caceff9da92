//! Taking over what the AWS Load Balancer Controller has made, in place: what it has tagged for a Service is found
//! in bulk when that controller does not run any more, tagged as ours when the Service is looked at, and from there on
//! known, changed and removed like everything else.
//!
//! Our tags come before its own go, so that what is cut off in between is found by both.

mod estate;

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::{Error, LoadBalancerId};

use crate::account::Account;
use crate::calls::{Arn, Calls, Listeners, Priority, Refusal, Result};
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
            let owner = disputed.owner(calls, Priority::Change, &self.cluster, name);
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
        let taken = take_over(&self.calls, Priority::Change, id, &inheritance).await;
        let names = taken.map_err(failed)?;
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

/// Tags what there is as ours, and no longer as that controller's. Answers the names of load balancers and target
/// groups.
async fn take_over(
    calls: &Calls,
    priority: Priority,
    id: &LoadBalancerId,
    inheritance: &Inheritance,
) -> Result<BTreeSet<String>> {
    let parts = Parts::read(calls, priority, id, inheritance).await?;
    let tags = |part| names::tags_of(id, &inheritance.service, part);
    for (arns, part) in [
        (&parts.balancers, Part::Balancer),
        (&parts.listeners, Part::Listener),
    ] {
        for arns in arns.chunks(AT_ONCE) {
            calls.add_tags(priority, arns, &tags(part)).await?;
        }
    }
    for (group, port) in &parts.groups {
        let mut tags = tags(Part::Group);
        if let Some(port) = port {
            tags.insert(names::PORT.to_owned(), port.to_string());
        }
        calls
            .add_tags(priority, std::slice::from_ref(group), &tags)
            .await?;
    }
    let fronts: Vec<_> = inheritance.left.groups.iter().cloned().collect();
    if !fronts.is_empty() {
        calls
            .create_tags(priority, &fronts, &tags(Part::Front))
            .await?;
    }
    let keys = [CLUSTER, STACK, RESOURCE];
    let all: Vec<_> = parts.all().cloned().collect();
    for arns in all.chunks(AT_ONCE) {
        calls.remove_tags(priority, arns, &keys).await?;
    }
    if !fronts.is_empty() {
        calls.delete_tags(priority, &fronts, &keys).await?;
    }
    Ok(all
        .iter()
        .filter_map(|it| it.name().map(str::to_owned))
        .collect())
}

/// What there is of an inheritance.
#[derive(Debug, Default)]
struct Parts {
    balancers: Vec<Arn>,
    listeners: Vec<Arn>,
    /// Each with the port whose listener sends to it.
    groups: BTreeMap<Arn, Option<u16>>,
}

impl Parts {
    async fn read(
        calls: &Calls,
        priority: Priority,
        id: &LoadBalancerId,
        Inheritance { service, left }: &Inheritance,
    ) -> Result<Self> {
        let mut parts = Self::default();
        let tagged: Vec<_> = left.arns.iter().cloned().collect();
        // The tag query tells of what is gone, too, and of tags that were.
        for (arn, tags) in calls.tags_of(priority, &tagged).await? {
            if tags.get(STACK) != Some(&stack_of(service))
                && names::id_of(&id.cluster, &tags).is_none()
            {
                continue;
            }
            let resource = arn.resource();
            if resource.starts_with("loadbalancer/") {
                parts.balancers.push(arn);
            } else if resource.starts_with("targetgroup/") {
                parts.groups.insert(arn, None);
            }
        }
        for balancer in &parts.balancers {
            let of = Listeners::OfLoadBalancer(balancer);
            for listener in calls.listeners(priority, of).await? {
                for (group, _) in &listener.action.groups {
                    parts.groups.insert(group.clone(), Some(listener.port));
                }
                parts.listeners.push(listener.arn);
            }
        }
        Ok(parts)
    }

    fn all(&self) -> impl Iterator<Item = &Arn> {
        let others = self.balancers.iter().chain(&self.listeners);
        others.chain(self.groups.keys())
    }
}
