//! What EC2 shows: instances, interfaces, subnets, routes and zones.

use crate::client::Stand;

#[test]
fn one_unknown_instance_fails_the_call_and_is_named() {
    let stand = Stand::new();
    let parameters = [
        ("InstanceId.1", stand.ids.nodes[0].id.as_str()),
        ("InstanceId.2", "i-0123456789abcdef0"),
    ];
    let answer = stand.send("ec2", "DescribeInstances", &parameters).unwrap();
    assert_eq!(answer.text("Code"), "InvalidInstanceID.NotFound");
    assert_eq!(
        answer.text("Message"),
        "The instance ID 'i-0123456789abcdef0' does not exist"
    );
    let code = stand.ec2_refuses("DescribeInstances", &[("InstanceId.1", "node-1")]);
    assert_eq!(code, "InvalidInstanceID.Malformed");
    let shown = stand.ec2("DescribeInstances", &parameters[..1]);
    assert_eq!(shown.texts("instanceId"), [stand.ids.nodes[0].id.clone()]);
    assert_eq!(shown.text("availabilityZone"), stand.ids.zones[0]);
}

#[test]
fn filters_take_several_values_and_wildcards_and_all_must_hold() {
    let stand = Stand::new();
    let ids = &stand.ids;
    let private = ids.private_subnets.len();
    for (filters, wanted) in [
        (
            vec![("tag:kubernetes.io/role/internal-elb", vec!["", "1"])],
            private,
        ),
        (vec![("tag-key", vec!["kubernetes.io/role/*"])], 2 * private),
        (
            vec![
                ("tag-key", vec!["kubernetes.io/role/el?"]),
                ("vpc-id", vec![&ids.vpc]),
            ],
            private,
        ),
        (
            vec![("availability-zone", vec![&ids.zones[0], &ids.zones[1]])],
            4,
        ),
        (vec![("vpc-id", vec!["vpc-0"])], 0),
    ] {
        let mut names = vec![];
        for (index, (name, values)) in filters.iter().enumerate() {
            names.push((format!("Filter.{}.Name", index + 1), *name));
            for (place, value) in values.iter().enumerate() {
                names.push((format!("Filter.{}.Value.{}", index + 1, place + 1), *value));
            }
        }
        let parameters: Vec<_> = names
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let found = stand
            .ec2("DescribeSubnets", &parameters)
            .texts("subnetId")
            .len();
        assert_eq!(found, wanted, "{filters:?}");
    }
    let unknown = [("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")];
    assert_eq!(
        stand.ec2_refuses("DescribeSubnets", &unknown),
        "InvalidParameterValue"
    );
}

#[test]
fn routes_tell_public_subnets_from_private_ones() {
    let stand = Stand::new();
    let of = |subnet: &str| {
        let filter = [
            ("Filter.1.Name", "association.subnet-id"),
            ("Filter.1.Value.1", subnet),
        ];
        stand.ec2("DescribeRouteTables", &filter)
    };
    assert!(
        of(&stand.ids.public_subnets[0])
            .body
            .contains("<gatewayId>igw-")
    );
    assert!(!of(&stand.ids.private_subnets[0]).body.contains("igw-"));
    let main = [
        ("Filter.1.Name", "association.main"),
        ("Filter.1.Value.1", "true"),
    ];
    assert_eq!(
        stand.ec2("DescribeRouteTables", &main).texts("main"),
        ["true"]
    );
}

#[test]
fn interfaces_are_found_by_the_addresses_of_nodes() {
    let stand = Stand::new();
    let addresses: Vec<_> = stand
        .ids
        .nodes
        .iter()
        .map(|it| it.address.to_string())
        .collect();
    let filter = [
        ("Filter.1.Name", "addresses.private-ip-address"),
        ("Filter.1.Value.1", addresses[0].as_str()),
        ("Filter.1.Value.2", &addresses[2]),
    ];
    let shown = stand.ec2("DescribeNetworkInterfaces", &filter);
    let mut found = shown.texts("networkInterfaceId");
    found.sort();
    let mut wanted = vec![
        stand.ids.nodes[0].interface.clone(),
        stand.ids.nodes[2].interface.clone(),
    ];
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(shown.text("groupId"), stand.ids.node_security_group);
}

#[test]
fn a_parameter_that_ec2_does_not_know_is_refused() {
    let stand = Stand::new();
    let code = stand.ec2_refuses("DescribeSubnets", &[("SubnetIds.1", "subnet-0")]);
    assert_eq!(code, "UnknownParameter");
    let nested = [
        ("GroupId", stand.ids.node_security_group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.IpRanges.1.Cidr", "10.0.0.0/8"),
    ];
    let code = stand.ec2_refuses("AuthorizeSecurityGroupIngress", &nested);
    assert_eq!(code, "UnknownParameter");
    let code = stand.ec2_refuses("DescribeVolumes", &[]);
    assert_eq!(code, "InvalidAction");
}

#[test]
fn zones_have_names_and_identifiers() {
    let stand = Stand::new();
    let shown = stand.ec2("DescribeAvailabilityZones", &[("ZoneId.1", "euc1-az2")]);
    assert_eq!(shown.texts("zoneName"), ["eu-central-1b"]);
    let code = stand.ec2_refuses("DescribeAvailabilityZones", &[("ZoneId.1", "euc1-az9")]);
    assert_eq!(code, "InvalidParameterValue");
    let vpc = stand.ec2("DescribeVpcs", &[("VpcId.1", &stand.ids.vpc)]);
    assert!(vpc.body.contains("<cidrBlock>10.0.0.0/16</cidrBlock>"));
    let lists = stand.ec2("DescribeManagedPrefixLists", &[]);
    assert_eq!(lists.text("maxEntries"), "10");
}
