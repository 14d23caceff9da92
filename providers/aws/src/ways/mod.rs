//! The way to targets of load balancers that have no security group: rules in the nodes' own groups that let in
//! clients and the load balancers' subnets, port by port.
//!
//! They are the cluster's and not a Service's, because two Services can need the same one; their tags say so,
//! and no other rule is ever taken away (decision 0024). The lock is held while AWS is asked: one at a time
//! changes what nodes let in.

mod needed;

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::{ClusterId, tags};
use tokio::sync::Mutex;

use crate::calls::{Calls, Priority, RefusalKind, Result, Revoked, Rule, SecurityGroupRule, Tags};
use crate::names::{self, Part};

pub(crate) use needed::Needs;

/// By this, people see what a rule is for. Rules of ours are known by their tags.
const DESCRIPTION: &str = "Load balancers without a security group";

/// A security group of nodes, and a rule that it is to have, without description.
pub(crate) type Way = (String, Rule);

/// What is needed, and what is there.
#[derive(Debug, Default)]
pub(crate) struct Ways(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What each Service needs, by its UID, with what it needed before it was last at rest.
    needed: BTreeMap<String, BTreeSet<Way>>,
    /// UIDs of Services that have said all that they need since this process began.
    told: BTreeSet<String>,
    /// Those that are ours. `None`: they have to be read.
    ours: Option<BTreeSet<Way>>,
    /// Rules of others, by the group of nodes, where they were read.
    others: BTreeMap<String, Vec<Rule>>,
}

impl Ways {
    /// Reads what there is, and lets in again what is needed. Tells whether somebody had shut something.
    pub(crate) async fn found(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
    ) -> Result<bool> {
        let mut state = self.0.lock().await;
        let none = Some(&BTreeSet::new());
        if state.needed.is_empty() && state.ours.as_ref() == none {
            // Nobody but this process makes any.
            return Ok(false);
        }
        let is_first = state.ours.take().is_none();
        state.others.clear();
        let read = read(calls, priority, cluster).await?;
        state.ours = Some(read.into_iter().map(way).collect());
        let needs = state.all_needed();
        match state.open(calls, priority, cluster, &needs).await {
            Ok(opened) => Ok(opened > 0 && !is_first),
            // Whoever needs it is told at its next look; the reading of all others goes on.
            Err(refusal) => {
                tracing::warn!(%refusal, "nodes do not let in all that load balancers need");
                Ok(false)
            }
        }
    }

    /// Lets in what a Service needs. What it needed before stays until it is at rest.
    pub(crate) async fn open(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        (service_uid, needs): (&str, &BTreeSet<Way>),
    ) -> Result<()> {
        if needs.is_empty() {
            return Ok(());
        }
        let mut state = self.0.lock().await;
        let before = state.needed.get(service_uid).cloned();
        let of_service = state.needed.entry(service_uid.to_owned()).or_default();
        of_service.extend(needs.iter().cloned());
        let opened = state.open(calls, priority, cluster, needs).await;
        if opened.is_err() {
            // What could not be had must not stand in anybody's way.
            match before {
                Some(before) => state.needed.insert(service_uid.to_owned(), before),
                None => state.needed.remove(service_uid),
            };
        }
        opened.map(drop)
    }

    /// A Service is at rest, and needs no more than this.
    pub(crate) async fn settle(&self, service_uid: &str, needs: BTreeSet<Way>) {
        let mut state = self.0.lock().await;
        state.told.insert(service_uid.to_owned());
        if needs.is_empty() {
            state.needed.remove(service_uid);
        } else {
            state.needed.insert(service_uid.to_owned(), needs);
        }
    }

    /// A Service has nothing any more.
    pub(crate) async fn forget(&self, service_uid: &str) {
        let mut state = self.0.lock().await;
        state.told.remove(service_uid);
        state.needed.remove(service_uid);
    }

    /// Takes away what nobody needs: not before all `users` have said what they need, who are asked for only if
    /// there is something.
    pub(crate) async fn close(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        users: impl FnOnce() -> Vec<String>,
    ) -> Result<()> {
        let mut state = self.0.lock().await;
        if state.surplus().is_empty() || users().iter().any(|it| !state.told.contains(it)) {
            return Ok(());
        }
        // One that somebody has put in the place of ours is not ours, though it says the same.
        let read = read(calls, priority, cluster).await?;
        state.ours = Some(read.into_iter().map(way).collect());
        let surplus = state.surplus();
        for (group, rules) in by_group(&surplus) {
            match calls.revoke(priority, &group, Revoked::Rules(&rules)).await {
                Ok(()) => {}
                Err(refusal) if refusal.is_not_found() => {}
                Err(refusal) => return Err(refusal),
            }
            if let Some(ours) = &mut state.ours {
                ours.retain(|(of, rule)| *of != group || !rules.contains(rule));
            }
        }
        Ok(())
    }

