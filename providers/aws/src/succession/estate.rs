//! What there is to be taken over, found in bulk by that controller's tags, for the Services that are to have it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use landfall_provider_api::{Held, Ingress, ServiceName, Snapshot};

use super::{CLUSTER, STACK};
use crate::calls::{Arn, Calls, Kind, LoadBalancer, Priority, Result, SecurityGroups, Tags, Which};
use crate::names;

/// What it has made for a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inheritance {
    pub(super) service: ServiceName,
    pub(super) left: Left,
}

/// What bears its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Load balancers, target groups and listeners, as far as its tags say.
    pub(super) arns: BTreeSet<Arn>,
    /// Security groups that let clients in.
    pub(super) groups: BTreeSet<String>,
}

/// What Services are to inherit, by UID.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    pub(super) inheritances: HashMap<String, Inheritance>,
    /// Load balancers that statuses name and that are not to be taken over: while they are there, their Services
    /// get no second one.
    pub(super) disputed: HashMap<String, Disputed>,
}

/// A load balancer that a Service's status names.
#[derive(Debug, Clone)]
pub(super) struct Disputed {
    service: ServiceName,
    arn: Arn,
    /// What else there is of the Service.
    left: Left,
}

/// Whose a load balancer is that a Service's status names.
pub(super) enum Owner {
    /// The Service's, who inherits it.
    Heir(Inheritance),
    /// Nobody's: it is gone.
    Settled,
    /// Somebody else's.
    Other {
        /// Who that is, and what to do.
        why: String,
        /// Whether a controller like the one that is taken over from has made it.
        is_alike: bool,
    },
}

impl Estate {
    /// UIDs of Services, and what each of them is to inherit.
    pub(crate) fn heirs(&self) -> impl Iterator<Item = (&String, &ServiceName)> {
        self.inheritances.iter().map(|(uid, it)| (uid, &it.service))
    }
}

/// Reads what there is to be taken over for the Services of a snapshot. `is_known` says whether a Service has a
/// load balancer of this name in DNS, of ours.
pub(crate) async fn estate(
    calls: &Calls,
    priority: Priority,
    cluster_name: &str,
    snapshot: &Snapshot,
    is_known: impl Fn(&Held, &str) -> bool,
) -> Result<Estate> {
    let filter = [(CLUSTER, Some(cluster_name))];
    let kinds = [Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener];
    let mut stacks = BTreeMap::<String, Left>::new();
    for it in calls.resources(priority, &filter, &kinds).await? {
        if let Some(stack) = it.tags.get(STACK) {
            stacks.entry(stack.clone()).or_default().arns.insert(it.arn);
        }
    }
    let vpc = calls.vpc();
    let which = SecurityGroups::Tagged {
        vpc,
        filters: &filter,
    };
    for it in calls.security_groups(priority, which).await? {
        if let Some(stack) = it.tags.get(STACK) {
            let left = stacks.entry(stack.clone()).or_default();
            left.groups.insert(it.id);
        }
    }
    let mut estate = Estate::default();
    let mut unfound = Vec::new();
    for held in &snapshot.services {
        let left = stacks.remove(&stack_of(&held.service)).unwrap_or_default();
        match name_at_aws(held).filter(|name| !is_known(held, name)) {
            Some(name) if !left.has_balancer() => unfound.push((held, name, left)),
            _ if left == Left::default() => {}
            _ => estate.bequeath(held, left),
        }
    }
    if !stacks.is_empty() {
        let of: Vec<_> = stacks.into_keys().collect();
        tracing::info!(
            services = of.join(", "),
            "what the AWS Load Balancer Controller has made for these is left alone: they are not, or not ours"
        );
    }
    if !unfound.is_empty() {
        estate
            .look_for(calls, priority, cluster_name, unfound)
            .await?;
    }
    Ok(estate)
}

impl Estate {
    fn bequeath(&mut self, to: &Held, left: Left) {
        let service = to.service.clone();
        let uid = to.id.service_uid.clone();
        self.inheritances.insert(uid, Inheritance { service, left });
    }

