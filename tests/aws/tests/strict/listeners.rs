//! Listeners: one per port, with target groups that suit them.

use crate::client::{Stand, and, lent, listener};

#[test]
fn one_listener_has_a_port_and_the_same_is_created_once() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let (tcp, udp) = (
        stand.target_group("tcp", "TCP"),
        stand.target_group("udp", "UDP"),
    );
    let arn = stand.listener(&owner, "TCP", "53", &tcp);
    assert_eq!(stand.listener(&owner, "TCP", "53", &tcp), arn);
    let other = listener(&owner, "UDP", "53", &udp);
    assert_eq!(
        stand.elb_refuses("CreateListener", &other),
        "DuplicateListener"
    );
    let second = stand.listener(&owner, "UDP", "54", &udp);
    let moved = [("ListenerArn", second.as_str()), ("Port", "53")];
    assert_eq!(
        stand.elb_refuses("ModifyListener", &moved),
        "DuplicateListener"
    );
}

#[test]
fn protocols_that_do_not_go_together_are_refused() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    for (index, (of_listener, of_group, fits)) in [
        ("TCP", "UDP", false),
        ("UDP", "TCP", false),
        ("TCP_UDP", "TCP", false),
        ("TCP", "TLS", false),
        ("UDP", "TCP_UDP", true),
        ("TCP_UDP", "TCP_UDP", true),
    ]
    .into_iter()
    .enumerate()
    {
        let group = stand.target_group(&format!("g{index}"), of_group);
        let port = format!("{}", 80 + index);
        let parameters = listener(&owner, of_listener, &port, &group);
        if fits {
            stand.elb("CreateListener", &parameters);
        } else {
            let code = stand.elb_refuses("CreateListener", &parameters);
            assert_eq!(code, "IncompatibleProtocols", "{of_listener} {of_group}");
        }
    }
}

#[test]
fn tls_needs_a_certificate_that_is_there() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let group = stand.target_group("web", "TCP");
    let base = listener(&owner, "TLS", "443", &group);
    let first = (
        "Certificates.member.1.CertificateArn",
        stand.ids.certificates[0].as_str(),
    );
    let missing = "arn:aws:acm:eu-central-1:123456789012:certificate/no";
    let table: [(&[(&str, &str)], &str); 4] = [
        (&[], "ValidationError"),
        (&[(first.0, missing)], "CertificateNotFound"),
        (&[first, ("SslPolicy", "Old")], "SSLPolicyNotFound"),
        (
            &[first, ("AlpnPolicy.member.1", "HTTP9")],
            "ALPNPolicyNotSupported",
        ),
    ];
    for (more, wanted) in table {
        let code = stand.elb_refuses("CreateListener", &and(base.clone(), more));
        assert_eq!(code, wanted, "{more:?}");
    }
    let alpn = ("AlpnPolicy.member.1", "HTTP2Preferred");
    let shown = stand.elb("CreateListener", &and(base, &[first, alpn]));
    assert_eq!(shown.text("SslPolicy"), "ELBSecurityPolicy-2016-08");
    assert_eq!(shown.text("AlpnPolicy"), "<member>HTTP2Preferred</member>");
    let arn = shown.text("ListenerArn");
    let this = ("ListenerArn", arn.as_str());
    let second = (first.0, stand.ids.certificates[1].as_str());
    stand.elb("AddListenerCertificates", &[this, second]);
    let shown = stand.elb("DescribeListenerCertificates", &[this]);
    let mut flags = shown.texts("IsDefault");
    flags.sort();
    assert_eq!(flags, ["false", "true"]);
    let code = stand.elb_refuses("RemoveListenerCertificates", &[this, first]);
    assert_eq!(code, "OperationNotPermitted");
    stand.elb("RemoveListenerCertificates", &[this, second]);
    let shown = stand.elb("DescribeListenerCertificates", &[this]);
    assert_eq!(shown.texts("IsDefault"), ["true"]);
}

#[test]
fn a_target_group_belongs_to_one_load_balancer() {
    let stand = Stand::new();
    let (one, two) = (stand.load_balancer("one"), stand.load_balancer("two"));
    let group = stand.target_group("web", "TCP");
    stand.listener(&one, "TCP", "80", &group);
    stand.listener(&one, "TCP", "81", &group);
    let other = listener(&two, "TCP", "80", &group);
    assert_eq!(
        stand.elb_refuses("CreateListener", &other),
        "TargetGroupAssociationLimit"
    );
    let shown = stand.elb(
        "DescribeTargetGroups",
        &[("TargetGroupArns.member.1", &group)],
    );
    assert_eq!(
        shown.text("LoadBalancerArns"),
        format!("<member>{one}</member>")
    );
    stand.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &one)]);
    assert!(stand.aws.listeners().is_empty());
    stand.elb("CreateListener", &other);
}

