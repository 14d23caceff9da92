//! The way from load balancers to their targets: one security group that all load balancers of the cluster
//! have in common, and rules in the nodes' own groups that let in what comes from it.
//!
//! Only load balancers of ours have that group, and they send only where target groups say; so a rule admits
//! whole ranges of ports, and a Service that is made needs none of its own (decision 0020).

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::ClusterId;
use tokio::sync::Mutex;

use crate::calls::{
    Calls, Instance, Priority, RefusalKind, Result, Revoked, Rule, RuleSource, SecurityGroups,
};
use crate::names;

/// Where nodes take traffic of Services, unless the API server was told otherwise.
const NODE_PORTS: (i32, i32) = (30_000, 32_767);
/// All ports.
const ALL_PORTS: (i32, i32) = (1, 65_535);
/// By this, people see what a rule is for. Rules of ours are known by their source.
const DESCRIPTION: &str = "Load balancers of Services";

/// What is to be let into a security group of nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Opening {
    /// The group of the nodes.
    pub(crate) group: String,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    pub(crate) ports: (i32, i32),
}

/// The least range that has all of these ports.
pub(crate) fn ports(of: impl IntoIterator<Item = u16>) -> (i32, i32) {
    let (first, last) = NODE_PORTS;
    let mut of = of.into_iter().map(i32::from);
    if of.all(|it| (first..=last).contains(&it)) {
        NODE_PORTS
    } else {
        ALL_PORTS
    }
}

/// The group of an instance that is to let load balancers in. Of several, always the same: rules of all of
/// them count.
pub(crate) fn group_of(instance: &Instance) -> Option<&String> {
    // The groups of its primary interface; what is tagged is not told with an instance.
    instance.interfaces.first()?.groups.iter().min()
}

/// The group in common, and what it is let into. The lock is held while AWS is asked: of many Services that come
/// at once, one makes the group, and the others wait for it.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shared: Option<String>,
    /// What load balancers need.
    needed: BTreeSet<Opening>,
    /// What is known to be let in, by the group of nodes. `None`: it was not read yet.
    open: Option<BTreeMap<String, BTreeSet<Rule>>>,
}

impl Gates {
    /// The group is this, as the reading of all has found. Reads what it is let into, and lets it into what is
    /// needed. Tells whether somebody had shut something.
    pub(crate) async fn found(
        &self,
        calls: &Calls,
        priority: Priority,
        shared: Option<String>,
    ) -> Result<bool> {
        let mut state = self.0.lock().await;
        let is_gone = shared.is_none() && state.shared.is_some();
        state.shared = shared;
        let Some(shared) = state.shared.clone() else {
            state.open = Some(BTreeMap::new());
            return Ok(is_gone);
        };
        let open = read(calls, priority, &shared).await?;
        let is_open = |it: &&Opening| is_open(&open, it, &shared);
        let shut: BTreeSet<_> = state
            .needed
            .iter()
            .filter(|it| !is_open(it))
            .cloned()
            .collect();
        state.open = Some(open);
        state.open(calls, priority, &shut).await?;
        Ok(!shut.is_empty())
    }

    /// The group in common, which is made if there is none.
    pub(crate) async fn shared(
        &self,
        calls: &Calls,
        priority: Priority,
        cluster: &ClusterId,
    ) -> Result<String> {
        let mut state = self.0.lock().await;
        if let Some(shared) = &state.shared {
            return Ok(shared.clone());
        }
        let (name, vpc) = (names::shared(cluster), calls.vpc());
        let tags = names::tags_of_cluster(cluster, names::Part::Shared);
        let description = "What load balancers of Services have in common";
        let made = calls
            .create_security_group(priority, &name, description, vpc, &tags)
            .await;
        let id = match made {
            Ok(id) => {
                state.open = Some(BTreeMap::new());
                id
            }
            Err(refusal) if refusal.kind == RefusalKind::Exists => {
                let which = SecurityGroups::GroupName { vpc, name: &name };
                let found = calls.security_groups(priority, which).await?;
                let ours = found
                    .into_iter()
                    .find(|it| names::is(&it.tags, names::Part::Shared));
                ours.ok_or(refusal)?.id
            }
            Err(refusal) => return Err(refusal),
        };
        state.shared = Some(id.clone());
        Ok(id)
    }

    /// Lets load balancers into these.
    pub(crate) async fn open(
        &self,
        calls: &Calls,
        priority: Priority,
        openings: &BTreeSet<Opening>,
    ) -> Result<()> {
        let mut state = self.0.lock().await;
        state.needed.extend(openings.iter().cloned());
        state.open(calls, priority, openings).await
    }

