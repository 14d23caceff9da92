//! Load balancers and their attributes: what each call writes, and what it reads.

use super::server::Reply;
use super::*;

const CHANGE: Priority = Priority::Change;

pub(super) fn result(operation: &str, inside: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result>{inside}</{operation}Result>\
         <ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn load_balancer_xml(name: &str) -> String {
    format!(
        "<member><LoadBalancerArn>{LB}</LoadBalancerArn><LoadBalancerName>{name}</LoadBalancerName>\
         <DNSName>web-1.elb.eu-west-1.amazonaws.com</DNSName>\
         <CanonicalHostedZoneId>Z2IFOLAFXWLO4F</CanonicalHostedZoneId>\
         <Type>network</Type><Scheme>internet-facing</Scheme><VpcId>vpc-1</VpcId>\
         <State><Code>active_impaired</Code><Reason>No room</Reason></State>\
         <IpAddressType>dualstack</IpAddressType>\
         <AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName><SubnetId>subnet-1</SubnetId>\
         <LoadBalancerAddresses><member><AllocationId>eipalloc-1</AllocationId>\
         <IpAddress>192.0.2.1</IpAddress><PrivateIPv4Address>10.0.0.9</PrivateIPv4Address>\
         <IPv6Address>2001:db8::9</IPv6Address></member></LoadBalancerAddresses>\
         <SourceNatIpv6Prefixes><member>2001:db8::/80</member></SourceNatIpv6Prefixes>\
         </member></AvailabilityZones>\
         <SecurityGroups><member>sg-1</member></SecurityGroups>\
         <EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic>off\
         </EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic>\
         <EnablePrefixForIpv6SourceNat>on</EnablePrefixForIpv6SourceNat></member>"
    )
}

fn load_balancer(name: &str) -> LoadBalancer {
    LoadBalancer {
        arn: arn(LB),
        name: name.into(),
        dns_name: "web-1.elb.eu-west-1.amazonaws.com".into(),
        hosted_zone: Some("Z2IFOLAFXWLO4F".into()),
        network: true,
        scheme: Some(Scheme::InternetFacing),
        vpc: "vpc-1".into(),
        state: LoadBalancerState::Impaired,
        reason: Some("No room".into()),
        address_type: AddressType::DualStack,
        zones: vec![Zone {
            name: "eu-west-1a".into(),
            subnet: "subnet-1".into(),
            addresses: vec![ZoneAddress {
                allocation: Some("eipalloc-1".into()),
                private_ipv4: Some("10.0.0.9".into()),
                ipv6: Some("2001:db8::9".into()),
            }],
            source_nat_ipv6_prefixes: own(&["2001:db8::/80"]),
        }],
        security_groups: own(&["sg-1"]),
        enforce_private_link: Some(false),
        prefix_for_ipv6_source_nat: Some(true),
    }
}

/// Parameters of a form as one text, to compare.
pub(super) fn flat(form: &[(String, String)]) -> String {
    let lines = form.iter().map(|(name, value)| format!("{name}={value}\n"));
    lines.collect()
}

/// What one call writes, when AWS answers with nothing in particular.
pub(super) async fn written<F, R>(operation: &str, call: impl FnOnce(Calls) -> F) -> String
where
    F: Future<Output = Result<R>>,
{
    let server = Server::answering(&[&result(operation, "")]).await;
    call(server.calls().await).await.map(drop).unwrap();
    flat(&server.forms()[0])
}

#[tokio::test]
async fn load_balancers_are_read_page_after_page() {
    let first = format!(
        "<LoadBalancers>{}</LoadBalancers><NextMarker>m1</NextMarker>",
        load_balancer_xml("a")
    );
    let second = format!("<LoadBalancers>{}</LoadBalancers>", load_balancer_xml("b"));
    let server = Server::answering(&[
        &result("DescribeLoadBalancers", &first),
        &result("DescribeLoadBalancers", &second),
    ])
    .await;
    let found = server
        .calls()
        .await
        .load_balancers(CHANGE, Which::All)
        .await;
    assert_eq!(found.unwrap(), [load_balancer("a"), load_balancer("b")]);
    let forms = server.forms();
    assert_eq!(flat(&forms[0]), "Action=DescribeLoadBalancers\n");
    assert_eq!(flat(&forms[1]), "Action=DescribeLoadBalancers\nMarker=m1\n");
}

#[tokio::test]
async fn a_marker_that_comes_twice_ends_the_list() {
    let page = result(
        "DescribeLoadBalancers",
        "<LoadBalancers/><NextMarker>m</NextMarker>",
    );
    let server = Server::answering(&[&page, &page, &page]).await;
    let found = server
        .calls()
        .await
        .load_balancers(CHANGE, Which::All)
        .await;
    assert_eq!(found.unwrap(), []);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn those_that_are_gone_are_left_out() {
    let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>LoadBalancerNotFound</Code>\
        <Message>Load balancers '[gone]' not found</Message></Error></ErrorResponse>";
    let found = format!("<LoadBalancers>{}</LoadBalancers>", load_balancer_xml("a"));
    let server = Server::start([
        Reply::Answer(400, gone.into()),
        Reply::Answer(200, result("DescribeLoadBalancers", &found)),
    ])
    .await;
    let calls = server.calls().await;
    let names = own(&["a", "gone"]);
    let found = calls.load_balancers(CHANGE, Which::Names(&names)).await;
    assert_eq!(found.unwrap(), [load_balancer("a")]);
    assert_eq!(
        flat(&server.forms()[1]),
        "Action=DescribeLoadBalancers\nNames.member.1=a\n"
    );
}

#[tokio::test]
async fn a_load_balancer_is_made_with_all_that_is_asked() {
    let made = format!(
        "<LoadBalancers>{}</LoadBalancers>",
        load_balancer_xml("web")
    );
    let server = Server::answering(&[&result("CreateLoadBalancer", &made)]).await;
    let new = NewLoadBalancer {
        name: "web".into(),
        scheme: Scheme::InternetFacing,
        address_type: AddressType::DualStack,
        subnets: vec![SubnetMapping {
            subnet: "subnet-1".into(),
            allocation: Some("eipalloc-1".into()),
            private_ipv4: Some("10.0.0.9".into()),
            ipv6: Some("2001:db8::9".into()),
            source_nat_ipv6_prefix: Some("auto_assigned".into()),
        }],
        security_groups: own(&["sg-1", "sg-2"]),
        prefix_for_ipv6_source_nat: Some(true),
        tags: tags(&[("landfall.dev/cluster", "a b")]),
    };
    let calls = server.calls().await;
    let made = calls.create_load_balancer(CHANGE, &new).await.unwrap();
    assert_eq!(made, load_balancer("web"));
    let mut form = server.forms().remove(0);
    form.sort();
    assert_eq!(
        flat(&form),
        "Action=CreateLoadBalancer\n\
         EnablePrefixForIpv6SourceNat=on\n\
         IpAddressType=dualstack\n\
         Name=web\n\
         Scheme=internet-facing\n\
         SecurityGroups.member.1=sg-1\n\
         SecurityGroups.member.2=sg-2\n\
         SubnetMappings.member.1.AllocationId=eipalloc-1\n\
         SubnetMappings.member.1.IPv6Address=2001:db8::9\n\
         SubnetMappings.member.1.PrivateIPv4Address=10.0.0.9\n\
         SubnetMappings.member.1.SourceNatIpv6Prefix=auto_assigned\n\
         SubnetMappings.member.1.SubnetId=subnet-1\n\
         Tags.member.1.Key=landfall.dev/cluster\n\
         Tags.member.1.Value=a b\n\
         Type=network\n"
    );
}

#[tokio::test]
async fn changes_of_a_load_balancer_name_it_and_what_changes() {
    let mapping = SubnetMapping {
        subnet: "subnet-1".into(),
        ..SubnetMapping::default()
    };
    let form = written("SetSubnets", async |calls| {
        let type_ = AddressType::Ipv4;
        let subnets = [mapping];
        calls
            .set_subnets(CHANGE, &arn(LB), &subnets, Some(&type_), Some(false))
            .await
    });
    assert_eq!(
        form.await,
        format!(
            "Action=SetSubnets\nLoadBalancerArn={LB}\nSubnetMappings.member.1.SubnetId=subnet-1\n\
             IpAddressType=ipv4\nEnablePrefixForIpv6SourceNat=off\n"
        )
    );
    let form = written("SetSecurityGroups", async |calls| {
        let groups = own(&["sg-1"]);
        calls
            .set_security_groups(CHANGE, &arn(LB), &groups, Some(true))
            .await
    });
    assert_eq!(
        form.await,
        format!(
            "Action=SetSecurityGroups\nLoadBalancerArn={LB}\nSecurityGroups.member.1=sg-1\n\
             EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=on\n"
        )
    );
    let form = written("SetIpAddressType", async |calls| {
        let type_ = AddressType::DualStack;
        calls.set_address_type(CHANGE, &arn(LB), &type_).await
    });
    let named = format!("LoadBalancerArn={LB}\n");
    assert_eq!(
        form.await,
        format!("Action=SetIpAddressType\n{named}IpAddressType=dualstack\n")
    );
    let form = written("DeleteLoadBalancer", async |calls| {
        calls.delete_load_balancer(CHANGE, &arn(LB)).await
    });
    assert_eq!(form.await, format!("Action=DeleteLoadBalancer\n{named}"));
    for (units, written_so) in [
        (
            Some(2750),
            "MinimumLoadBalancerCapacity.CapacityUnits=2750\n",
        ),
        (None, "ResetCapacityReservation=true\n"),
    ] {
        let form = written("ModifyCapacityReservation", async |calls| {
            calls.set_capacity(CHANGE, &arn(LB), units).await
        });
        let action = "Action=ModifyCapacityReservation\n";
        assert_eq!(form.await, format!("{action}{named}{written_so}"));
    }
}

#[tokio::test]
async fn reserved_capacity_is_read() {
    let inside = "<DecreaseRequestsRemaining>2</DecreaseRequestsRemaining>\
        <MinimumLoadBalancerCapacity><CapacityUnits>2750</CapacityUnits>\
        </MinimumLoadBalancerCapacity><CapacityReservationState><member><State>\
        <Code>failed</Code><Reason>none left</Reason></State>\
        <AvailabilityZone>eu-west-1a</AvailabilityZone></member></CapacityReservationState>";
    let server = Server::answering(&[&result("DescribeCapacityReservation", inside)]).await;
    let capacity = server.calls().await.capacity(CHANGE, &arn(LB)).await;
    assert_eq!(capacity.unwrap().units, Some(2750));
}

#[tokio::test]
async fn attributes_are_read_and_written_as_they_are() {
    let inside = "<Attributes><member><Key>deletion_protection.enabled</Key><Value>false</Value>\
        </member><member><Key>access_logs.s3.bucket</Key><Value></Value></member></Attributes>";
    let expected = tags(&[
        ("deletion_protection.enabled", "false"),
        ("access_logs.s3.bucket", ""),
    ]);
    let server = Server::answering(&[
        &result("DescribeLoadBalancerAttributes", inside),
        &result("DescribeTargetGroupAttributes", inside),
        &result("DescribeListenerAttributes", inside),
    ])
    .await;
    let calls = server.calls().await;
    let read = [
        calls
            .load_balancer_attributes(CHANGE, &arn(LB))
            .await
            .unwrap(),
        calls
            .target_group_attributes(CHANGE, &arn(TG))
            .await
            .unwrap(),
        calls
            .listener_attributes(CHANGE, &arn(LISTENER))
            .await
            .unwrap(),
    ];
    assert!(read.iter().all(|it| *it == expected), "{read:?}");
    let wanted = tags(&[("tcp.idle_timeout.seconds", "60")]);
    let form = written("ModifyListenerAttributes", async |calls| {
        calls
            .modify_listener_attributes(CHANGE, &arn(LISTENER), &wanted)
            .await
    });
    assert_eq!(
        form.await,
        format!(
            "Action=ModifyListenerAttributes\nListenerArn={LISTENER}\n\
             Attributes.member.1.Key=tcp.idle_timeout.seconds\nAttributes.member.1.Value=60\n"
        )
    );
}
