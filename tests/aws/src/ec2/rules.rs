//! Rules of security groups: one per source, each with an identifier of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::{Value, json};

use super::filters::Filters;
use super::listing::{Listing, not_found, shown_tags};
use crate::Map;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    /// Whether it is for what leaves.
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub protocol: String,
    /// First port, or type of ICMP; `None` where ports mean nothing.
    pub from: Option<i32>,
    /// Last port, or code of ICMP.
    pub to: Option<i32>,
    /// Who may come.
    pub source: Source,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Map,
}

/// Who a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub enum Source {
    /// A block of IPv4 addresses.
    Ipv4(Ipv4Net),
    /// A block of IPv6 addresses.
    Ipv6(Ipv6Net),
    /// Whoever has this security group.
    Group(String),
    /// The blocks of a prefix list.
    PrefixList(String),
}

impl Rule {
    /// The rule that each new group has: everything may leave.
    pub(crate) fn all_out(id: String) -> Self {
        Self {
            id,
            egress: true,
            protocol: "-1".to_owned(),
            from: None,
            to: None,
            source: Source::Ipv4(Ipv4Net::default()),
            description: None,
            tags: Map::new(),
        }
    }

    /// Whether both let the same in: descriptions and tags aside.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (
            self.egress,
            &self.protocol,
            self.from,
            self.to,
            &self.source,
        ) == (
            other.egress,
            &other.protocol,
            other.from,
            other.to,
            &other.source,
        )
    }
}

/// Rules in the older form, where those of one protocol and ports are one permission.
pub(super) fn shown_permissions(rules: &[Rule], egress: bool, account: &str) -> Value {
    let mut permissions: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in rules.iter().filter(|it| it.egress == egress) {
        let key = (&rule.protocol, rule.from, rule.to);
        permissions.entry(key).or_default().push(rule);
    }
    let shown = permissions
        .into_iter()
        .map(|((protocol, from, to), rules)| {
            let (mut ipv4, mut ipv6, mut groups, mut lists) = (vec![], vec![], vec![], vec![]);
            for rule in rules {
                let text = &rule.description;
                match &rule.source {
                    Source::Ipv4(it) => ipv4.push(json!({"cidrIp": it, "description": text})),
                    Source::Ipv6(it) => ipv6.push(json!({"cidrIpv6": it, "description": text})),
                    Source::Group(it) => {
                        groups.push(json!({"groupId": it, "userId": account, "description": text}));
                    }
                    Source::PrefixList(it) => {
                        lists.push(json!({"prefixListId": it, "description": text}));
                    }
                }
            }
            json!({
                "ipProtocol": protocol, "fromPort": from, "toPort": to, "ipRanges": ipv4,
                "ipv6Ranges": ipv6, "groups": groups, "prefixListIds": lists,
            })
        });
    shown.collect()
}

/// A rule in the newer form.
pub(super) fn shown_rule(group: &str, rule: &Rule, account: &str) -> Value {
    let mut shown = json!({
        "securityGroupRuleId": rule.id, "groupId": group, "groupOwnerId": account,
        "isEgress": rule.egress, "ipProtocol": rule.protocol,
        "fromPort": rule.from.unwrap_or(-1), "toPort": rule.to.unwrap_or(-1),
        "description": rule.description, "tagSet": shown_tags(&rule.tags),
    });
    let (key, value) = match &rule.source {
        Source::Ipv4(it) => ("cidrIpv4", json!(it)),
        Source::Ipv6(it) => ("cidrIpv6", json!(it)),
        Source::Group(it) => (
            "referencedGroupInfo",
            json!({"groupId": it, "userId": account}),
        ),
        Source::PrefixList(it) => ("prefixListId", json!(it)),
    };
    shown[key] = value;
    shown
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, &["group-id", "security-group-rule-id"])?;
    let ids = parameters.list("SecurityGroupRuleId");
    let groups = state.ec2.security_groups.values();
    let all = groups.flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let found: Vec<_> = all
        .filter(|(_, rule)| ids.is_empty() || ids.contains(&rule.id))
        .collect();
    let missing = ids
        .iter()
        .find(|id| !found.iter().any(|(_, rule)| rule.id == **id));
    if let Some(id) = missing {
        let code = "InvalidSecurityGroupRuleId.NotFound";
        return Err(not_found(code, "security group rule ID", &[id]));
    }
    let found = found.into_iter().filter(|(group, rule)| {
        filters.pass(&rule.tags, |name| {
            let value = if name == "group-id" {
                &group.id
            } else {
                &rule.id
            };
            vec![value.clone()]
        })
    });
    let mut found: Vec<_> = found
        .map(|(group, rule)| (rule.id.clone(), (group, rule)))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let listing = Listing::of("securityGroupRuleSet");
    listing.answer(parameters, found, |(group, rule)| {
        shown_rule(&group.id, rule, &state.options.account)
    })
}
