//! Load balancers: names, idempotent creation, subnets, protection, quotas.

use std::time::Duration;

use landfall_test_aws::{Options, Quotas, World};

use crate::client::{Stand, and, internal};

/// A subnet, other parameters, and the code that they are refused with.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn a_network_load_balancer_has_the_arn_and_dns_name_that_aws_gives() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let (head, hex) = arn.rsplit_once('/').unwrap();
    assert_eq!(
        head,
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/web"
    );
    assert!(
        hex.len() == 16 && u64::from_str_radix(hex, 16).is_ok(),
        "{hex}"
    );
    let shown = stand.elb("DescribeLoadBalancers", &[("Names.member.1", "web")]);
    assert_eq!(
        shown.text("DNSName"),
        format!("web-{hex}.elb.eu-central-1.amazonaws.com")
    );
    assert_eq!(shown.text("VpcId"), stand.ids.vpc);
}

#[test]
fn the_same_load_balancer_is_created_once_and_another_of_its_name_never() {
    let stand = Stand::new();
    let subnet = &stand.ids.private_subnets[0];
    let arn = stand.load_balancer("web");
    assert_eq!(stand.load_balancer("web"), arn);
    let group = &stand.ids.node_security_group;
    for different in [
        ("SecurityGroups.member.1", group.as_str()),
        ("IpAddressType", "dualstack"),
        ("Subnets.member.2", &stand.ids.private_subnets[1]),
        ("Tags.member.1.Key", "owner"),
    ] {
        let code = stand.elb_refuses(
            "CreateLoadBalancer",
            &and(internal("web", subnet), &[different]),
        );
        assert_eq!(code, "DuplicateLoadBalancerName", "{different:?}");
    }
    assert_eq!(stand.aws.load_balancers().len(), 1);
}

#[test]
fn names_that_aws_does_not_take_are_refused() {
    let stand = Stand::new();
    let subnet = &stand.ids.private_subnets[0];
    let long = "a".repeat(33);
    for name in ["-web", "web-", "internal-web", "we_b", "w.b", &long] {
        let code = stand.elb_refuses("CreateLoadBalancer", &internal(name, subnet));
        assert_eq!(code, "ValidationError", "{name}");
    }
    stand.load_balancer(&"a".repeat(32));
}

#[test]
fn subnets_that_cannot_hold_a_load_balancer_are_refused() {
    let world = World {
        ipv6: false,
        ..World::default()
    };
    let stand = Stand::with(Options::default(), &world);
    let (private, public) = (&stand.ids.private_subnets, &stand.ids.public_subnets);
    assert!(
        stand
            .aws
            .alter_subnet(&private[2], |it| it.reserved = it.free() - 7)
    );
    let table: [Row<'_>; 6] = [
        ("subnet-0000", &[], "SubnetNotFound"),
        (
            &private[0],
            &[("Subnets.member.2", &public[0])],
            "InvalidConfigurationRequest",
        ),
        (
            &private[0],
            &[("Scheme", "internet-facing")],
            "InvalidSubnet",
        ),
        (&private[2], &[], "InvalidSubnet"),
        (
            &private[0],
            &[("IpAddressType", "dualstack")],
            "InvalidConfigurationRequest",
        ),
        (
            &private[0],
            &[("SecurityGroups.member.1", "sg-0")],
            "InvalidSecurityGroup",
        ),
    ];
    for (subnet, more, wanted) in table {
        let code = stand.elb_refuses("CreateLoadBalancer", &and(internal("web", subnet), more));
        assert_eq!(code, wanted, "{subnet} {more:?}");
    }
    assert!(stand.aws.alter_subnet(&private[2], |it| it.reserved -= 1));
    stand.elb("CreateLoadBalancer", &internal("web", &private[2]));
}

#[test]
fn a_new_load_balancer_is_provisioning_for_a_while() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let state = || {
        let shown = stand.elb(
            "DescribeLoadBalancers",
            &[("LoadBalancerArns.member.1", &arn)],
        );
        shown.text("State")
    };
    assert_eq!(state(), "<Code>provisioning</Code>");
    stand.aws.advance(Duration::from_secs(119));
    assert_eq!(state(), "<Code>provisioning</Code>");
    stand.aws.advance(Duration::from_secs(1));
    assert_eq!(state(), "<Code>active</Code>");
}

#[test]
fn deletion_protection_protects_and_deletion_can_be_repeated() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let set = |value: &str| {
        let parameters = [
            ("LoadBalancerArn", arn.as_str()),
            ("Attributes.member.1.Key", "deletion_protection.enabled"),
            ("Attributes.member.1.Value", value),
        ];
        stand.elb("ModifyLoadBalancerAttributes", &parameters);
    };
    let this = [("LoadBalancerArn", arn.as_str())];
    set("true");
    assert_eq!(
        stand.elb_refuses("DeleteLoadBalancer", &this),
        "OperationNotPermitted"
    );
    set("false");
    stand.elb("DeleteLoadBalancer", &this);
    stand.elb("DeleteLoadBalancer", &this);
    assert_eq!(
        stand.elb_refuses("DescribeLoadBalancerAttributes", &this),
        "LoadBalancerNotFound"
    );
}

#[test]
fn quotas_end_what_can_be_created() {
    let options = Options {
        quotas: Quotas {
            load_balancers: 1,
            target_groups: 2,
            listeners: 1,
            targets: 1,
            ..Quotas::default()
        },
        ..Options::default()
    };
    let stand = Stand::with(options, &World::default());
    let subnet = &stand.ids.private_subnets[0];
    let owner = stand.load_balancer("one");
    stand.load_balancer("one");
    let code = stand.elb_refuses("CreateLoadBalancer", &internal("two", subnet));
    assert_eq!(code, "TooManyLoadBalancers");
    let group = stand.target_group("one", "TCP");
    stand.target_group("two", "TCP");
    let third = crate::client::group("three", "TCP", &stand.ids.vpc);
    assert_eq!(
        stand.elb_refuses("CreateTargetGroup", &third),
        "TooManyTargetGroups"
    );
    stand.listener(&owner, "TCP", "80", &group);
    let second = crate::client::listener(&owner, "TCP", "81", &group);
    assert_eq!(
        stand.elb_refuses("CreateListener", &second),
        "TooManyListeners"
    );
    let targets = [
        ("TargetGroupArn", group.as_str()),
        ("Targets.member.1.Id", &stand.ids.nodes[0].id),
        ("Targets.member.2.Id", &stand.ids.nodes[1].id),
    ];
    assert_eq!(
        stand.elb_refuses("RegisterTargets", &targets),
        "TooManyTargets"
    );
}
