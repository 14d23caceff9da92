//! Reads what the cluster owns at AWS: all of it in bulk, or what one Service has. It tells by tags whose
//! something is, and never changes anything.
//!
//! The tag query answers late: what is new may be missing there, and what is gone may be listed. So it tells
//! only where to look; whether something exists, AWS's own lists and reads by ARN tell.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use landfall_provider_api::{ClusterId, tags};

use crate::calls::{
    Arn, Calls, Kind, Listener, Listeners, LoadBalancer, MAX_ARNS, Priority, Result,
    SecurityGroups, TagFilter, Tags, TargetGroup, TargetGroups, Which,
};
use crate::names::{self, Part};
use crate::seen::{Balancer, Believed, Front, Group, Heard, Seen};

/// Load balancers or target groups that one page of a list holds.
const PAGE: usize = 400;

/// All that bears the name of a cluster.
#[derive(Debug, Default)]
pub(crate) struct All {
    /// By UID of the Service, what is this cluster's.
    pub(crate) seen: HashMap<String, Seen>,
    /// Ids of the security groups that load balancers of this cluster share.
    pub(crate) shared: Vec<String>,
    /// What belongs to clusters of the same name with another UID.
    pub(crate) foreign: Vec<Foreign>,
    /// How many load balancers and target groups there were to be listed.
    pub(crate) listed: Listed,
}

/// What belongs to another cluster of our name.
#[derive(Debug)]
pub(crate) struct Foreign {
    /// Its ARN, or the id of a security group.
    pub(crate) name: Named,
    pub(crate) tags: Tags,
}

/// By what AWS knows it.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    Arn(Arn),
    Group(String),
}

/// How much there is in the account, as far as it was seen: by it the cheaper way to read is chosen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Listed {
    balancers: usize,
    groups: usize,
}

impl Listed {
    /// Whether the whole list is read with fewer calls than so many ARNs.
    fn is_cheaper(of_account: usize, ours: usize) -> bool {
        of_account.div_ceil(PAGE).max(1) <= ours.div_ceil(MAX_ARNS).max(1)
    }
}

/// Reads all that bears the cluster's name. `known` is what is known to be there, by kind; `listed` what
/// the last reading found.
pub(crate) async fn all(
    calls: &Calls,
    priority: Priority,
    cluster: &ClusterId,
    known: [HashSet<Arn>; 3],
    listed: Listed,
) -> Result<All> {
    let [mut balancers, mut groups, mut listeners] = known;
    let before = balancers.clone();
    let kinds = [Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener];
    let filter = [(tags::CLUSTER_NAME, Some(cluster.name.as_str()))];
    let tagged = calls.resources(priority, &filter, &kinds).await?;
    for it in &tagged {
        let resource = it.arn.resource();
        if resource.starts_with("loadbalancer/") {
            balancers.insert(it.arn.clone());
        } else if resource.starts_with("targetgroup/") {
            groups.insert(it.arn.clone());
        } else if resource.starts_with("listener/") {
            listeners.insert(it.arn.clone());
        }
    }
    let mut tags = names::by_arn(tagged);
    let prefix = names::prefix(&cluster.name);
    let mut now_listed = listed;
    let balancers = read_balancers(calls, priority, &balancers, &prefix, &mut now_listed).await?;
    let groups = read_groups(calls, priority, &groups, &prefix, &mut now_listed).await?;
    // Whose a load balancer is that we see for the first time, the tag query may tell wrongly.
    let strangers: HashSet<_> = balancers.iter().map(|it| it.arn.clone()).collect();
    let strangers: HashSet<_> = strangers.difference(&before).cloned().collect();
    let listeners: Vec<_> = listeners.into_iter().collect();
    let mut listeners = calls
        .listeners(priority, Listeners::Arns(&listeners))
        .await?;
    // Without a listener it is half made, or its listener is too new for the tag query.
    for balancer in &balancers {
        if listeners.iter().all(|it| it.load_balancer != balancer.arn) {
            let of = Listeners::OfLoadBalancer(&balancer.arn);
            listeners.extend(calls.listeners(priority, of).await?);
        }
    }
    let arns = balancers.iter().map(|it| &it.arn);
    let arns = arns.chain(groups.iter().map(|it| &it.arn));
    let arns = arns.chain(listeners.iter().map(|it| &it.arn));
    let is_doubtful = |it: &&Arn| match tags.get(*it) {
        None => true,
        Some(tags) => names::id_of(cluster, tags).is_none() || strangers.contains(*it),
    };
    let doubtful: Vec<_> = arns.filter(is_doubtful).cloned().collect();
    let certain = tags_of(calls, priority, &doubtful).await?;
    // What was tagged anew since the tag query looked, was so with all that belongs to it.
    let turned = |it: &Arn| {
        certain
            .get(it)
            .is_some_and(|now| tags.get(it).is_some_and(|then| then != now))
    };
    let turned: HashSet<_> = balancers
        .iter()
        .map(|it| &it.arn)
        .filter(|it| turned(it))
        .collect();
    let behind = groups
        .iter()
        .filter(|it| it.load_balancers.iter().any(|it| turned.contains(it)));
    let heard = listeners
        .iter()
        .filter(|it| turned.contains(&it.load_balancer));
    let parts = behind.map(|it| &it.arn).chain(heard.map(|it| &it.arn));
    let parts: Vec<_> = parts
        .filter(|it| !certain.contains_key(*it))
        .cloned()
        .collect();
    let parts = tags_of(calls, priority, &parts).await?;
    tags.extend(certain.into_iter().chain(parts));
    let mut all = All {
        listed: now_listed,
        ..All::default()
    };
    all.sort(cluster, balancers, groups, listeners, &tags);
    all.read_fronts(calls, priority, cluster, &filter).await?;
    Ok(all)
}

