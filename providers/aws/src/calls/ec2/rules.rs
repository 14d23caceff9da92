//! Rules of security groups for what comes in.

use ipnet::IpNet;
use roxmltree::Node;

use super::query::Params;
use super::xml::{Element, Unreadable};
use crate::calls::actions::{
    AUTHORIZE_SECURITY_GROUP_INGRESS, DESCRIBE_SECURITY_GROUP_RULES, REVOKE_SECURITY_GROUP_INGRESS,
};
use crate::calls::{Calls, Priority, Refusal, Result, TagFilter, Tags};

/// From where a rule lets traffic in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RuleSource {
    /// A range of addresses of either family.
    Cidr(IpNet),
    /// A prefix list, `pl-…`.
    PrefixList(String),
    /// A security group, `sg-…`.
    Group(String),
}

/// What a security group lets in (`IpPermission` with one source).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Rule {
    /// `ipProtocol`, as AWS writes it: `tcp`, `udp`, `icmp`, `icmpv6`, `-1` for all, or a number.
    pub(crate) protocol: String,
    /// `fromPort`: the first port, or the type of ICMP; −1 is any.
    pub(crate) from: i32,
    /// `toPort`: the last port, or the code of ICMP; −1 is any.
    pub(crate) to: i32,
    pub(crate) source: RuleSource,
    /// `description`; empty if there is none.
    pub(crate) description: String,
}

/// A rule that is there (`SecurityGroupRule`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityGroupRule {
    /// `securityGroupRuleId`: `sgr-…`.
    pub(crate) id: String,
    /// `groupId`
    pub(crate) group: String,
    pub(crate) rule: Rule,
    /// `tagSet`
    pub(crate) tags: Tags,
}

/// Rules to be taken away.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Revoked<'a> {
    /// By what they let in. One that is gone is success.
    Rules(&'a [Rule]),
}

impl Calls {
    /// The rules of these groups for what comes in (`DescribeSecurityGroupRules`). A group that
    /// does not exist has none.
    pub(crate) async fn rules(
        &self,
        priority: Priority,
        groups: &[String],
    ) -> Result<Vec<SecurityGroupRule>> {
        let (action, having) = (&DESCRIBE_SECURITY_GROUP_RULES, ("group-id", groups));
        let params = Params::new().with("MaxResults", 1000);
        let all = self.ec2_having(
            action,
            priority,
            params,
            having,
            "securityGroupRuleSet",
            rule,
        );
        Ok(all.await?.into_iter().flatten().collect())
    }

    /// The rules for what comes in that bear all of these tags, in whatever group.
    pub(crate) async fn tagged_rules(
        &self,
        priority: Priority,
        filters: &[TagFilter<'_>],
    ) -> Result<Vec<SecurityGroupRule>> {
        let action = &DESCRIBE_SECURITY_GROUP_RULES;
        let params = Params::new().with("MaxResults", 1000).tagged(filters);
        let all = self.ec2_pages(action, priority, params, "securityGroupRuleSet", rule);
        Ok(all.await?.into_iter().flatten().collect())
    }

    /// Adds rules, all or none. One that is there already, whatever its description, is `Exists`.
    pub(crate) async fn authorize(
        &self,
        priority: Priority,
        group: &str,
        rules: &[Rule],
    ) -> Result<()> {
        self.authorize_tagged(priority, group, rules, &Tags::new())
            .await
    }

    /// The same, and they bear these tags from the beginning.
    pub(crate) async fn authorize_tagged(
        &self,
        priority: Priority,
        group: &str,
        rules: &[Rule],
        tags: &Tags,
    ) -> Result<()> {
        let params = permissions(Params::new().with("GroupId", group), rules);
        let params = params.tagging("security-group-rule", tags);
        let action = &AUTHORIZE_SECURITY_GROUP_INGRESS;
        self.ec2(action, priority, group, &params, |_| Ok(())).await
    }

    /// Takes rules away.
    pub(crate) async fn revoke(
        &self,
        priority: Priority,
        group: &str,
        rules: Revoked<'_>,
    ) -> Result<()> {
        let Revoked::Rules(rules) = rules;
        let params = Params::new().with("GroupId", group);
        let together = permissions(params.clone(), rules);
        match self.revoke_these(priority, group, &together).await {
            Err(refusal) if is_no_rule(&refusal) => {}
            revoked => return revoked,
        }
        // One of them is gone, and AWS may have left the others.
        for one in rules.chunks(1) {
            let params = permissions(params.clone(), one);
            match self.revoke_these(priority, group, &params).await {
                Err(refusal) if is_no_rule(&refusal) => {}
                revoked => revoked?,
            }
        }
        Ok(())
    }
}

impl Calls {
    async fn revoke_these(&self, priority: Priority, group: &str, params: &Params) -> Result<()> {
        let action = &REVOKE_SECURITY_GROUP_INGRESS;
        self.ec2(action, priority, group, params, |_| Ok(())).await
    }
}

fn is_no_rule(refusal: &Refusal) -> bool {
    &*refusal.code == "InvalidPermission.NotFound"
}

fn permissions(params: Params, rules: &[Rule]) -> Params {
    (1..).zip(rules).fold(params, |params, (place, rule)| {
        let it = format!("IpPermissions.{place}");
        let mut params = params.with(format!("{it}.IpProtocol"), &rule.protocol);
        if rule.protocol != "-1" {
            params = params
                .with(format!("{it}.FromPort"), rule.from)
                .with(format!("{it}.ToPort"), rule.to);
        }
        let (set, name, source) = match &rule.source {
            RuleSource::Cidr(range @ IpNet::V4(_)) => ("IpRanges", "CidrIp", range.to_string()),
            RuleSource::Cidr(range @ IpNet::V6(_)) => ("Ipv6Ranges", "CidrIpv6", range.to_string()),
            RuleSource::PrefixList(id) => ("PrefixListIds", "PrefixListId", id.clone()),
            RuleSource::Group(id) => ("Groups", "GroupId", id.clone()),
        };
        params = params.with(format!("{it}.{set}.1.{name}"), source);
        if rule.description.is_empty() {
            params
        } else {
            params.with(format!("{it}.{set}.1.Description"), &rule.description)
        }
    })
}

/// `None` for a rule for what goes out.
fn rule(item: Node<'_, '_>) -> std::result::Result<Option<SecurityGroupRule>, Unreadable> {
    if item.text_of("isEgress") == Some("true") {
        return Ok(None);
    }
    let referenced = item.inside("referencedGroupInfo");
    let source = if let Some(range) = item.parsed("cidrIpv4")? {
        RuleSource::Cidr(range)
    } else if let Some(range) = item.parsed("cidrIpv6")? {
        RuleSource::Cidr(range)
    } else if let Some(id) = item.text_of("prefixListId") {
        RuleSource::PrefixList(id.to_owned())
    } else {
        let referenced = referenced.ok_or_else(|| Unreadable::Missing {
            inside: "item".to_owned(),
            name: "referencedGroupInfo".to_owned(),
        });
        RuleSource::Group(referenced?.required("groupId")?)
    };
    Ok(Some(SecurityGroupRule {
        id: item.required("securityGroupRuleId")?,
        group: item.required("groupId")?,
        rule: Rule {
            protocol: item.required("ipProtocol")?,
            from: item.parsed("fromPort")?.unwrap_or(-1),
            to: item.parsed("toPort")?.unwrap_or(-1),
            source,
            description: item.string_of("description"),
        },
        tags: item.tags(),
    }))
}
