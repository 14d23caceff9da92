//! Security groups: what holds them back, and rules that change all or none.

use std::time::Duration;

use landfall_test_aws::{Options, Quotas, World};

use crate::client::{Stand, and, internal};

fn created(stand: &Stand, name: &str) -> String {
    let parameters = [
        ("GroupName", name),
        ("GroupDescription", "for a test"),
        ("VpcId", &stand.ids.vpc),
    ];
    stand
        .ec2("CreateSecurityGroup", &parameters)
        .text("groupId")
}

/// TCP on one port from one block.
fn rule<'a>(group: &'a str, port: &'a str, block: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("GroupId", group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", port),
        ("IpPermissions.1.ToPort", port),
        ("IpPermissions.1.IpRanges.1.CidrIp", block),
    ]
}

#[test]
fn a_security_group_has_a_name_of_its_own_and_its_tags_at_once() {
    let stand = Stand::new();
    let parameters = [
        ("GroupName", "web"),
        ("GroupDescription", "for a test"),
        ("VpcId", &stand.ids.vpc),
        ("TagSpecification.1.ResourceType", "security-group"),
        ("TagSpecification.1.Tag.1.Key", "owner"),
        ("TagSpecification.1.Tag.1.Value", "us"),
    ];
    let id = stand
        .ec2("CreateSecurityGroup", &parameters)
        .text("groupId");
    let code = stand.ec2_refuses("CreateSecurityGroup", &parameters);
    assert_eq!(code, "InvalidGroup.Duplicate");
    let filter = [("Filter.1.Name", "tag:owner"), ("Filter.1.Value.1", "us")];
    let shown = stand.ec2("DescribeSecurityGroups", &filter);
    assert_eq!(shown.texts("groupId"), [id]);
}

#[test]
fn a_security_group_in_use_or_named_by_another_stays() {
    let stand = Stand::new();
    let (used, named) = (created(&stand, "used"), created(&stand, "named"));
    let parameters = and(
        internal("web", &stand.ids.private_subnets[0]),
        &[("SecurityGroups.member.1", &used)],
    );
    let arn = stand
        .elb("CreateLoadBalancer", &parameters)
        .text("LoadBalancerArn");
    let from = [
        ("GroupId", stand.ids.node_security_group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.Groups.1.GroupId", &named),
    ];
    stand.ec2("AuthorizeSecurityGroupIngress", &from);
    for id in [&used, &named, &stand.ids.node_security_group] {
        let code = stand.ec2_refuses("DeleteSecurityGroup", &[("GroupId", id)]);
        assert_eq!(code, "DependencyViolation");
    }
    stand.ec2("RevokeSecurityGroupIngress", &from);
    stand.ec2("DeleteSecurityGroup", &[("GroupId", &named)]);
    stand.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]);
    stand.aws.advance(Duration::from_secs(59));
    let this = [("GroupId", used.as_str())];
    assert_eq!(
        stand.ec2_refuses("DeleteSecurityGroup", &this),
        "DependencyViolation"
    );
    stand.aws.advance(Duration::from_secs(1));
    stand.ec2("DeleteSecurityGroup", &this);
    assert_eq!(
        stand.ec2_refuses("DeleteSecurityGroup", &this),
        "InvalidGroup.NotFound"
    );
}