    /// Removes the group and what it was let into. Nobody has it any more.
    pub(crate) async fn remove(&self, calls: &Calls, priority: Priority) -> Result<()> {
        let mut state = self.0.lock().await;
        let Some(shared) = state.shared.clone() else {
            return Ok(());
        };
        // Only what is there now: groups of nodes come and go.
        let open = match state.open.take() {
            Some(open) => open,
            None => read(calls, priority, &shared).await?,
        };
        for (group, rules) in open {
            let rules: Vec<_> = rules.into_iter().collect();
            match calls.revoke(priority, &group, Revoked::Rules(&rules)).await {
                Ok(()) => {}
                Err(refusal) if refusal.is_not_found() => {}
                Err(refusal) => return Err(refusal),
            }
        }
        calls.delete_security_group(priority, &shared).await?;
        *state = State::default();
        Ok(())
    }
}

impl State {
    async fn open(
        &mut self,
        calls: &Calls,
        priority: Priority,
        openings: &BTreeSet<Opening>,
    ) -> Result<()> {
        let Some(shared) = self.shared.clone() else {
            return Ok(());
        };
        if openings.is_empty() {
            return Ok(());
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => read(calls, priority, &shared).await?,
        };
        let mut missing = BTreeMap::<String, Vec<Rule>>::new();
        for opening in openings.iter().filter(|it| !is_open(&open, it, &shared)) {
            let rules = missing.entry(opening.group.clone()).or_default();
            rules.push(rule(opening, &shared));
        }
        // Until all is done, nothing is known.
        for (group, rules) in missing {
            match calls.authorize(priority, &group, &rules).await {
                Ok(()) => {}
                // What is there is not what was thought; the next reading tells.
                Err(refusal) if refusal.kind == RefusalKind::Exists => {
                    for rule in &rules {
                        let again = calls.authorize(priority, &group, std::slice::from_ref(rule));
                        match again.await {
                            Err(refusal) if refusal.kind != RefusalKind::Exists => {
                                return Err(refusal);
                            }
                            _ => {}
                        }
                    }
                }
                Err(refusal) if refusal.is_not_found() => {
                    self.needed.retain(|it| it.group != group);
                    return Err(refusal);
                }
                Err(refusal) => return Err(refusal),
            }
            open.entry(group).or_default().extend(rules);
        }
        self.open = Some(open);
        Ok(())
    }
}

/// Whether what is let in has all of this.
fn is_open(open: &BTreeMap<String, BTreeSet<Rule>>, opening: &Opening, shared: &str) -> bool {
    let rule = rule(opening, shared);
    let there = open.get(&opening.group);
    there.is_some_and(|it| it.iter().any(|it| admits(it, &rule)))
}

fn rule(opening: &Opening, shared: &str) -> Rule {
    Rule {
        protocol: opening.protocol.to_owned(),
        from: opening.ports.0,
        to: opening.ports.1,
        source: RuleSource::Group(shared.to_owned()),
        description: DESCRIPTION.to_owned(),
    }
}

/// Whether one rule lets in all that the other does.
fn admits(one: &Rule, other: &Rule) -> bool {
    one.source == other.source
        && one.protocol == other.protocol
        && one.from <= other.from
        && one.to >= other.to
}

/// What lets in traffic from this group.
async fn read(
    calls: &Calls,
    priority: Priority,
    shared: &str,
) -> Result<BTreeMap<String, BTreeSet<Rule>>> {
    let groups = calls
        .security_groups(priority, SecurityGroups::LettingIn(shared))
        .await?;
    let ids: Vec<_> = groups.into_iter().map(|it| it.id).collect();
    let mut open = BTreeMap::<String, BTreeSet<Rule>>::new();
    if ids.is_empty() {
        return Ok(open);
    }
    let source = RuleSource::Group(shared.to_owned());
    for rule in calls.rules(priority, &ids).await? {
        if rule.rule.source == source {
            open.entry(rule.group).or_default().insert(rule.rule);
        }
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_nodes_are_one_range_and_others_are_all() {
        assert_eq!(ports([30_080, 32_767]), (30_000, 32_767));
        assert_eq!(ports([30_080, 8080]), (1, 65_535));
    }

    #[test]
    fn a_wider_rule_admits_a_narrower_one_of_its_source_and_protocol_only() {
        let opening = |protocol, ports| Opening {
            group: "sg-nodes".into(),
            protocol,
            ports,
        };
        let narrow = rule(&opening("tcp", NODE_PORTS), "sg-1");
        let wide = rule(&opening("tcp", ALL_PORTS), "sg-1");
        assert!(admits(&wide, &narrow) && admits(&narrow, &narrow));
        assert!(!admits(&narrow, &wide));
        assert!(!admits(&rule(&opening("udp", ALL_PORTS), "sg-1"), &narrow));
        assert!(!admits(&rule(&opening("tcp", ALL_PORTS), "sg-2"), &narrow));
    }
}