/// Their tags now.
async fn tags_of(calls: &Calls, priority: Priority, arns: &[Arn]) -> Result<HashMap<Arn, Tags>> {
    if arns.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(calls.tags_of(priority, arns).await?.into_iter().collect())
}

async fn read_balancers(
    calls: &Calls,
    priority: Priority,
    known: &HashSet<Arn>,
    prefix: &str,
    listed: &mut Listed,
) -> Result<Vec<LoadBalancer>> {
    if Listed::is_cheaper(listed.balancers, known.len()) {
        let mut all = calls.load_balancers(priority, Which::All).await?;
        listed.balancers = all.len();
        // A name that begins as ours do may be one that the tag query does not know yet.
        all.retain(|it| known.contains(&it.arn) || it.name.starts_with(prefix));
        return Ok(all);
    }
    let arns: Vec<_> = known.iter().cloned().collect();
    calls.load_balancers(priority, Which::Arns(&arns)).await
}

async fn read_groups(
    calls: &Calls,
    priority: Priority,
    known: &HashSet<Arn>,
    prefix: &str,
    listed: &mut Listed,
) -> Result<Vec<TargetGroup>> {
    if Listed::is_cheaper(listed.groups, known.len()) {
        let mut all = calls.target_groups(priority, TargetGroups::All).await?;
        listed.groups = all.len();
        all.retain(|it| known.contains(&it.arn) || it.name.starts_with(prefix));
        return Ok(all);
    }
    let arns: Vec<_> = known.iter().cloned().collect();
    calls
        .target_groups(priority, TargetGroups::Arns(&arns))
        .await
}

impl All {
    /// Puts each to whom it belongs.
    fn sort(
        &mut self,
        cluster: &ClusterId,
        balancers: Vec<LoadBalancer>,
        groups: Vec<TargetGroup>,
        listeners: Vec<Listener>,
        tags: &HashMap<Arn, Tags>,
    ) {
        let of = |arn: &Arn| tags.get(arn).cloned().unwrap_or_default();
        let mut by_balancer: HashMap<Arn, Vec<Heard>> = HashMap::new();
        for listener in listeners {
            let tags = of(&listener.arn);
            if names::foreign(cluster, &tags).is_some() {
                self.foreign(Named::Arn(listener.arn.clone()), tags.clone());
            }
            let listeners = by_balancer
                .entry(listener.load_balancer.clone())
                .or_default();
            listeners.push(Heard::new(listener, tags));
        }
        for it in balancers {
            let tags = of(&it.arn);
            if let Some(seen) = self.seen_of(cluster, Named::Arn(it.arn.clone()), &tags) {
                let listeners = by_balancer.remove(&it.arn).unwrap_or_default();
                let mut balancer = Balancer::new(it, tags);
                balancer.listeners = listeners;
                seen.balancers.push(balancer);
            }
        }
        for it in groups {
            let tags = of(&it.arn);
            if let Some(seen) = self.seen_of(cluster, Named::Arn(it.arn.clone()), &tags) {
                seen.groups.push(Group::new(it, tags));
            }
        }
    }

    fn seen_of(&mut self, cluster: &ClusterId, name: Named, tags: &Tags) -> Option<&mut Seen> {
        let Some(id) = names::id_of(cluster, tags) else {
            if names::foreign(cluster, tags).is_some() {
                self.foreign(name, tags.clone());
            }
            return None;
        };
        Some(self.seen.entry(id.service_uid).or_default())
    }

    fn foreign(&mut self, name: Named, tags: Tags) {
        self.foreign.push(Foreign { name, tags });
    }

