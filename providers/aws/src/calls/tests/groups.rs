//! Security groups and their rules, tags of EC2, tagged resources.

use super::elb::flat;
use super::server::Reply;
use super::*;

const CHANGE: Priority = Priority::Change;

fn refusal(code: &str) -> Reply {
    Reply::Answer(
        400,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>No</Message></Error></Errors>\
             <RequestID>r-1</RequestID></Response>"
        ),
    )
}

fn done() -> Reply {
    Reply::Answer(200, "<r><return>true</return></r>".into())
}

#[tokio::test]
async fn a_security_group_is_made_found_and_removed() {
    let group = "<item><groupId>sg-1</groupId><groupName>web</groupName><vpcId>vpc-1</vpcId>\
        <groupDescription>For web</groupDescription><tagSet><item><key>Name</key><value>front\
        </value></item></tagSet></item>";
    let found = format!("<r><securityGroupInfo>{group}</securityGroupInfo></r>");
    let server = Server::start([
        Reply::Answer(200, "<r><groupId>sg-1</groupId></r>".into()),
        refusal("InvalidGroup.Duplicate"),
        Reply::Answer(200, found),
        Reply::Answer(200, "<r><securityGroupInfo/></r>".into()),
        refusal("DependencyViolation"),
        refusal("InvalidGroup.NotFound"),
    ])
    .await;
    let calls = server.calls().await;
    let wanted = tags(&[("k", "v")]);
    let make = || calls.create_security_group(CHANGE, "web", "For web", "vpc-1", &wanted);
    assert_eq!(make().await.unwrap(), "sg-1");
    assert_eq!(make().await.unwrap_err().kind, RefusalKind::Exists);
    let names = own(&["front", "other"]);
    let which = SecurityGroups::Names {
        vpc: "vpc-1",
        names: &names,
    };
    let found = calls.security_groups(CHANGE, which).await.unwrap();
    let [found] = &*found else {
        panic!("{found:?}")
    };
    assert_eq!((&*found.id, &*found.name), ("sg-1", "web"));
    assert_eq!(found.tags, tags(&[("Name", "front")]));
    let remove = || calls.delete_security_group(CHANGE, "sg-1");
    assert_eq!(remove().await.unwrap_err().kind, RefusalKind::InUse);
    remove().await.unwrap();
    let forms = server.forms();
    assert_eq!(
        flat(&forms[0]),
        "Action=CreateSecurityGroup\nGroupName=web\nGroupDescription=For web\nVpcId=vpc-1\n\
         TagSpecification.1.ResourceType=security-group\nTagSpecification.1.Tag.1.Key=k\n\
         TagSpecification.1.Tag.1.Value=v\n"
    );
    let others = "Filter.2.Name=group-name\nFilter.2.Value.1=other\n";
    assert!(flat(&forms[3]).ends_with(others), "{:?}", forms[3]);
}

fn rule(protocol: &str, ports: (i32, i32), source: RuleSource, description: &str) -> Rule {
    Rule {
        protocol: protocol.into(),
        from: ports.0,
        to: ports.1,
        source,
        description: description.into(),
    }
}

fn rules() -> [Rule; 4] {
    let range = |text: &str| RuleSource::Cidr(text.parse().unwrap());
    [
        rule("tcp", (80, 80), range("0.0.0.0/0"), "web"),
        rule("icmpv6", (-1, -1), range("::/0"), ""),
        rule("udp", (53, 54), RuleSource::PrefixList("pl-1".into()), ""),
        rule("-1", (-1, -1), RuleSource::Group("sg-2".into()), "all"),
    ]
}

#[tokio::test]
async fn rules_are_authorized_and_revoked() {
    let server = Server::start([done(), done(), refusal("InvalidPermission.Duplicate")]).await;
    let calls = server.calls().await;
    calls.authorize(CHANGE, "sg-1", &rules()).await.unwrap();
    calls
        .revoke(CHANGE, "sg-1", Revoked::Rules(&rules()[1..2]))
        .await
        .unwrap();
    let refused = calls.authorize(CHANGE, "sg-1", &rules()).await.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::Exists);
    let forms = server.forms();
    assert_eq!(
        flat(&forms[0]),
        "Action=AuthorizeSecurityGroupIngress\nGroupId=sg-1\n\
         IpPermissions.1.IpProtocol=tcp\nIpPermissions.1.FromPort=80\nIpPermissions.1.ToPort=80\n\
         IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0\nIpPermissions.1.IpRanges.1.Description=web\n\
         IpPermissions.2.IpProtocol=icmpv6\nIpPermissions.2.FromPort=-1\nIpPermissions.2.ToPort=-1\n\
         IpPermissions.2.Ipv6Ranges.1.CidrIpv6=::/0\n\
         IpPermissions.3.IpProtocol=udp\nIpPermissions.3.FromPort=53\nIpPermissions.3.ToPort=54\n\
         IpPermissions.3.PrefixListIds.1.PrefixListId=pl-1\n\
         IpPermissions.4.IpProtocol=-1\nIpPermissions.4.Groups.1.GroupId=sg-2\n\
         IpPermissions.4.Groups.1.Description=all\n"
    );
    assert_eq!(
        flat(&forms[1]),
        "Action=RevokeSecurityGroupIngress\nGroupId=sg-1\n\
         IpPermissions.1.IpProtocol=icmpv6\nIpPermissions.1.FromPort=-1\nIpPermissions.1.ToPort=-1\n\
         IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0\n"
    );
}

