//! Attributes, and what can be set after creation.

use crate::client::{Stand, and, group, internal, lent};

#[test]
fn attributes_are_complete_and_unknown_ones_are_refused() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let shown = stand.elb(
        "DescribeLoadBalancerAttributes",
        &[("LoadBalancerArn", &arn)],
    );
    let keys = shown.texts("Key");
    for key in [
        "access_logs.s3.enabled",
        "deletion_protection.enabled",
        "dns_record.client_routing_policy",
        "load_balancing.cross_zone.enabled",
        "zonal_shift.config.enabled",
    ] {
        assert!(keys.iter().any(|it| it == key), "{key}: {keys:?}");
    }
    for (key, value, wanted) in [
        ("no.such.key", "1", "ValidationError"),
        (
            "idle_timeout.timeout_seconds",
            "60",
            "InvalidConfigurationRequest",
        ),
        ("deletion_protection.enabled", "yes", "ValidationError"),
        (
            "access_logs.s3.enabled",
            "true",
            "InvalidConfigurationRequest",
        ),
    ] {
        let parameters = [
            ("LoadBalancerArn", arn.as_str()),
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ];
        let code = stand.elb_refuses("ModifyLoadBalancerAttributes", &parameters);
        assert_eq!(code, wanted, "{key}");
    }
}

#[test]
fn defaults_of_target_groups_follow_protocol_and_target_type() {
    let stand = Stand::new();
    for (name, protocol, kind, preserved, ended) in [
        ("a", "TCP", "instance", "true", "false"),
        ("b", "TCP", "ip", "false", "false"),
        ("c", "UDP", "ip", "true", "true"),
        ("d", "TLS", "ip", "false", "false"),
        ("e", "TCP_UDP", "instance", "true", "true"),
    ] {
        let parameters = and(
            group(name, protocol, &stand.ids.vpc),
            &[("TargetType", kind)],
        );
        let arn = stand
            .elb("CreateTargetGroup", &parameters)
            .text("TargetGroupArn");
        let shown = stand.elb("DescribeTargetGroupAttributes", &[("TargetGroupArn", &arn)]);
        let (keys, values) = (shown.texts("Key"), shown.texts("Value"));
        let value = |key: &str| {
            let index = keys.iter().position(|it| it == key).unwrap();
            values[index].clone()
        };
        assert_eq!(
            value("preserve_client_ip.enabled"),
            preserved,
            "{protocol} {kind}"
        );
        let key = "deregistration_delay.connection_termination.enabled";
        assert_eq!(value(key), ended, "{protocol} {kind}");
        assert_eq!(value("proxy_protocol_v2.enabled"), "false");
    }
}

#[test]
fn security_groups_cannot_be_set_on_a_load_balancer_without_any() {
    let stand = Stand::new();
    let own = &stand.ids.node_security_group;
    let set = |arn: &str, group: &str| {
        vec![
            ("LoadBalancerArn".to_owned(), arn.to_owned()),
            ("SecurityGroups.member.1".to_owned(), group.to_owned()),
        ]
    };
    let bare = set(&stand.load_balancer("bare"), own);
    let code = stand.elb_refuses("SetSecurityGroups", &lent(&bare));
    assert_eq!(code, "InvalidConfigurationRequest");
    let parameters = and(
        internal("clad", &stand.ids.private_subnets[0]),
        &[("SecurityGroups.member.1", own)],
    );
    let shown = stand.elb("CreateLoadBalancer", &parameters);
    let switch = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic";
    assert_eq!(shown.text(switch), "on");
    let arn = shown.text("LoadBalancerArn");
    let code = stand.elb_refuses("SetSecurityGroups", &lent(&set(&arn, "sg-0")));
    assert_eq!(code, "InvalidSecurityGroup");
    let clad = set(&arn, own);
    let answer = stand.elb("SetSecurityGroups", &and(lent(&clad), &[(switch, "off")]));
    assert_eq!(answer.text(switch), "off");
    let shown = stand.elb("DescribeLoadBalancers", &[("Names.member.1", "clad")]);
    assert_eq!(shown.text(switch), "off");
}

#[test]
fn zones_come_and_go_but_their_subnets_stay() {
    let stand = Stand::new();
    let (private, public) = (&stand.ids.private_subnets, &stand.ids.public_subnets);
    let arn = stand.load_balancer("web");
    let this = ("LoadBalancerArn", arn.as_str());
    let both = [
        this,
        ("Subnets.member.1", &private[0]),
        ("Subnets.member.2", &private[1]),
    ];
    assert_eq!(
        stand.elb("SetSubnets", &both).texts("ZoneName"),
        stand.ids.zones[..2]
    );
    let other = [
        this,
        ("Subnets.member.1", &public[0]),
        ("Subnets.member.2", &private[1]),
    ];
    assert_eq!(
        stand.elb_refuses("SetSubnets", &other),
        "InvalidConfigurationRequest"
    );
    let last = [this, ("Subnets.member.1", private[1].as_str())];
    assert_eq!(
        stand.elb("SetSubnets", &last).texts("ZoneName"),
        stand.ids.zones[1..2]
    );
    let gone = [this, ("Subnets.member.1", "subnet-0")];
    assert_eq!(stand.elb_refuses("SetSubnets", &gone), "SubnetNotFound");
}

#[test]
fn udp_on_dual_stack_needs_a_prefix_to_send_from() {
    let stand = Stand::new();
    let parameters = and(
        internal("web", &stand.ids.private_subnets[0]),
        &[("IpAddressType", "dualstack")],
    );
    let shown = stand.elb("CreateLoadBalancer", &parameters);
    assert!(shown.text("IPv6Address").contains(':'));
    let arn = shown.text("LoadBalancerArn");
    let group = stand.target_group("udp", "UDP");
    let udp = crate::client::listener(&arn, "UDP", "53", &group);
    assert_eq!(
        stand.elb_refuses("CreateListener", &udp),
        "InvalidConfigurationRequest"
    );
    let switch = "EnablePrefixForIpv6SourceNat";
    let subnets = [
        ("LoadBalancerArn", arn.as_str()),
        ("Subnets.member.1", &stand.ids.private_subnets[0]),
    ];
    stand.elb("SetSubnets", &and(subnets.to_vec(), &[(switch, "on")]));
    stand.elb("CreateListener", &udp);
    let off = and(subnets.to_vec(), &[(switch, "off")]);
    assert_eq!(
        stand.elb_refuses("SetSubnets", &off),
        "InvalidConfigurationRequest"
    );
}
