//! Security groups, and what holds them back from going.

use std::time::Duration;

use serde_json::json;

use super::Ec2;
use super::filters::Filters;
use super::listing::{Listing, chosen, new_tags, not_found, shown_tags, texts};
use super::rules::{Rule, Source, shown_permissions};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// A security group.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Its name, one of its kind in the VPC.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Its rules, of both directions.
    pub rules: Vec<Rule>,
    /// Its tags.
    pub tags: Map,
}

const FILTERS: &[&str] = &[
    "group-id",
    "group-name",
    "vpc-id",
    "description",
    "ip-permission.group-id",
    "ip-permission.cidr",
];

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, FILTERS)?;
    let (ids, names) = (parameters.list("GroupId"), parameters.list("GroupName"));
    if !ids.is_empty() && parameters.get("MaxResults").is_some() {
        let text = "The parameter groupIds cannot be used with the parameter maxResults";
        return Err(Refusal::new("InvalidParameterCombination", text));
    }
    let ec2 = &state.ec2;
    if let Some(name) = names
        .iter()
        .find(|name| !ec2.security_groups.values().any(|it| it.name == **name))
    {
        return Err(not_found(
            "InvalidGroup.NotFound",
            "security group",
            &[name],
        ));
    }
    let code = "InvalidGroup.NotFound";
    let found = chosen(&ec2.security_groups, &ids, code, "security group")?.into_iter();
    let found = found.filter(|(_, it)| {
        (names.is_empty() || names.contains(&it.name))
            && filters.pass(&it.tags, |name| of_group(it, name))
    });
    let found = found.map(|(id, it)| (id.clone(), it)).collect();
    let account = &state.options.account;
    Listing::of("securityGroupInfo").answer(parameters, found, |it: &SecurityGroup| {
        json!({
            "groupId": it.id, "groupName": it.name, "groupDescription": it.description,
            "vpcId": it.vpc, "ownerId": account,
            "ipPermissions": shown_permissions(&it.rules, false, account),
            "ipPermissionsEgress": shown_permissions(&it.rules, true, account),
            "tagSet": shown_tags(&it.tags),
        })
    })
}

fn of_group(it: &SecurityGroup, filter: &str) -> Vec<String> {
    let rules = it.rules.iter().filter(|it| !it.egress);
    match filter {
        "group-id" => vec![it.id.clone()],
        "group-name" => vec![it.name.clone()],
        "vpc-id" => vec![it.vpc.clone()],
        "description" => vec![it.description.clone()],
        "ip-permission.group-id" => {
            let groups = rules.filter_map(|it| match &it.source {
                Source::Group(id) => Some(id),
                _ => None,
            });
            texts(groups)
        }
        _ => {
            let blocks = rules.filter_map(|it| match &it.source {
                Source::Ipv4(block) => Some(block),
                _ => None,
            });
            texts(blocks)
        }
    }
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let name = parameters.ec2_need("GroupName")?;
    let description = parameters.ec2_need("GroupDescription")?;
    let vpc = parameters.ec2_need("VpcId")?;
    let tags = new_tags(parameters, "security-group")?;
    check_text(name, "groupName")?;
    check_text(description, "groupDescription")?;
    if name.starts_with("sg-") {
        let text = "Invalid value for parameter groupName: it must not start with sg-";
        return Err(Refusal::value(text));
    }
    let groups = &state.ec2.security_groups;
    if !state.ec2.vpcs.contains_key(vpc) {
        return Err(not_found("InvalidVpcID.NotFound", "vpc ID", &[vpc]));
    }
    let of_vpc = groups.values().filter(|it| it.vpc == vpc);
    if of_vpc.clone().any(|it| it.name == name) {
        let text = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Refusal::new("InvalidGroup.Duplicate", text));
    }
    if of_vpc.count() >= state.options.quotas.security_groups {
        let text = "The maximum number of security groups for VPC has been reached.";
        return Err(Refusal::new("SecurityGroupLimitExceeded", text));
    }
    let id = state.identifiers.ec2("sg");
    let rule = state.identifiers.ec2("sgr");
    let group = SecurityGroup {
        id: id.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        vpc: vpc.to_owned(),
        rules: vec![Rule::all_out(rule)],
        tags: tags.clone(),
    };
    state.ec2.security_groups.insert(id.clone(), group);
    let shown = shown_tags(&tags);
    state.note_ec2(&format!("security-group/{id}"), Some(tags), now);
    Ok(json!({
        "return": true, "groupId": id, "tagSet": shown,
        "securityGroupArn": state.ec2_arn(&format!("security-group/{id}")),
    }))
}

pub(super) fn delete(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let id = parameters.ec2_need("GroupId")?;
    let Some(group) = state.ec2.security_groups.get(id) else {
        return Err(not_found("InvalidGroup.NotFound", "security group", &[id]));
    };
    if group.name == "default" {
        let text =
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Refusal::new("CannotDelete", text));
    }
    if state.ec2.is_in_use(id) {
        let text = format!("resource {id} has a dependent object");
        return Err(Refusal::new("DependencyViolation", text));
    }
    state.ec2.security_groups.remove(id);
    state.note_ec2(&format!("security-group/{id}"), None, now);
    Ok(json!({"return": true, "groupId": id}))
}

impl Ec2 {
    /// Whether an interface has this group, or a rule of another group names it.
    fn is_in_use(&self, id: &str) -> bool {
        let attached = self.interfaces.values();
        let attached = attached.flat_map(|it| &it.groups).any(|it| it == id);
        let mut others = self.security_groups.values().filter(|it| it.id != id);
        let names = |rule: &Rule| matches!(&rule.source, Source::Group(it) if it == id);
        attached || others.any(|it| it.rules.iter().any(names))
    }

    /// A group by its identifier, or the refusal that names it.
    pub(super) fn group(&mut self, id: &str) -> Result<&mut SecurityGroup, Refusal> {
        let found = self.security_groups.get_mut(id);
        found.ok_or_else(|| not_found("InvalidGroup.NotFound", "security group", &[id]))
    }
}

/// What EC2 allows in names and descriptions of groups and rules.
pub(super) fn check_text(text: &str, of: &str) -> Result<(), Refusal> {
    let fine =
        |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
    if text.len() <= 255 && text.chars().all(fine) {
        return Ok(());
    }
    let text = format!(
        "Invalid value '{text}' for {of}. It must be shorter than 256 letters of a-z A-Z 0-9 ._-:/()#,@[]+=&;{{}}!$*"
    );
    Err(Refusal::value(text))
}
