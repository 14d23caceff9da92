//! What may come in through a security group: adding to it and taking from it. A request changes
//! all that it names, or nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::Ec2;
use super::listing::{new_tags, not_found};
use super::rules::{Rule, Source, shown_rule};
use super::security_groups::check_text;
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

pub(super) fn authorize(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let id = parameters.ec2_need("GroupId")?.to_owned();
    let mut rules = asked(&state.ec2, parameters)?;
    let tags = new_tags(parameters, "security-group-rule")?;
    let quota = state.options.quotas.rules;
    let group = state.ec2.group(&id)?;
    if let Some(known) = rules
        .iter()
        .find(|rule| group.rules.iter().any(|it| it.is_same(rule)))
    {
        let text = format!("the specified rule \"{}\" already exists", sentence(known));
        return Err(Refusal::new("InvalidPermission.Duplicate", text));
    }
    let all = group.rules.iter().filter(|it| !it.egress).cloned();
    let all: Vec<_> = all.chain(rules.iter().cloned()).collect();
    if [false, true]
        .iter()
        .any(|ipv6| state.ec2.weight(&all, *ipv6) > quota)
    {
        let text = "The maximum number of rules per security group has been reached.";
        return Err(Refusal::new("RulesPerSecurityGroupLimitExceeded", text));
    }
    for rule in &mut rules {
        rule.id = state.identifiers.ec2("sgr");
        rule.tags.clone_from(&tags);
    }
    let account = &state.options.account;
    let shown = rules.iter();
    let shown: Value = shown.map(|it| shown_rule(&id, it, account)).collect();
    state.ec2.group(&id)?.rules.extend(rules);
    Ok(json!({"return": true, "securityGroupRuleSet": shown}))
}

pub(super) fn revoke(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let id = parameters.ec2_need("GroupId")?.to_owned();
    let ids = parameters.list("SecurityGroupRuleId");
    let rules = if ids.is_empty() {
        asked(&state.ec2, parameters)?
    } else if parameters.has("IpPermissions") {
        let text = "The parameter SecurityGroupRuleIds cannot be used with IpPermissions";
        return Err(Refusal::new("InvalidParameterCombination", text));
    } else {
        vec![]
    };
    let group = state.ec2.group(&id)?;
    let ingress = |it: &&Rule| !it.egress;
    let known = |wanted: &&String| {
        group
            .rules
            .iter()
            .filter(ingress)
            .any(|it| it.id == **wanted)
    };
    if let Some(unknown) = ids.iter().find(|it| !known(it)) {
        let code = "InvalidSecurityGroupRuleId.NotFound";
        return Err(not_found(code, "security group rule ID", &[unknown]));
    }
    if rules
        .iter()
        .any(|rule| !group.rules.iter().any(|it| it.is_same(rule)))
    {
        let text = "The specified rule does not exist in this security group.";
        return Err(Refusal::new("InvalidPermission.NotFound", text));
    }
    let goes = |it: &Rule| ids.contains(&it.id) || rules.iter().any(|rule| rule.is_same(it));
    group.rules.retain(|it| !goes(it));
    Ok(json!({"return": true}))
}

