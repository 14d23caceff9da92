//! Lists in pages, and how much one call may ask for.

use std::collections::BTreeSet;

use crate::client::Stand;

/// Walks all pages, and does something after the first.
fn walk(
    page: impl Fn(Option<&str>) -> (Vec<String>, Option<String>),
    after_first: impl FnOnce(),
) -> Vec<String> {
    let (mut all, mut next) = page(None);
    after_first();
    while let Some(marker) = next {
        let (more, following) = page(Some(&marker));
        all.extend(more);
        next = following;
        assert!(all.len() < 100, "the pages do not end");
    }
    all
}

#[test]
fn pages_of_load_balancers_survive_what_comes_and_goes_between_them() {
    let stand = Stand::new();
    let names: BTreeSet<_> = (0..9).map(|it| format!("lb-{it}")).collect();
    for name in &names {
        stand.load_balancer(name);
    }
    let page = |marker: Option<&str>| {
        let mut parameters = vec![("PageSize", "2")];
        parameters.extend(marker.map(|it| ("Marker", it)));
        let shown = stand.elb("DescribeLoadBalancers", &parameters);
        let next = shown.texts("NextMarker").into_iter().next();
        (shown.texts("LoadBalancerName"), next)
    };
    let seen = walk(page, || {
        stand.load_balancer("aa");
        stand
            .aws
            .delete_load_balancer(&stand.aws.load_balancers()[1].arn);
    });
    let unique: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(unique.len(), seen.len(), "one was shown twice: {seen:?}");
    let gone = names.difference(&unique).count();
    assert!(gone <= 1, "{seen:?}");
    let code = stand.elb_refuses("DescribeLoadBalancers", &[("PageSize", "401")]);
    assert_eq!(code, "ValidationError");
    let code = stand.elb_refuses("DescribeLoadBalancers", &[("Marker", "lb-1")]);
    assert_eq!(code, "ValidationError");
}

#[test]
fn target_groups_and_listeners_and_subnets_have_pages_too() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    for index in 0..5 {
        let group = stand.target_group(&format!("g{index}"), "TCP");
        stand.listener(&owner, "TCP", &format!("8{index}"), &group);
    }
    let this = ("LoadBalancerArn", owner.as_str());
    for (action, name, more) in [
        ("DescribeTargetGroups", "TargetGroupName", vec![]),
        ("DescribeTargetGroups", "TargetGroupName", vec![this]),
        ("DescribeListeners", "ListenerArn", vec![this]),
    ] {
        let page = |marker: Option<&str>| {
            let mut parameters = more.clone();
            parameters.push(("PageSize", "2"));
            parameters.extend(marker.map(|it| ("Marker", it)));
            let shown = stand.elb(action, &parameters);
            assert!(shown.texts(name).len() <= 2);
            (
                shown.texts(name),
                shown.texts("NextMarker").into_iter().next(),
            )
        };
        assert_eq!(walk(page, || {}).len(), 5, "{action}");
    }
    let page = |token: Option<&str>| {
        let mut parameters = vec![("MaxResults", "5")];
        parameters.extend(token.map(|it| ("NextToken", it)));
        let shown = stand.ec2("DescribeSubnets", &parameters);
        (
            shown.texts("subnetId"),
            shown.texts("nextToken").into_iter().next(),
        )
    };
    assert_eq!(walk(page, || {}).len(), 6);
    let code = stand.ec2_refuses("DescribeSubnets", &[("MaxResults", "4")]);
    assert_eq!(code, "InvalidParameterValue");
}

#[test]
fn calls_take_as_many_arns_as_aws_documents() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let names: Vec<_> = (1..=21)
        .map(|it| {
            (
                format!("LoadBalancerArns.member.{it}"),
                format!("{arn}{it}"),
            )
        })
        .collect();
    let many: Vec<_> = names
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(
        stand.elb_refuses("DescribeLoadBalancers", &many),
        "ValidationError"
    );
    let names: Vec<_> = (1..=21)
        .map(|it| (format!("ResourceArns.member.{it}"), format!("{arn}{it}")))
        .collect();
    let many: Vec<_> = names
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(stand.elb_refuses("DescribeTags", &many), "ValidationError");
    let unknown = format!("{arn}0");
    let both = [
        ("ResourceArns.member.1", arn.as_str()),
        ("ResourceArns.member.2", &unknown),
    ];
    assert_eq!(
        stand.elb_refuses("DescribeTags", &both),
        "LoadBalancerNotFound"
    );
    stand.elb("DescribeTags", &both[..1]);
}
