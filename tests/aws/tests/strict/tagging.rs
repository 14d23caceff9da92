//! The tagging index, which lags behind.

use std::time::Duration;

use serde_json::json;

use crate::client::{Stand, and, internal};

fn arns(answer: &serde_json::Value) -> Vec<String> {
    let list = answer["ResourceTagMappingList"].as_array().unwrap();
    list.iter()
        .map(|it| it["ResourceARN"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn changes_show_late_in_the_index_and_untagged_things_never() {
    let stand = Stand::new();
    let tagged = and(
        internal("tagged", &stand.ids.private_subnets[0]),
        &[
            ("Tags.member.1.Key", "owner"),
            ("Tags.member.1.Value", "us"),
        ],
    );
    let arn = stand
        .elb("CreateLoadBalancer", &tagged)
        .text("LoadBalancerArn");
    let bare = stand.load_balancer("bare");
    let all = json!({"ResourceTypeFilters": ["elasticloadbalancing:loadbalancer"]});
    let ours = json!({"TagFilters": [{"Key": "owner", "Values": ["us"]}]});
    assert!(arns(&stand.resources(&ours)).is_empty());
    stand.aws.advance(Duration::from_secs(59));
    assert!(arns(&stand.resources(&ours)).is_empty());
    stand.aws.advance(Duration::from_secs(1));
    assert_eq!(arns(&stand.resources(&ours)), [arn.as_str()]);
    assert_eq!(arns(&stand.resources(&all)), [arn.as_str()]);

    let change = [
        ("ResourceArns.member.1", bare.as_str()),
        ("Tags.member.1.Key", "owner"),
        ("Tags.member.1.Value", "them"),
    ];
    stand.elb("AddTags", &change);
    stand.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]);
    assert_eq!(arns(&stand.resources(&all)), [arn]);
    stand.aws.advance(Duration::from_mins(1));
    assert_eq!(arns(&stand.resources(&all)), [bare.as_str()]);
    stand.elb("RemoveTags", &[change[0], ("TagKeys.member.1", "owner")]);
    stand.aws.advance(Duration::from_mins(1));
    assert!(arns(&stand.resources(&all)).is_empty());
}

#[test]
fn every_kind_of_resource_is_found_by_its_type() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let group = stand.target_group("web", "TCP");
    let listener = stand.listener(&owner, "TCP", "80", &group);
    let eip = &stand.ids.elastic_ips[0];
    let security = &stand.ids.node_security_group;
    for id in [&owner, &group, &listener, eip, security] {
        assert!(stand.aws.tag(id, "mark", "1"));
    }
    stand.aws.advance(Duration::from_mins(1));
    for (kind, id) in [
        ("elasticloadbalancing:loadbalancer", &owner),
        ("elasticloadbalancing:targetgroup", &group),
        ("elasticloadbalancing:listener", &listener),
        ("elasticloadbalancing:listener/net", &listener),
        ("ec2:elastic-ip", eip),
        ("ec2:security-group", security),
    ] {
        let asked = json!({"ResourceTypeFilters": [kind], "TagFilters": [{"Key": "mark"}]});
        let found = arns(&stand.resources(&asked));
        assert!(
            found.len() == 1 && found[0].ends_with(id.as_str()),
            "{kind}: {found:?}"
        );
    }
    let mut asked = json!({"TagFilters": [{"Key": "mark"}], "ResourcesPerPage": 2});
    let mut seen = vec![];
    loop {
        let answer = stand.resources(&asked);
        seen.extend(arns(&answer));
        asked["PaginationToken"] = answer["PaginationToken"].clone();
        if answer["PaginationToken"] == "" {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let misspelt = stand.resources(&json!({"TagFilter": []}));
    assert_eq!(misspelt["__type"], "InvalidParameterException");
    let wrong = stand.resources(&json!({"ResourcesPerPage": 101}));
    assert_eq!(wrong["__type"], "InvalidParameterException");
}