    /// Makes ours what the cluster had under another UID.
    pub(crate) async fn adopt(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        before: &str,
    ) -> Result<()> {
        let before = ClusterId {
            uid: before.to_owned(),
            ..cluster.clone()
        };
        let rules = read(calls, priority, &before).await?;
        let ids: Vec<_> = rules.into_iter().map(|it| it.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let anew = Tags::from([(tags::CLUSTER_UID.to_owned(), cluster.uid.clone())]);
        calls.create_tags(priority, &ids, &anew).await
    }
}

impl State {
    fn all_needed(&self) -> BTreeSet<Way> {
        self.needed.values().flatten().cloned().collect()
    }

    /// Those of ours that nobody is known to need.
    fn surplus(&self) -> BTreeSet<Way> {
        match &self.ours {
            Some(ours) if !ours.is_empty() => {
                ours.difference(&self.all_needed()).cloned().collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Lets in these. Tells how many rules were missing. Where it fails, ours have to be read again.
    async fn open(
        &mut self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        needed: &BTreeSet<Way>,
    ) -> Result<usize> {
        let mut ours = match self.ours.take() {
            Some(ours) => ours,
            None => read(calls, priority, cluster)
                .await?
                .into_iter()
                .map(way)
                .collect(),
        };
        self.read_others(calls, priority, cluster, needed).await?;
        let is_open = |way: &&Way| {
            let (group, rule) = way;
            let others = self.others.get(group).into_iter().flatten();
            ours.contains(*way) || others.into_iter().any(|it| needed::admits(it, rule))
        };
        let missing: BTreeSet<_> = needed.iter().filter(|it| !is_open(it)).cloned().collect();
        let tags = names::tags_of_cluster(cluster, Part::Way);
        for (group, rules) in by_group(&missing) {
            match authorize(calls, priority, &group, &rules, &tags).await {
                Ok(added) => ours.extend(added.into_iter().map(|it| (group.clone(), it))),
                Err(refusal) => {
                    if refusal.is_not_found() {
                        let all = self.needed.values_mut();
                        all.for_each(|it| it.retain(|(of, _)| *of != group));
                    }
                    return Err(refusal);
                }
            }
        }
        self.ours = Some(ours);
        Ok(missing.len())
    }

    /// What others let into groups where something is needed.
    async fn read_others(
        &mut self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        needed: &BTreeSet<Way>,
    ) -> Result<()> {
        let groups: BTreeSet<_> = needed.iter().map(|(group, _)| group).collect();
        let unread = groups
            .into_iter()
            .filter(|it| !self.others.contains_key(*it));
        let unread: Vec<_> = unread.cloned().collect();
        if unread.is_empty() {
            return Ok(());
        }
        let rules = calls.rules(priority, &unread).await?;
        let ours = names::tags_of_cluster(cluster, Part::Way);
        let is_ours = |it: &Tags| ours.iter().all(|(key, value)| it.get(key) == Some(value));
        let mut read: BTreeMap<_, _> = unread.into_iter().map(|it| (it, Vec::new())).collect();
        for it in rules.into_iter().filter(|it| !is_ours(&it.tags)) {
            read.entry(it.group).or_default().push(it.rule);
        }
        self.others.extend(read);
        Ok(())
    }
}

/// Adds these. Tells which are ours: AWS takes all of a call or none, so one that somebody else has added just
/// now must not cost the rest.
async fn authorize(
    calls: &Calls,
    priority: Priority,
    group: &str,
    rules: &[Rule],
    tags: &Tags,
) -> Result<Vec<Rule>> {
    let described = |it: &Rule| Rule {
        description: DESCRIPTION.to_owned(),
        ..it.clone()
    };
    let all: Vec<_> = rules.iter().map(described).collect();
    match calls.authorize_tagged(priority, group, &all, tags).await {
        Ok(()) => return Ok(rules.to_vec()),
        Err(refusal) if refusal.kind == RefusalKind::Exists => {}
        Err(refusal) => return Err(refusal),
    }
    let mut added = Vec::new();
    for (rule, bare) in all.iter().zip(rules) {
        let one = std::slice::from_ref(rule);
        match calls.authorize_tagged(priority, group, one, tags).await {
            Ok(()) => added.push(bare.clone()),
            Err(refusal) if refusal.kind == RefusalKind::Exists => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(added)
}

/// Rules that are the cluster's, wherever.
async fn read(
    calls: &Calls,
    priority: Priority,
    cluster: &ClusterId,
) -> Result<Vec<SecurityGroupRule>> {
    let ours = names::tags_of_cluster(cluster, Part::Way);
    let filters = ours
        .iter()
        .map(|(key, value)| (key.as_str(), Some(value.as_str())));
    let filters: Vec<_> = filters.collect();
    calls.tagged_rules(priority, &filters).await
}

/// Whatever people write into its description.
fn way(it: SecurityGroupRule) -> Way {
    let rule = Rule {
        description: String::new(),
        ..it.rule
    };
    (it.group, rule)
}

fn by_group(ways: &BTreeSet<Way>) -> BTreeMap<String, Vec<Rule>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for (group, rule) in ways {
        groups.entry(group.clone()).or_default().push(rule.clone());
    }
    groups
}
