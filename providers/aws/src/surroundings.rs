//! What is around the cluster's load balancers at AWS, and is asked for once for all of them: subnets,
//! routes, ranges of the VPC, instances, security groups of others. It remembers for a while; what is not
//! found is asked for again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::sync::Mutex;

use crate::calls::{
    Calls, Instance, Priority, Result, RouteTable, SecurityGroups, Subnet, Subnets,
};

/// How long what was read is taken for what is.
const FRESH: Duration = Duration::from_mins(10);
/// How soon something that was not found is asked for again.
const AGAIN: Duration = Duration::from_secs(10);

/// What is remembered. Each lock is held while AWS is asked, so that whoever comes meanwhile waits for the same
/// answer instead of asking again; nobody needs two of them.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    network: Mutex<Option<Network>>,
    instances: Mutex<Nodes>,
    groups: Mutex<HashMap<String, (Instant, String)>>,
}

/// The VPC.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    read: Instant,
    pub(crate) subnets: Arc<[Subnet]>,
    /// Read when it is first needed.
    pub(crate) routes: Option<Arc<[RouteTable]>>,
    /// Ranges of addresses in the VPC; read when they are first needed.
    pub(crate) ranges: Option<Arc<[IpNet]>>,
}

#[derive(Debug, Default)]
struct Nodes {
    known: HashMap<String, (Instant, Known)>,
}

/// What AWS says of an instance id.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// This.
    Instance(Arc<Instance>),
    /// That there is none.
    Unknown,
}

/// How good what is remembered must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Subnets,
    /// Subnets that were not read just before, since one was not found.
    NewerSubnets,
    Routes,
    Ranges,
}

impl Surroundings {
    /// The VPC's subnets, and what else is needed of it.
    pub(crate) async fn network(
        &self,
        calls: &Calls,
        priority: Priority,
        need: Need,
    ) -> Result<Network> {
        let mut held = self.network.lock().await;
        let longest = match need {
            Need::NewerSubnets => AGAIN,
            _ => FRESH,
        };
        let is_fresh = |it: &Network| it.read.elapsed() < longest;
        let mut network = match held.take().filter(is_fresh) {
            Some(network) => network,
            None => Network {
                read: Instant::now(),
                subnets: calls
                    .subnets(priority, Subnets::InVpc(calls.vpc()))
                    .await?
                    .into(),
                routes: None,
                ranges: None,
            },
        };
        if need == Need::Routes && network.routes.is_none() {
            let routes = calls.route_tables(priority, calls.vpc()).await;
            match routes {
                Ok(routes) => network.routes = Some(routes.into()),
                Err(refusal) => {
                    *held = Some(network);
                    return Err(refusal);
                }
            }
        }
        if need == Need::Ranges && network.ranges.is_none() {
            let vpcs = calls.vpcs(priority, &[calls.vpc().to_owned()]).await?;
            let ranges = vpcs
                .into_iter()
                .flat_map(|it| it.ipv4.into_iter().chain(it.ipv6));
            network.ranges = Some(ranges.collect());
        }
        *held = Some(network.clone());
        Ok(network)
    }

    /// What AWS says of these instances; all that are not known are asked for at once.
    pub(crate) async fn instances(
        &self,
        calls: &Calls,
        priority: Priority,
        ids: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Known>> {
        let mut nodes = self.instances.lock().await;
        let is_fresh = |(read, known): &(Instant, Known)| match known {
            // Instances keep their groups and addresses, as a rule; and the rotation asks again.
            Known::Instance(_) => read.elapsed() < 6 * FRESH,
            Known::Unknown => read.elapsed() < 3 * AGAIN,
        };
        let missing = ids
            .iter()
            .filter(|it| !nodes.known.get(*it).is_some_and(is_fresh));
        let missing: Vec<_> = missing.cloned().collect();
        if !missing.is_empty() {
            let read = calls.instances(priority, &missing).await?;
            let now = Instant::now();
            // What nobody asks for any more is forgotten.
            nodes
                .known
                .retain(|_, (read, _)| read.elapsed() < 12 * FRESH);
            for id in read.unknown {
                nodes.known.insert(id, (now, Known::Unknown));
            }
            for instance in read.found {
                let id = instance.id.clone();
                nodes
                    .known
                    .insert(id, (now, Known::Instance(Arc::new(instance))));
            }
        }
        let known = ids
            .iter()
            .filter_map(|id| Some((id.clone(), nodes.known.get(id)?.1.clone())));
        Ok(known.collect())
    }

    /// Ids of security groups that are given by id or by name; `Err` with the first that is not found.
    pub(crate) async fn groups(
        &self,
        calls: &Calls,
        priority: Priority,
        names: &[String],
    ) -> Result<std::result::Result<Vec<String>, String>> {
        let mut known = self.groups.lock().await;
        known.retain(|_, (read, _)| read.elapsed() < FRESH);
        let missing = names.iter().filter(|it| !known.contains_key(*it));
        let (ids, by_name): (Vec<_>, Vec<_>) =
            missing.cloned().partition(|it| it.starts_with("sg-"));
        let now = Instant::now();
        if !ids.is_empty() {
            for group in calls
                .security_groups(priority, SecurityGroups::Ids(&ids))
                .await?
            {
                known.insert(group.id.clone(), (now, group.id));
            }
        }
        if !by_name.is_empty() {
            let vpc = calls.vpc();
            let which = SecurityGroups::Names {
                vpc,
                names: &by_name,
            };
            for group in calls.security_groups(priority, which).await? {
                let tag = group.tags.get("Name").filter(|it| by_name.contains(it));
                let name = tag.cloned().unwrap_or(group.name);
                known.insert(name, (now, group.id));
            }
        }
        let found = names.iter().map(|name| match known.get(name) {
            Some((_, id)) => Ok(id.clone()),
            None => Err(name.clone()),
        });
        Ok(found.collect())
    }
}