#[test]
fn rules_are_added_and_removed_all_or_none() {
    let stand = Stand::new();
    let id = created(&stand, "web");
    let one = rule(&id, "80", "10.1.2.3/8");
    stand.ec2("AuthorizeSecurityGroupIngress", &one);
    assert_eq!(stand.aws.rules(&id)[0].from, Some(80));
    let second = ("IpPermissions.1.IpRanges.2.CidrIp", "192.168.0.0/16");
    let both = and(one.clone(), &[second]);
    let code = stand.ec2_refuses("AuthorizeSecurityGroupIngress", &both);
    assert_eq!(code, "InvalidPermission.Duplicate");
    assert_eq!(stand.aws.rules(&id).len(), 1);
    let code = stand.ec2_refuses("RevokeSecurityGroupIngress", &both);
    assert_eq!(code, "InvalidPermission.NotFound");
    assert_eq!(stand.aws.rules(&id).len(), 1);
    let twice = and(
        one.clone(),
        &[("IpPermissions.1.IpRanges.2.CidrIp", "10.0.0.0/8")],
    );
    let code = stand.ec2_refuses("AuthorizeSecurityGroupIngress", &twice);
    assert_eq!(code, "InvalidParameterValue");
    let rule = stand.aws.rules(&id)[0].id.clone();
    let by_id = |rule: &str| {
        [
            ("GroupId".to_owned(), id.clone()),
            ("SecurityGroupRuleId.1".to_owned(), rule.to_owned()),
        ]
    };
    let unknown = by_id("sgr-0");
    let unknown: Vec<_> = unknown
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    let code = stand.ec2_refuses("RevokeSecurityGroupIngress", &unknown);
    assert_eq!(code, "InvalidSecurityGroupRuleId.NotFound");
    stand.ec2(
        "RevokeSecurityGroupIngress",
        &[unknown[0], ("SecurityGroupRuleId.1", &rule)],
    );
    assert!(stand.aws.rules(&id).is_empty());
}

#[test]
fn rules_carry_tags_and_descriptions_and_are_found_by_them() {
    let stand = Stand::new();
    let id = created(&stand, "web");
    let more = [
        ("IpPermissions.1.IpRanges.1.Description", "from the office"),
        ("TagSpecification.1.ResourceType", "security-group-rule"),
        ("TagSpecification.1.Tag.1.Key", "owner"),
        ("TagSpecification.1.Tag.1.Value", "us"),
    ];
    stand.ec2(
        "AuthorizeSecurityGroupIngress",
        &and(rule(&id, "80", "10.0.0.0/8"), &more),
    );
    stand.ec2(
        "AuthorizeSecurityGroupIngress",
        &rule(&id, "81", "10.0.0.0/8"),
    );
    let filters = [
        ("Filter.1.Name", "group-id"),
        ("Filter.1.Value.1", id.as_str()),
        ("Filter.2.Name", "tag:owner"),
        ("Filter.2.Value.1", "us"),
    ];
    let shown = stand.ec2("DescribeSecurityGroupRules", &filters);
    assert_eq!(shown.texts("fromPort"), ["80"]);
    assert_eq!(shown.text("description"), "from the office");
    let odd = and(
        rule(&id, "82", "10.0.0.0/8"),
        &[("IpPermissions.1.IpRanges.1.Description", "ä")],
    );
    let code = stand.ec2_refuses("AuthorizeSecurityGroupIngress", &odd);
    assert_eq!(code, "InvalidParameterValue");
}

#[test]
fn a_prefix_list_counts_as_many_rules_as_it_may_have_entries() {
    let options = Options {
        quotas: Quotas {
            rules: 11,
            ..Quotas::default()
        },
        ..Options::default()
    };
    let stand = Stand::with(options, &World::default());
    let id = created(&stand, "web");
    let list = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        (
            "IpPermissions.1.PrefixListIds.1.PrefixListId",
            &stand.ids.prefix_lists[0],
        ),
    ];
    stand.ec2("AuthorizeSecurityGroupIngress", &list);
    stand.ec2(
        "AuthorizeSecurityGroupIngress",
        &rule(&id, "80", "10.0.0.0/8"),
    );
    let code = stand.ec2_refuses(
        "AuthorizeSecurityGroupIngress",
        &rule(&id, "81", "10.0.0.0/8"),
    );
    assert_eq!(code, "RulesPerSecurityGroupLimitExceeded");
    let ipv6 = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0"),
    ];
    stand.ec2("AuthorizeSecurityGroupIngress", &ipv6);
}
