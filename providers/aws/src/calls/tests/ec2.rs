//! EC2: what each call writes, and what it reads.

use ipnet::IpNet;

use super::elb::flat;
use super::*;

const CHANGE: Priority = Priority::Change;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

#[tokio::test]
async fn subnets_are_read_page_after_page() {
    let page = |id: &str, rest: &str| {
        format!(
            "<DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><subnetSet><item><subnetId>{id}</subnetId><vpcId>vpc-1</vpcId>\
             <availabilityZone>eu-west-1a</availabilityZone>\
             <availabilityZoneId>euw1-az1</availabilityZoneId><cidrBlock>10.0.0.0/24</cidrBlock>\
             <ipv6CidrBlockAssociationSet><item><ipv6CidrBlock>2001:db8::/64</ipv6CidrBlock>\
             <ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState></item>\
             <item><ipv6CidrBlock>2001:db9::/64</ipv6CidrBlock><ipv6CidrBlockState>\
             <state>disassociated</state></ipv6CidrBlockState></item></ipv6CidrBlockAssociationSet>\
             <availableIpAddressCount>251</availableIpAddressCount><tagSet><item>\
             <key>kubernetes.io/role/elb</key><value/></item></tagSet></item></subnetSet>{rest}\
             </DescribeSubnetsResponse>"
        )
    };
    let server = Server::answering(&[
        &page("subnet-1", "<nextToken>t+1</nextToken>"),
        &page("subnet-2", ""),
    ])
    .await;
    let calls = server.calls().await;
    let found = calls.subnets(CHANGE, Subnets::InVpc("vpc-1")).await;
    let expected = |id: &str| Subnet {
        id: id.into(),
        vpc: "vpc-1".into(),
        zone: "eu-west-1a".into(),
        zone_id: "euw1-az1".into(),
        ipv4: Some(net("10.0.0.0/24")),
        ipv6: vec![net("2001:db8::/64")],
        free_addresses: 251,
        tags: tags(&[("kubernetes.io/role/elb", "")]),
    };
    assert_eq!(found.unwrap(), [expected("subnet-1"), expected("subnet-2")]);
    let first = "Action=DescribeSubnets\nMaxResults=1000\nFilter.1.Name=vpc-id\n\
        Filter.1.Value.1=vpc-1\n";
    let forms = server.forms();
    assert_eq!(flat(&forms[0]), first);
    assert_eq!(flat(&forms[1]), format!("{first}NextToken=t+1\n"));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST / HTTP/1.1");
    let signature = asked.header("authorization").unwrap();
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"),
        "{signature}"
    );
    assert!(
        signature.contains("/eu-west-1/ec2/aws4_request"),
        "{signature}"
    );
    assert_eq!(asked.header("x-amz-security-token"), Some("token"));
}

/// What one question writes, when nothing is found.
async fn written<F, R>(call: impl FnOnce(Calls) -> F) -> String
where
    F: Future<Output = Result<R>>,
{
    let server = Server::answering(&["<r><return>true</return></r>"; 3]).await;
    call(server.calls().await).await.map(drop).unwrap();
    let forms = server.forms();
    forms.iter().map(|it| flat(it)).collect()
}

#[tokio::test]
async fn questions_are_asked_by_filters() {
    let form = written(async |calls| {
        let which = SecurityGroups::Tagged {
            vpc: "vpc-1",
            filters: &[("k", Some("v"))],
        };
        calls.security_groups(CHANGE, which).await
    });
    assert_eq!(
        form.await,
        "Action=DescribeSecurityGroups\nMaxResults=1000\nFilter.1.Name=vpc-id\n\
         Filter.1.Value.1=vpc-1\nFilter.2.Name=tag:k\nFilter.2.Value.1=v\n"
    );
    let form = written(async |calls| {
        calls
            .security_groups(CHANGE, SecurityGroups::LettingIn("sg-1"))
            .await
    });
    assert_eq!(
        form.await,
        "Action=DescribeSecurityGroups\nMaxResults=1000\nFilter.1.Name=ip-permission.group-id\n\
         Filter.1.Value.1=sg-1\n"
    );
    let form = written(async |calls| {
        let ids = own(&["vpc-1"]);
        calls.vpcs(CHANGE, &ids).await
    });
    assert_eq!(
        form.await,
        "Action=DescribeVpcs\nMaxResults=1000\nFilter.1.Name=vpc-id\nFilter.1.Value.1=vpc-1\n"
    );
}