#[tokio::test]
async fn a_rule_that_is_gone_does_not_keep_the_others() {
    let gone = || refusal("InvalidPermission.NotFound");
    let server = Server::start([gone(), done(), gone()]).await;
    let calls = server.calls().await;
    let two = &rules()[..2];
    calls
        .revoke(CHANGE, "sg-1", Revoked::Rules(two))
        .await
        .unwrap();
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn rules_are_read_as_they_were_written() {
    let item = |source: &str, protocol: &str, ports: (i32, i32), rest: &str| {
        let (from, to) = ports;
        format!(
            "<item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-1</groupId>\
             <ipProtocol>{protocol}</ipProtocol><fromPort>{from}</fromPort><toPort>{to}</toPort>\
             {source}{rest}</item>"
        )
    };
    let ingress = "<isEgress>false</isEgress>";
    let items = [
        item(
            "<cidrIpv4>0.0.0.0/0</cidrIpv4><description>web</description>",
            "tcp",
            (80, 80),
            ingress,
        ),
        item("<cidrIpv6>::/0</cidrIpv6>", "icmpv6", (-1, -1), ingress),
        item(
            "<prefixListId>pl-1</prefixListId>",
            "udp",
            (53, 54),
            ingress,
        ),
        item(
            "<referencedGroupInfo><groupId>sg-2</groupId></referencedGroupInfo>\
             <description>all</description>",
            "-1",
            (-1, -1),
            ingress,
        ),
        item(
            "<cidrIpv4>0.0.0.0/0</cidrIpv4>",
            "-1",
            (-1, -1),
            "<isEgress>true</isEgress>",
        ),
    ];
    let set = format!(
        "<r><securityGroupRuleSet>{}</securityGroupRuleSet></r>",
        items.concat()
    );
    let server = Server::answering(&[&set]).await;
    let found = server.calls().await.rules(CHANGE, &own(&["sg-1"])).await;
    let found: Vec<Rule> = found.unwrap().into_iter().map(|it| it.rule).collect();
    assert_eq!(found, rules());
}

#[tokio::test]
async fn tags_of_ec2_are_written() {
    let server = Server::start([done()]).await;
    let calls = server.calls().await;
    let ids = own(&["sg-1", "sg-2"]);
    calls
        .create_tags(CHANGE, &ids, &tags(&[("k", "v")]))
        .await
        .unwrap();
    assert_eq!(
        flat(&server.forms()[0]),
        "Action=CreateTags\nResourceId.1=sg-1\nResourceId.2=sg-2\nTag.1.Key=k\nTag.1.Value=v\n"
    );
}

#[tokio::test]
async fn resources_are_found_by_their_tags_page_after_page() {
    let page = |token: &str| {
        format!(
            "{{\"PaginationToken\":\"{token}\",\"ResourceTagMappingList\":[{{\"ResourceARN\":\
             \"{LB}\",\"Tags\":[{{\"Key\":\"k\",\"Value\":\"v\"}}]}}]}}"
        )
    };
    let server = Server::answering(&[&page("t"), &page("")]).await;
    let kinds = [Kind::LoadBalancer, Kind::TargetGroup];
    let filters = [("k", Some("v")), ("only", None)];
    let calls = server.calls().await;
    let found = calls.resources(CHANGE, &filters, &kinds).await.unwrap();
    let expected = Tagged {
        arn: arn(LB),
        tags: tags(&[("k", "v")]),
    };
    assert_eq!(found, [expected.clone(), expected]);
    let asked = server.asked();
    let target = "ResourceGroupsTaggingAPI_20170126.GetResources";
    assert_eq!(asked[0].header("x-amz-target"), Some(target));
    let signed = asked[0].header("authorization").unwrap();
    assert!(signed.contains("x-amz-target"), "it is signed: {signed}");
    let filters = "{\"TagFilters\":[{\"Key\":\"k\",\"Values\":[\"v\"]},{\"Key\":\"only\"}],\
        \"ResourceTypeFilters\":[\"elasticloadbalancing:loadbalancer\",\"elasticloadbalancing:targetgroup\"],\
        \"ResourcesPerPage\":100";
    assert_eq!(asked[0].body, format!("{filters}}}"));
    assert_eq!(
        asked[1].body,
        format!("{filters},\"PaginationToken\":\"t\"}}")
    );
}