#[test]
fn a_listener_forwards_by_weight_and_can_be_turned_to_other_protocols() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let (blue, green) = (
        stand.target_group("blue", "TCP_UDP"),
        stand.target_group("green", "TCP_UDP"),
    );
    let arn = stand.listener(&owner, "TCP", "80", &blue);
    let forward = "DefaultActions.member.1.ForwardConfig.TargetGroups.member";
    let names: Vec<_> = [
        "1.TargetGroupArn",
        "1.Weight",
        "2.TargetGroupArn",
        "2.Weight",
    ]
    .iter()
    .map(|it| format!("{forward}.{it}"))
    .collect();
    let weighted = [
        ("ListenerArn", arn.as_str()),
        ("Protocol", "TCP_UDP"),
        ("DefaultActions.member.1.Type", "forward"),
        (&names[0], &blue),
        (&names[1], "90"),
        (&names[2], &green),
        (&names[3], "10"),
    ];
    let shown = stand.elb("ModifyListener", &weighted);
    assert_eq!(shown.texts("Weight"), ["90", "10"]);
    assert_eq!(shown.text("Protocol"), "TCP_UDP");
    let missing = [("ListenerArn", arn.as_str()), ("Protocol", "TLS")];
    assert_eq!(
        stand.elb_refuses("ModifyListener", &missing),
        "ValidationError"
    );
}

#[test]
fn only_tcp_has_an_idle_timeout() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let (tcp, udp) = (
        stand.target_group("tcp", "TCP"),
        stand.target_group("udp", "UDP"),
    );
    let set = |arn: &str, value: &str| {
        [
            ("ListenerArn".to_owned(), arn.to_owned()),
            (
                "Attributes.member.1.Key".to_owned(),
                "tcp.idle_timeout.seconds".to_owned(),
            ),
            ("Attributes.member.1.Value".to_owned(), value.to_owned()),
        ]
    };
    let tcp = stand.listener(&owner, "TCP", "80", &tcp);
    let shown = stand.elb("DescribeListenerAttributes", &[("ListenerArn", &tcp)]);
    assert_eq!(shown.text("Value"), "350");
    let shown = stand.elb("ModifyListenerAttributes", &lent(&set(&tcp, "60")));
    assert_eq!(shown.text("Value"), "60");
    let code = stand.elb_refuses("ModifyListenerAttributes", &lent(&set(&tcp, "59")));
    assert_eq!(code, "ValidationError");
    let udp = stand.listener(&owner, "UDP", "53", &udp);
    let code = stand.elb_refuses("ModifyListenerAttributes", &lent(&set(&udp, "60")));
    assert_eq!(code, "InvalidConfigurationRequest");
}

#[test]
fn certificate_policy_and_alpn_change_in_place_and_go_with_tls() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let group = stand.target_group("web", "TCP");
    let name = "Certificates.member.1.CertificateArn";
    let (one, two) = (&stand.ids.certificates[0], &stand.ids.certificates[1]);
    let base = listener(&owner, "TLS", "443", &group);
    let arn = stand
        .elb("CreateListener", &and(base, &[(name, one)]))
        .text("ListenerArn");
    let this = ("ListenerArn", arn.as_str());
    let policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
    let change = [
        this,
        (name, two),
        ("SslPolicy", policy),
        ("AlpnPolicy.member.1", "HTTP1Only"),
    ];
    stand.elb("ModifyListener", &change);
    let shown = stand.elb("DescribeListeners", &[("ListenerArns.member.1", &arn)]);
    assert_eq!(shown.text("CertificateArn"), *two);
    assert_eq!(shown.text("SslPolicy"), policy);
    assert_eq!(shown.text("AlpnPolicy"), "<member>HTTP1Only</member>");
    let shown = stand.elb("ModifyListener", &[this, ("Protocol", "TCP")]);
    assert!(shown.texts("CertificateArn").is_empty());
    assert!(shown.texts("SslPolicy").is_empty());
    let shown = stand.elb("DescribeListenerAttributes", &[this]);
    assert_eq!(shown.text("Value"), "350");
}

#[test]
fn targets_of_ipv6_need_dual_stack() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let ipv6 = [("TargetType", "ip"), ("IpAddressType", "ipv6")];
    let base = crate::client::group("web", "TCP", &stand.ids.vpc);
    let group = stand
        .elb("CreateTargetGroup", &and(base, &ipv6))
        .text("TargetGroupArn");
    let node = stand.ids.nodes[0].ipv6.map(|it| it.to_string()).unwrap();
    let target = [
        ("TargetGroupArn", group.as_str()),
        ("Targets.member.1.Id", node.as_str()),
    ];
    stand.elb("RegisterTargets", &target);
    let parameters = listener(&owner, "TCP", "80", &group);
    let code = stand.elb_refuses("CreateListener", &parameters);
    assert_eq!(code, "InvalidConfigurationRequest");
    let set = |kind: &'static str| [("LoadBalancerArn", owner.as_str()), ("IpAddressType", kind)];
    stand.elb("SetIpAddressType", &set("dualstack"));
    stand.elb("CreateListener", &parameters);
    let code = stand.elb_refuses("SetIpAddressType", &set("ipv4"));
    assert_eq!(code, "InvalidConfigurationRequest");
}