/// The rules that a request names: one per source of each permission.
fn asked(ec2: &Ec2, parameters: &Parameters) -> Result<Vec<Rule>, Refusal> {
    let mut rules: Vec<Rule> = vec![];
    for permission in parameters.structures("IpPermissions") {
        let known = [
            "IpProtocol",
            "FromPort",
            "ToPort",
            "IpRanges",
            "Ipv6Ranges",
            "Groups",
            "PrefixListIds",
        ];
        check_names(&permission, "IpPermissions", &known)?;
        let (protocol, from, to) = ports(&permission)?;
        let sources = sources(ec2, &permission)?;
        if sources.is_empty() {
            let text = "Must specify at least one of: IpRanges, Ipv6Ranges, Groups, PrefixListIds";
            return Err(Refusal::new("MissingParameter", text));
        }
        for (source, description) in sources {
            let rule = Rule {
                id: String::new(),
                egress: false,
                protocol: protocol.clone(),
                from,
                to,
                source,
                description,
                tags: Map::new(),
            };
            if rules.iter().any(|it| it.is_same(&rule)) {
                let text = "The same permission must not appear multiple times";
                return Err(Refusal::value(text));
            }
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        let text = "The request must contain the parameter ipPermissions";
        return Err(Refusal::new("MissingParameter", text));
    }
    Ok(rules)
}

/// Refuses names that EC2 does not know in a structure.
fn check_names(given: &Parameters, of: &str, known: &[&str]) -> Result<(), Refusal> {
    let names = given.names();
    let Some(name) = names.into_iter().find(|it| !known.contains(it)) else {
        return Ok(());
    };
    let text = format!("The parameter {of}.{name} is not recognized");
    Err(Refusal::new("UnknownParameter", text))
}

type Ports = (String, Option<i32>, Option<i32>);

fn ports(permission: &Parameters) -> Result<Ports, Refusal> {
    let given = permission.ec2_need("IpProtocol")?;
    let protocol = match given {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "tcp" | "udp" | "icmp" | "icmpv6" | "-1" => given,
        other if other.parse::<u8>().is_ok() => other,
        other => {
            let text = format!("Invalid value '{other}' for IP protocol. Unknown protocol.");
            return Err(Refusal::value(text));
        }
    };
    let number = |name: &str| {
        let text = permission.get(name);
        let number = text.map(|text| {
            let wrong = |_| Refusal::value(format!("Invalid value '{text}' for {name}"));
            text.parse::<i32>().map_err(wrong)
        });
        number.transpose()
    };
    let (from, to) = (number("FromPort")?, number("ToPort")?);
    match (protocol, from, to) {
        ("tcp" | "udp", Some(from), Some(to)) => {
            if !(0..=65_535).contains(&from) || !(from..=65_535).contains(&to) {
                let text = format!("Invalid TCP/UDP port range ({from}:{to})");
                return Err(Refusal::new("InvalidPermission.Malformed", text));
            }
            Ok((protocol.to_owned(), Some(from), Some(to)))
        }
        ("tcp" | "udp", ..) => {
            let text =
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            Err(Refusal::value(text))
        }
        ("icmp" | "icmpv6", from, to) => Ok((
            protocol.to_owned(),
            Some(from.unwrap_or(-1)),
            Some(to.unwrap_or(-1)),
        )),
        _ => Ok((protocol.to_owned(), None, None)),
    }
}

type Sources = Vec<(Source, Option<String>)>;

fn sources(ec2: &Ec2, permission: &Parameters) -> Result<Sources, Refusal> {
    let mut sources = vec![];
    for (list, key) in [
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("Groups", "GroupId"),
        ("PrefixListIds", "PrefixListId"),
    ] {
        for given in permission.structures(list) {
            let known = [key, "Description", "UserId", "VpcId"];
            check_names(&given, &format!("IpPermissions.{list}"), &known)?;
            let description = given.get("Description").filter(|it| !it.is_empty());
            if let Some(text) = description {
                check_text(text, "rule description")?;
            }
            let source = source(ec2, key, given.ec2_need(key)?)?;
            sources.push((source, description.map(str::to_owned)));
        }
    }
    Ok(sources)
}

fn source(ec2: &Ec2, key: &str, text: &str) -> Result<Source, Refusal> {
    let malformed = || Refusal::value(format!("CIDR block {text} is malformed"));
    match key {
        "CidrIp" => {
            let block: ipnet::Ipv4Net = text.parse().map_err(|_| malformed())?;
            Ok(Source::Ipv4(block.trunc()))
        }
        "CidrIpv6" => {
            let block: ipnet::Ipv6Net = text.parse().map_err(|_| malformed())?;
            Ok(Source::Ipv6(block.trunc()))
        }
        "GroupId" if ec2.security_groups.contains_key(text) => Ok(Source::Group(text.to_owned())),
        "GroupId" => Err(not_found(
            "InvalidGroup.NotFound",
            "security group",
            &[text],
        )),
        _ if ec2.prefix_lists.contains_key(text) => Ok(Source::PrefixList(text.to_owned())),
        _ => Err(not_found(
            "InvalidPrefixListID.NotFound",
            "prefix list ID",
            &[text],
        )),
    }
}

impl Ec2 {
    /// How much of the quota rules use, for one family: a group counts in both, a prefix list as
    /// many times as it may have entries.
    fn weight(&self, rules: &[Rule], ipv6: bool) -> usize {
        let weights = rules.iter().map(|it| match &it.source {
            Source::Ipv4(_) => usize::from(!ipv6),
            Source::Ipv6(_) => usize::from(ipv6),
            Source::Group(_) => 1,
            Source::PrefixList(id) => {
                let list = self.prefix_lists.get(id);
                let list = list.filter(|it| it.ipv6 == ipv6);
                list.map_or(0, |it| it.max_entries)
            }
        });
        weights.sum()
    }
}

fn sentence(rule: &Rule) -> String {
    let peer = match &rule.source {
        Source::Ipv4(it) => it.to_string(),
        Source::Ipv6(it) => it.to_string(),
        Source::Group(it) | Source::PrefixList(it) => it.clone(),
    };
    let protocol = rule.protocol.to_uppercase();
    match (rule.from, rule.to) {
        (Some(from), Some(to)) => {
            format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
        }
        _ => format!("peer: {peer}, ALL, ALLOW"),
    }
}
