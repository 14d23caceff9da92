//! Tags of what EC2 holds.

use std::time::Duration;

use serde_json::json;

use super::Ec2;
use super::listing::{check_tags, not_found};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

impl Ec2 {
    /// The tags of whatever has this identifier.
    pub(crate) fn tags(&mut self, id: &str) -> Option<&mut Map> {
        match id.split('-').next()? {
            "vpc" => self.vpcs.get_mut(id).map(|it| &mut it.tags),
            "subnet" => self.subnets.get_mut(id).map(|it| &mut it.tags),
            "rtb" => self.route_tables.get_mut(id).map(|it| &mut it.tags),
            "i" => self.instances.get_mut(id).map(|it| &mut it.tags),
            "eni" => self.interfaces.get_mut(id).map(|it| &mut it.tags),
            "sg" => self.security_groups.get_mut(id).map(|it| &mut it.tags),
            "pl" => self.prefix_lists.get_mut(id).map(|it| &mut it.tags),
            "eipalloc" => self.addresses.get_mut(id).map(|it| &mut it.tags),
            "sgr" => {
                let groups = self.security_groups.values_mut();
                let mut rules = groups.flat_map(|it| &mut it.rules);
                rules.find(|it| it.id == id).map(|it| &mut it.tags)
            }
            _ => None,
        }
    }
}

/// The kind of a resource in its ARN.
fn kind(id: &str) -> &str {
    match id.split('-').next().unwrap_or_default() {
        "rtb" => "route-table",
        "i" => "instance",
        "eni" => "network-interface",
        "sg" => "security-group",
        "sgr" => "security-group-rule",
        "pl" => "prefix-list",
        "eipalloc" => "elastic-ip",
        other => other,
    }
}

fn unknown(id: &str) -> Refusal {
    match kind(id) {
        "security-group" => not_found("InvalidGroup.NotFound", "security group", &[id]),
        "security-group-rule" => not_found(
            "InvalidSecurityGroupRuleId.NotFound",
            "security group rule ID",
            &[id],
        ),
        "elastic-ip" => not_found("InvalidAllocationID.NotFound", "allocation ID", &[id]),
        "instance" => not_found("InvalidInstanceID.NotFound", "instance ID", &[id]),
        "subnet" => not_found("InvalidSubnetID.NotFound", "subnet ID", &[id]),
        _ => Refusal::new("InvalidID", format!("The ID '{id}' is not valid")),
    }
}

/// The resources that a request names, all of which are there.
fn resources(state: &mut State, parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let ids = parameters.list("ResourceId");
    if ids.is_empty() {
        let text = "The request must contain the parameter resourceIdSet";
        return Err(Refusal::new("MissingParameter", text));
    }
    if let Some(id) = ids.iter().find(|id| state.ec2.tags(id).is_none()) {
        return Err(unknown(id));
    }
    Ok(ids)
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let ids = resources(state, parameters)?;
    let (tags, twice) = parameters.pairs("Tag");
    if tags.is_empty() {
        let text = "The request must contain the parameter Tags";
        return Err(Refusal::new("MissingParameter", text));
    }
    if twice {
        return Err(Refusal::value("Duplicate tag keys are not allowed."));
    }
    let mut all = vec![];
    for id in ids {
        let mut whole = state.ec2.tags(&id).cloned().unwrap_or_default();
        whole.extend(tags.clone());
        check_tags(&whole)?;
        all.push((id, whole));
    }
    for (id, whole) in all {
        state.set_ec2_tags(&id, whole, now);
    }
    Ok(json!({"return": true}))
}

pub(super) fn delete(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    for id in resources(state, parameters)? {
        let mut whole = state.ec2.tags(&id).cloned().unwrap_or_default();
        let asked = parameters.structures("Tag");
        if asked.is_empty() {
            whole.clear();
        }
        for tag in asked {
            let key = tag.ec2_need("Key")?;
            let value = tag.get("Value");
            if value.is_none_or(|it| whole.get(key).is_some_and(|has| has == it)) {
                whole.remove(key);
            }
        }
        state.set_ec2_tags(&id, whole, now);
    }
    Ok(json!({"return": true}))
}

impl State {
    /// Gives a resource of EC2 these tags, and no others.
    pub(crate) fn set_ec2_tags(&mut self, id: &str, tags: Map, now: Duration) {
        if let Some(held) = self.ec2.tags(id) {
            held.clone_from(&tags);
        } else {
            return;
        }
        // Resource Groups Tagging is asked for no rules.
        if !id.starts_with("sgr-") {
            self.note_ec2(&format!("{}/{id}", kind(id)), Some(tags), now);
        }
    }
}