    /// Security groups answer at once when asked by their tags.
    async fn read_fronts(
        &mut self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
        filters: &[TagFilter<'_>],
    ) -> Result<()> {
        let vpc = calls.vpc();
        let which = SecurityGroups::Tagged { vpc, filters };
        let groups = calls.security_groups(priority, which).await?;
        let mut fronts = Vec::new();
        for group in groups {
            if names::foreign(cluster, &group.tags).is_some() {
                self.foreign(Named::Group(group.id), group.tags);
            } else if names::is(&group.tags, Part::Shared) {
                self.shared.push(group.id);
            } else if let Some(id) = names::id_of(cluster, &group.tags) {
                fronts.push((id.service_uid, group));
            }
        }
        self.shared.sort();
        let ids: Vec<_> = fronts.iter().map(|(_, it)| it.id.clone()).collect();
        let mut rules = BTreeMap::<String, BTreeSet<_>>::new();
        if !ids.is_empty() {
            for rule in calls.rules(priority, &ids).await? {
                let of = rules.entry(rule.group).or_default();
                of.insert(rule.rule);
            }
        }
        for (uid, group) in fronts {
            let front = Front {
                rules: Believed::Known(rules.remove(&group.id).unwrap_or_default()),
                id: group.id,
                name: group.name,
                tags: group.tags,
            };
            self.seen.entry(uid).or_default().fronts.push(front);
        }
        Ok(())
    }
}

/// Reads what one Service has, whatever calls of ours may have done: by the names that they would have
/// given, by what was known, and by its tags.
pub(crate) async fn of_service(
    calls: &Calls,
    priority: Priority,
    cluster: &ClusterId,
    service_uid: &str,
    known: &Seen,
    names: Names,
) -> Result<Seen> {
    let Names {
        mut balancers,
        mut groups,
    } = names;
    let filter = [
        (tags::CLUSTER_UID, Some(cluster.uid.as_str())),
        (tags::SERVICE_UID, Some(service_uid)),
    ];
    let kinds = [Kind::LoadBalancer, Kind::TargetGroup];
    let tagged = calls.resources(priority, &filter, &kinds).await?;
    let (tagged_balancers, tagged_groups): (Vec<_>, Vec<_>) = tagged
        .into_iter()
        .map(|it| it.arn)
        .partition(|it| it.resource().starts_with("loadbalancer/"));
    balancers.extend(known.balancers.iter().map(|it| it.it.name.clone()));
    groups.extend(known.groups.iter().map(|it| it.it.name.clone()));
    for names in [&mut balancers, &mut groups] {
        names.sort();
        names.dedup();
    }
    let mut found = All::default();
    let mut there = calls
        .load_balancers(priority, Which::Names(&balancers))
        .await?;
    let missed = |arns: Vec<Arn>, there: &dyn Fn(&Arn) -> bool| -> Vec<Arn> {
        arns.into_iter().filter(|it| !there(it)).collect()
    };
    let more = missed(tagged_balancers, &|arn| {
        there.iter().any(|it| it.arn == *arn)
    });
    if !more.is_empty() {
        there.extend(calls.load_balancers(priority, Which::Arns(&more)).await?);
    }
    let mut behind = calls
        .target_groups(priority, TargetGroups::Names(&groups))
        .await?;
    let more = missed(tagged_groups, &|arn| behind.iter().any(|it| it.arn == *arn));
    if !more.is_empty() {
        behind.extend(
            calls
                .target_groups(priority, TargetGroups::Arns(&more))
                .await?,
        );
    }
    let mut listeners = Vec::new();
    for balancer in &there {
        let of = Listeners::OfLoadBalancer(&balancer.arn);
        listeners.extend(calls.listeners(priority, of).await?);
    }
    let arns = there.iter().map(|it| &it.arn);
    let arns = arns.chain(behind.iter().map(|it| &it.arn));
    let arns: Vec<_> = arns
        .chain(listeners.iter().map(|it| &it.arn))
        .cloned()
        .collect();
    let tags = tags_of(calls, priority, &arns).await?;
    found.sort(cluster, there, behind, listeners, &tags);
    found.read_fronts(calls, priority, cluster, &filter).await?;
    let mut seen = found.seen.remove(service_uid).unwrap_or_default();
    seen.doubt();
    seen.switched = known.switched;
    Ok(seen)
}

/// Names that parts of a load balancer may have.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) balancers: Vec<String>,
    pub(crate) groups: Vec<String>,
}

impl Names {
    /// And these, which may be of the one or the other.
    pub(crate) fn and(mut self, tried: &BTreeSet<String>) -> Self {
        self.balancers.extend(tried.iter().cloned());
        self.groups.extend(tried.iter().cloned());
        self
    }
}
