//! Tags of load balancers, target groups and listeners.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::Elb;
use super::listing::{check_arn, check_tags, not_found, tags};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// Most resources of one call.
const MOST: usize = 20;

/// The kind of thing that an ARN is of.
fn kind(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    resource.split('/').next().unwrap_or_default()
}

impl Elb {
    /// The tags of whatever has this ARN.
    pub(crate) fn tags(&mut self, arn: &str) -> Option<&mut Map> {
        match kind(arn) {
            "loadbalancer" => self.load_balancers.get_mut(arn).map(|it| &mut it.tags),
            "targetgroup" => self.target_groups.get_mut(arn).map(|it| &mut it.tags),
            "listener" => self.listeners.get_mut(arn).map(|it| &mut it.tags),
            _ => None,
        }
    }
}

/// The resources that a request names, all of which are there.
fn resources(state: &mut State, parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let arns: BTreeSet<_> = parameters.list("ResourceArns").into_iter().collect();
    if arns.is_empty() || arns.len() > MOST {
        let text = format!(
            "Between 1 and {MOST} resource ARNs must be specified, not {}",
            arns.len()
        );
        return Err(Refusal::validation(text));
    }
    for arn in &arns {
        let kind = kind(arn);
        if !["loadbalancer", "targetgroup", "listener"].contains(&kind) {
            return Err(Refusal::validation(format!(
                "'{arn}' is not a valid resource ARN"
            )));
        }
        check_arn(arn, kind)?;
        if state.elb.tags(arn).is_none() {
            return Err(not_found(kind));
        }
    }
    Ok(arns.into_iter().collect())
}

pub(super) fn add(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let tags = tags(parameters)?;
    if tags.is_empty() {
        return Err(Refusal::validation("At least one tag must be specified"));
    }
    let mut all = vec![];
    for arn in resources(state, parameters)? {
        let mut whole = state.elb.tags(&arn).cloned().unwrap_or_default();
        whole.extend(tags.clone());
        check_tags(&whole)?;
        all.push((arn, whole));
    }
    for (arn, whole) in all {
        state.set_elb_tags(&arn, whole, now);
    }
    Ok(json!({}))
}

pub(super) fn remove(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let keys = parameters.list("TagKeys");
    if keys.is_empty() {
        return Err(Refusal::validation(
            "At least one tag key must be specified",
        ));
    }
    for arn in resources(state, parameters)? {
        let mut whole = state.elb.tags(&arn).cloned().unwrap_or_default();
        whole.retain(|key, _| !keys.contains(key));
        state.set_elb_tags(&arn, whole, now);
    }
    Ok(json!({}))
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let mut all = vec![];
    for arn in resources(state, parameters)? {
        let tags = state.elb.tags(&arn).cloned().unwrap_or_default();
        let tags: Vec<_> = tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        all.push(json!({"ResourceArn": arn, "Tags": tags}));
    }
    Ok(json!({"TagDescriptions": all}))
}

impl State {
    /// Gives a resource of Elastic Load Balancing these tags, and no others.
    pub(crate) fn set_elb_tags(&mut self, arn: &str, tags: Map, now: Duration) {
        if let Some(held) = self.elb.tags(arn) {
            held.clone_from(&tags);
            self.tagging.note(arn, Some(tags), now);
        }
    }
}