#[tokio::test]
async fn many_ids_are_asked_for_in_parts() {
    let server = Server::answering(&["<r/>", "<r/>"]).await;
    let ids: Vec<String> = (0..201).map(|it| format!("i-{it}")).collect();
    let found = server.calls().await.instances(CHANGE, &ids).await.unwrap();
    assert_eq!(found.unknown, ids);
    let lengths: Vec<usize> = server.forms().iter().map(Vec::len).collect();
    assert_eq!(
        lengths,
        [203, 4],
        "200 and 1 besides action, page and filter"
    );
}

#[tokio::test]
async fn instances_are_read_with_their_interfaces() {
    let interface = |group: &str, device: u32| {
        format!(
            "<item><networkInterfaceId>eni-{device}</networkInterfaceId><attachment>\
             <deviceIndex>{device}</deviceIndex><networkCardIndex>0</networkCardIndex></attachment>\
             <groupSet><item><groupId>{group}</groupId></item></groupSet></item>"
        )
    };
    let (second, first) = (interface("sg-2", 1), interface("sg-1", 0));
    let answer = format!(
        "<r><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
         <instanceType>m5.large</instanceType><instanceState><name>running</name></instanceState>\
         <placement><availabilityZone>eu-west-1a</availabilityZone></placement>\
         <vpcId>vpc-1</vpcId><subnetId>subnet-1</subnetId>\
         <privateIpAddress>10.0.0.5</privateIpAddress>\
         <networkInterfaceSet>{second}{first}</networkInterfaceSet></item></instancesSet></item>\
         <item><instancesSet><item><instanceId>i-2</instanceId><instanceState>\
         <name>terminated</name></instanceState></item></instancesSet></item></reservationSet></r>"
    );
    let server = Server::answering(&[&answer]).await;
    let ids = own(&["i-1", "i-2", "i-gone"]);
    let found = server.calls().await.instances(CHANGE, &ids).await.unwrap();
    assert_eq!(found.unknown, ["i-gone"]);
    let [running, terminated] = &*found.found else {
        panic!("{found:?}")
    };
    assert_eq!((&*running.id, &*running.state), ("i-1", "running"));
    assert_eq!(running.vpc.as_deref(), Some("vpc-1"));
    let groups = running.interfaces.iter().flat_map(|it| &it.groups);
    let groups: Vec<&str> = groups.map(String::as_str).collect();
    assert_eq!(groups, ["sg-1", "sg-2"], "those of the primary one first");
    assert_eq!((&*terminated.state, &terminated.vpc), ("terminated", &None));
}

#[tokio::test]
async fn the_routes_of_a_vpc_are_read() {
    let answer = "<r><routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>\
        <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId>\
        <state>active</state></item><item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock>\
        <egressOnlyInternetGatewayId>eigw-1</egressOnlyInternetGatewayId><state>blackhole</state>\
        </item></routeSet><associationSet><item><main>true</main></item><item>\
        <subnetId>subnet-1</subnetId><main>false</main></item></associationSet></item>\
        </routeTableSet></r>";
    let server = Server::answering(&[answer]).await;
    let found = server.calls().await.route_tables(CHANGE, "vpc-1").await;
    let route = |destination: &str, through: &str, active| Route {
        destination: destination.into(),
        through: through.into(),
        active,
    };
    let expected = RouteTable {
        id: "rtb-1".into(),
        main: true,
        subnets: own(&["subnet-1"]),
        routes: vec![
            route("10.0.0.0/16", "local", true),
            route("::/0", "eigw-1", false),
        ],
    };
    assert_eq!(found.unwrap(), [expected]);
}

#[tokio::test]
async fn the_ranges_of_a_vpc_are_read() {
    let server = Server::answering(&[
        "<r><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock>\
         <cidrBlockAssociationSet><item><cidrBlock>10.0.0.0/16</cidrBlock><cidrBlockState>\
         <state>associated</state></cidrBlockState></item><item><cidrBlock>100.64.0.0/16</cidrBlock>\
         <cidrBlockState><state>associated</state></cidrBlockState></item></cidrBlockAssociationSet>\
         <ipv6CidrBlockAssociationSet><item><ipv6CidrBlock>2001:db8::/56</ipv6CidrBlock>\
         <ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState></item>\
         </ipv6CidrBlockAssociationSet></item></vpcSet></r>",
    ])
    .await;
    let calls = server.calls().await;
    let vpcs = calls.vpcs(CHANGE, &own(&["vpc-1"])).await.unwrap();
    assert_eq!(vpcs[0].ipv4, [net("10.0.0.0/16"), net("100.64.0.0/16")]);
    assert_eq!(vpcs[0].ipv6, [net("2001:db8::/56")]);
}