    /// Looks for load balancers that statuses name and the tag query does not tell: they are too new for it, or
    /// somebody else's.
    async fn look_for(
        &mut self,
        calls: &Calls,
        priority: Priority,
        cluster_name: &str,
        unfound: Vec<(&Held, &str, Left)>,
    ) -> Result<()> {
        let all = calls.load_balancers(priority, Which::All).await?;
        let named = |name: &str| {
            let mut all = all.iter();
            all.find(|it| it.dns_name.eq_ignore_ascii_case(name))
        };
        let unfound = unfound.into_iter();
        let unfound: Vec<_> = unfound
            .map(|(held, name, left)| (held, named(name), left))
            .collect();
        let there = unfound.iter().filter_map(|(_, it, _)| it.as_ref());
        let arns: Vec<_> = there.map(|it| it.arn.clone()).collect();
        let tags = calls.tags_of(priority, &arns).await?;
        for (held, balancer, mut left) in unfound {
            // What is gone is nobody's any more.
            if let Some(balancer) = balancer {
                let none = Tags::new();
                let tags = tags.get(&balancer.arn).unwrap_or(&none);
                let ours = names::id_of(&held.id.cluster, tags);
                let is_ours = ours.is_some_and(|it| it == held.id);
                if is_ours || is_of(tags, cluster_name, &held.service) {
                    left.arns.insert(balancer.arn.clone());
                } else {
                    let disputed = Disputed {
                        service: held.service.clone(),
                        arn: balancer.arn.clone(),
                        left,
                    };
                    self.disputed.insert(held.id.service_uid.clone(), disputed);
                    continue;
                }
            }
            if left != Left::default() {
                self.bequeath(held, left);
            }
        }
        Ok(())
    }
}

impl Disputed {
    /// Whose it is now.
    pub(super) async fn owner(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster_name: &str,
    ) -> Result<Owner> {
        let arns = [self.arn.clone()];
        let found = calls.load_balancers(priority, Which::Arns(&arns)).await?;
        let Some(balancer) = found.first() else {
            return Ok(Owner::Settled);
        };
        let tags = calls.tags_of(priority, &arns).await?;
        let tags = tags.into_values().next().unwrap_or_default();
        Ok(if is_of(&tags, cluster_name, &self.service) {
            let mut left = self.left.clone();
            left.arns.extend(arns);
            Owner::Heir(Inheritance {
                service: self.service.clone(),
                left,
            })
        } else {
            Owner::Other {
                why: dispute(balancer, &tags, cluster_name),
                is_alike: tags.contains_key(CLUSTER),
            }
        })
    }
}

/// Whether these are the tags of what the controller with this `--cluster-name` has made for a Service.
fn is_of(tags: &Tags, cluster_name: &str, service: &ServiceName) -> bool {
    let is_of_cluster = tags.get(CLUSTER).is_some_and(|it| it == cluster_name);
    is_of_cluster && tags.get(STACK) == Some(&stack_of(service))
}

impl Left {
    fn has_balancer(&self) -> bool {
        let mut arns = self.arns.iter();
        arns.any(|it| it.resource().starts_with("loadbalancer/"))
    }
}

/// Why a load balancer that a status names is not taken over.
fn dispute(balancer: &LoadBalancer, tags: &Tags, cluster_name: &str) -> String {
    let name = &balancer.name;
    match tags.get(CLUSTER) {
        Some(other) => format!(
            "it has the load balancer {name}, whose tag {CLUSTER} says {other}: of {cluster_name} it would be taken \
             over. Say in takesOver.clusterName what the --cluster-name of the controller is that made it, or \
             have that remove it"
        ),
        None => format!(
            "it has the load balancer {name}, which the AWS Load Balancer Controller has not made for it, so it is not \
             taken over: have whoever made it remove it"
        ),
    }
}

pub(super) fn stack_of(service: &ServiceName) -> String {
    format!("{}/{}", service.namespace, service.name)
}

/// The name of a load balancer of AWS that the status says. That the Service bears our marks does not mean that we
/// have written it: they come first.
fn name_at_aws(held: &Held) -> Option<&str> {
    held.ingress.iter().find_map(|it| match it {
        Ingress::Hostname(name) if name.contains(".elb.") => Some(name.as_str()),
        _ => None,
    })
}
