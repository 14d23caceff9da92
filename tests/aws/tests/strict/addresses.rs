//! Elastic IP addresses, and addresses that are chosen in a subnet.

use std::time::Duration;

use crate::client::Stand;

fn facing<'a>(name: &'a str, subnet: &'a str, allocation: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Name", name),
        ("Type", "network"),
        ("Scheme", "internet-facing"),
        ("SubnetMappings.member.1.SubnetId", subnet),
        ("SubnetMappings.member.1.AllocationId", allocation),
    ]
}

#[test]
fn an_elastic_address_is_shown_and_held_until_the_interfaces_are_gone() {
    let stand = Stand::new();
    let (subnet, eip) = (&stand.ids.public_subnets[0], &stand.ids.elastic_ips[0]);
    let shown = stand.elb("CreateLoadBalancer", &facing("web", subnet, eip));
    assert_eq!(shown.text("AllocationId"), *eip);
    let public = stand.aws.addresses()[0].public_ip;
    let known: Vec<_> = stand
        .aws
        .addresses()
        .iter()
        .map(|it| it.public_ip.to_string())
        .collect();
    assert!(known.contains(&shown.text("IpAddress")), "{public}");
    let code = stand.elb_refuses("CreateLoadBalancer", &facing("two", subnet, eip));
    assert_eq!(code, "AllocationIdNotFound");
    let arn = shown.text("LoadBalancerArn");
    stand.elb("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]);
    let this = [("AllocationId", eip.as_str())];
    assert_eq!(
        stand.ec2_refuses("ReleaseAddress", &this),
        "InvalidIPAddress.InUse"
    );
    stand.aws.advance(Duration::from_mins(1));
    stand.ec2("ReleaseAddress", &this);
    assert_eq!(
        stand.ec2_refuses("ReleaseAddress", &this),
        "InvalidAllocationID.NotFound"
    );
}

#[test]
fn chosen_addresses_are_checked() {
    let stand = Stand::new();
    let (public, private) = (&stand.ids.public_subnets[0], &stand.ids.private_subnets[0]);
    let code = stand.elb_refuses("CreateLoadBalancer", &facing("web", public, "eipalloc-0"));
    assert_eq!(code, "AllocationIdNotFound");
    let internal = |address: &'static str| {
        [
            ("Name", "in"),
            ("Type", "network"),
            ("Scheme", "internal"),
            ("SubnetMappings.member.1.SubnetId", private.as_str()),
            ("SubnetMappings.member.1.PrivateIPv4Address", address),
        ]
    };
    let taken = stand.ids.nodes[0].address.to_string().leak();
    for address in ["192.168.0.9", taken] {
        let code = stand.elb_refuses("CreateLoadBalancer", &internal(address));
        assert_eq!(code, "InvalidConfigurationRequest", "{address}");
    }
    let shown = stand.elb("CreateLoadBalancer", &internal("10.0.32.77"));
    assert_eq!(shown.text("PrivateIPv4Address"), "10.0.32.77");
}

#[test]
fn addresses_end_at_the_quota() {
    let stand = Stand::new();
    let tags = [
        ("TagSpecification.1.ResourceType", "elastic-ip"),
        ("TagSpecification.1.Tag.1.Key", "owner"),
        ("TagSpecification.1.Tag.1.Value", "us"),
    ];
    stand.ec2("AllocateAddress", &tags);
    stand.ec2("AllocateAddress", &[("Domain", "vpc")]);
    assert_eq!(
        stand.ec2_refuses("AllocateAddress", &[]),
        "AddressLimitExceeded"
    );
    let ours = [("Filter.1.Name", "tag:owner"), ("Filter.1.Value.1", "u?")];
    assert_eq!(
        stand
            .ec2("DescribeAddresses", &ours)
            .texts("allocationId")
            .len(),
        1
    );
}
