//! Hands behind the back of the provider, and settings that few use.

use std::time::Duration;

use crate::client::{Stand, and, internal};

#[test]
fn things_change_behind_the_back_of_the_provider_and_leave_no_call() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let group = stand.target_group("web", "TCP");
    let listener = stand.listener(&owner, "TCP", "80", &group);
    let calls = stand.aws.calls().len();
    let aws = &stand.aws;
    assert!(aws.alter_listener(&listener, |it| it.port = 81));
    assert!(aws.set_attribute(&owner, "deletion_protection.enabled", "true"));
    assert!(aws.tag(&owner, "owner", "them"));
    assert!(aws.add_target(&group, "i-0123456789abcdef0", 80));
    assert!(aws.alter_target_group(&group, |it| it.health_check.interval = 300));
    assert_eq!(aws.listeners()[0].port, 81);
    assert_eq!(aws.load_balancers()[0].tags["owner"], "them");
    assert_eq!(aws.target_groups()[0].targets.len(), 1);
    assert!(aws.untag(&owner, "owner"));
    assert!(aws.remove_target(&group, "i-0123456789abcdef0"));
    assert!(aws.delete_listener(&listener));
    assert!(aws.delete_load_balancer(&owner));
    assert!(aws.delete_target_group(&group));
    assert!(!aws.delete_target_group(&group));
    assert_eq!(aws.calls().len(), calls);
}

#[test]
fn a_listener_that_is_turned_by_hand_frees_the_group_it_left() {
    let stand = Stand::new();
    let owner = stand.load_balancer("web");
    let (one, two) = (
        stand.target_group("one", "TCP"),
        stand.target_group("two", "TCP"),
    );
    let listener = stand.listener(&owner, "TCP", "80", &one);
    let turned = stand.aws.alter_listener(&listener, |it| {
        it.forward.target_groups[0].arn.clone_from(&two);
    });
    assert!(turned);
    stand.elb("DeleteTargetGroup", &[("TargetGroupArn", &one)]);
    let code = stand.elb_refuses("DeleteTargetGroup", &[("TargetGroupArn", &two)]);
    assert_eq!(code, "ResourceInUse");
}

#[test]
fn nodes_come_and_go() {
    let stand = Stand::new();
    let node = stand.aws.add_node(&stand.ids, 1);
    assert_eq!(node.zone, stand.ids.zones[1]);
    stand.ec2("DescribeInstances", &[("InstanceId.1", &node.id)]);
    assert!(stand.aws.remove_instance(&node.id));
    let code = stand.ec2_refuses("DescribeInstances", &[("InstanceId.1", &node.id)]);
    assert_eq!(code, "InvalidInstanceID.NotFound");
}

#[test]
fn capacity_can_be_reserved_once_the_load_balancer_is_active() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let this = ("LoadBalancerArn", arn.as_str());
    let units = [this, ("MinimumLoadBalancerCapacity.CapacityUnits", "2750")];
    let code = stand.elb_refuses("ModifyCapacityReservation", &units);
    assert_eq!(code, "PriorRequestNotComplete");
    stand.aws.advance(Duration::from_mins(2));
    stand.elb("ModifyCapacityReservation", &units);
    let shown = stand.elb("DescribeCapacityReservation", &[this]);
    assert_eq!(shown.text("CapacityUnits"), "2750");
    stand.elb(
        "ModifyCapacityReservation",
        &[this, ("ResetCapacityReservation", "true")],
    );
    let shown = stand.elb("DescribeCapacityReservation", &[this]);
    assert!(shown.texts("CapacityUnits").is_empty());
}

#[test]
fn an_address_type_is_set_in_place() {
    let stand = Stand::new();
    let arn = stand.load_balancer("web");
    let set = |kind: &'static str| [("LoadBalancerArn", arn.as_str()), ("IpAddressType", kind)];
    stand.elb("SetIpAddressType", &set("dualstack"));
    let shown = stand.elb("DescribeLoadBalancers", &[]);
    assert!(shown.text("IPv6Address").contains(':'));
    stand.elb("SetIpAddressType", &set("ipv4"));
    let shown = stand.elb("DescribeLoadBalancers", &[]);
    assert!(shown.texts("IPv6Address").is_empty());
    let code = stand.elb_refuses("SetIpAddressType", &set("ipv6"));
    assert_eq!(code, "ValidationError");
    let parameters = and(
        internal("other", &stand.ids.private_subnets[0]),
        &[("Type", "application")],
    );
    assert_eq!(
        stand.elb_refuses("CreateLoadBalancer", &parameters),
        "ValidationError"
    );
}
