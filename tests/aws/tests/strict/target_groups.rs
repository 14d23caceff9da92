//! Target groups: idempotent creation, health checks, and which targets they take.

use crate::client::{Stand, and, group};

#[test]
fn the_same_target_group_is_created_once_and_another_of_its_name_never() {
    let stand = Stand::new();
    let arn = stand.target_group("web", "TCP");
    assert_eq!(stand.target_group("web", "TCP"), arn);
    for different in [
        ("TargetType", "ip"),
        ("HealthCheckProtocol", "HTTP"),
        ("HealthCheckIntervalSeconds", "10"),
    ] {
        let parameters = and(group("web", "TCP", &stand.ids.vpc), &[different]);
        let code = stand.elb_refuses("CreateTargetGroup", &parameters);
        assert_eq!(code, "DuplicateTargetGroupName", "{different:?}");
    }
}

#[test]
fn a_target_group_goes_only_when_no_listener_uses_it_and_then_for_good() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let arn = stand.target_group("web", "TCP");
    let listener = stand.listener(&owner, "TCP", "80", &arn);
    let this = [("TargetGroupArn", arn.as_str())];
    assert_eq!(
        stand.elb_refuses("DeleteTargetGroup", &this),
        "ResourceInUse"
    );
    stand.elb("DeleteListener", &[("ListenerArn", &listener)]);
    stand.elb("DeleteTargetGroup", &this);
    stand.elb("DeleteTargetGroup", &this);
    assert_eq!(
        stand.elb_refuses("DescribeTargetHealth", &this),
        "TargetGroupNotFound"
    );
}

#[test]
fn a_health_check_over_http_keeps_its_matcher() {
    let stand = Stand::new();
    let parameters = and(
        group("web", "TCP", &stand.ids.vpc),
        &[
            ("HealthCheckProtocol", "HTTP"),
            ("HealthCheckPath", "/healthz"),
        ],
    );
    let shown = stand.elb("CreateTargetGroup", &parameters);
    assert_eq!(shown.text("HttpCode"), "200-399");
    let arn = shown.text("TargetGroupArn");
    let this = ("TargetGroupArn", arn.as_str());
    let shown = stand.elb(
        "ModifyTargetGroup",
        &[this, ("Matcher.HttpCode", "200,204")],
    );
    assert_eq!(shown.text("HttpCode"), "200,204");
    for wrong in [
        ("HealthCheckTimeoutSeconds", "31"),
        ("HealthyThresholdCount", "11"),
        ("HealthCheckPort", "0"),
        ("HealthCheckPath", "healthz"),
    ] {
        let code = stand.elb_refuses("ModifyTargetGroup", &[this, wrong]);
        assert_eq!(code, "ValidationError", "{wrong:?}");
    }
}

#[test]
fn targets_are_told_apart_by_port() {
    let stand = Stand::new();
    let arn = stand.target_group("web", "TCP");
    let node = stand.ids.nodes[0].id.as_str();
    let two = [
        ("TargetGroupArn", arn.as_str()),
        ("Targets.member.1.Id", node),
        ("Targets.member.2.Id", node),
        ("Targets.member.2.Port", "31000"),
    ];
    stand.elb("RegisterTargets", &two);
    let shown = stand.elb("DescribeTargetHealth", &[("TargetGroupArn", &arn)]);
    assert_eq!(shown.texts("Port"), ["30080", "31000"]);
    stand.elb(
        "DeregisterTargets",
        &[two[0], ("Targets.member.1.Id", node)],
    );
    let shown = stand.elb("DescribeTargetHealth", &[("TargetGroupArn", &arn)]);
    assert_eq!(shown.texts("Port"), ["31000"]);
}

#[test]
fn targets_that_aws_does_not_take_fail_the_whole_call() {
    let stand = Stand::new();
    let (nodes, aws) = (&stand.ids.nodes, &stand.aws);
    aws.alter_instance(&nodes[1].id, |it| it.state = "stopped".to_owned());
    aws.alter_instance(&nodes[2].id, |it| it.kind = "m3.large".to_owned());
    let instances = stand.target_group("instances", "TCP");
    let with_ip = and(group("ips", "TCP", &stand.ids.vpc), &[("TargetType", "ip")]);
    let ips = stand
        .elb("CreateTargetGroup", &with_ip)
        .text("TargetGroupArn");
    let good = nodes[0].address.to_string();
    let (fine, unknown) = (&nodes[0].id, "i-0123456789abcdef0");
    for (arn, fine, id, zone, wanted) in [
        (&instances, fine, unknown, None, "InvalidTarget"),
        (&instances, fine, &nodes[1].id, None, "InvalidTarget"),
        (&instances, fine, &nodes[2].id, None, "InvalidTarget"),
        (&ips, &good, "192.168.7.7", None, "InvalidTarget"),
        (&ips, &good, "8.8.8.8", Some("all"), "InvalidTarget"),
        (&ips, &good, "fd00::1", None, "ValidationError"),
        (&ips, &good, "web", None, "ValidationError"),
    ] {
        let mut parameters = vec![
            ("TargetGroupArn", arn.as_str()),
            ("Targets.member.1.Id", fine),
            ("Targets.member.2.Id", id),
        ];
        parameters.extend(zone.map(|it| ("Targets.member.2.AvailabilityZone", it)));
        let code = stand.elb_refuses("RegisterTargets", &parameters);
        assert_eq!(code, wanted, "{id}");
    }
    let groups = aws.target_groups();
    assert!(groups.iter().all(|it| it.targets.is_empty()));
}

#[test]
fn addresses_of_the_vpc_tell_their_zone_and_others_need_all() {
    let stand = Stand::new();
    let with_ip = and(group("ips", "TCP", &stand.ids.vpc), &[("TargetType", "ip")]);
    let ips = stand
        .elb("CreateTargetGroup", &with_ip)
        .text("TargetGroupArn");
    let good = stand.ids.nodes[0].address.to_string();
    let outside = [
        ("TargetGroupArn", ips.as_str()),
        ("Targets.member.1.Id", "192.168.7.7"),
        ("Targets.member.1.AvailabilityZone", "all"),
        ("Targets.member.2.Id", &good),
    ];
    stand.elb("RegisterTargets", &outside);
    let shown = stand.elb("DescribeTargetHealth", &[("TargetGroupArn", &ips)]);
    let zones = shown.texts("AvailabilityZone");
    assert_eq!(zones, ["all", stand.ids.zones[0].as_str()]);
}
