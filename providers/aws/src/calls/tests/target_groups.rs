//! Target groups: what each call writes, and what it reads.

use std::time::Duration;

use landfall_provider_api::Family;

use super::elb::{flat, result, written};
use super::*;

const CHANGE: Priority = Priority::Change;

#[tokio::test]
async fn target_groups_are_made_and_read() {
    let inside = format!(
        "<TargetGroups><member><TargetGroupArn>{TG}</TargetGroupArn>\
         <TargetGroupName>web</TargetGroupName><Protocol>TCP_UDP</Protocol><Port>80</Port>\
         <VpcId>vpc-1</VpcId><TargetType>ip</TargetType><IpAddressType>ipv6</IpAddressType>\
         <HealthCheckProtocol>HTTP</HealthCheckProtocol><HealthCheckPort>traffic-port\
         </HealthCheckPort><HealthCheckPath>/healthz</HealthCheckPath>\
         <HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds>\
         <HealthCheckTimeoutSeconds>6</HealthCheckTimeoutSeconds>\
         <HealthyThresholdCount>3</HealthyThresholdCount>\
         <UnhealthyThresholdCount>2</UnhealthyThresholdCount>\
         <Matcher><HttpCode>200-399</HttpCode></Matcher>\
         <LoadBalancerArns><member>{LB}</member></LoadBalancerArns></member></TargetGroups>"
    );
    let check = HealthCheck {
        protocol: Some("HTTP".into()),
        port: Some("traffic-port".into()),
        path: Some("/healthz".into()),
        interval: Some(Duration::from_secs(10)),
        timeout: Some(Duration::from_secs(6)),
        healthy: Some(3),
        unhealthy: Some(2),
        codes: Some("200-399".into()),
    };
    let new = NewTargetGroup {
        name: "web".into(),
        protocol: "TCP_UDP".into(),
        port: 80,
        vpc: "vpc-1".into(),
        target_type: "ip".into(),
        family: Family::IPv6,
        health_check: check.clone(),
        tags: Tags::new(),
    };
    let server = Server::answering(&[&result("CreateTargetGroup", &inside)]).await;
    let calls = server.calls().await;
    let made = calls.create_target_group(CHANGE, &new).await.unwrap();
    let expected = TargetGroup {
        arn: arn(TG),
        name: "web".into(),
        protocol: "TCP_UDP".into(),
        port: Some(80),
        vpc: Some("vpc-1".into()),
        target_type: "ip".into(),
        family: Family::IPv6,
        health_check: check,
        load_balancers: vec![arn(LB)],
    };
    assert_eq!(made, expected);
    let mut form = server.forms().remove(0);
    form.sort();
    assert_eq!(
        flat(&form),
        "Action=CreateTargetGroup\nHealthCheckIntervalSeconds=10\nHealthCheckPath=/healthz\n\
         HealthCheckPort=traffic-port\nHealthCheckProtocol=HTTP\nHealthCheckTimeoutSeconds=6\n\
         HealthyThresholdCount=3\nIpAddressType=ipv6\nMatcher.HttpCode=200-399\nName=web\nPort=80\n\
         Protocol=TCP_UDP\nTargetType=ip\nUnhealthyThresholdCount=2\nVpcId=vpc-1\n"
    );
}

#[tokio::test]
async fn only_what_changes_in_a_health_check_is_written() {
    let form = written("ModifyTargetGroup", async |calls| {
        let check = HealthCheck {
            healthy: Some(2),
            ..HealthCheck::default()
        };
        calls.modify_target_group(CHANGE, &arn(TG), &check).await
    });
    assert_eq!(
        form.await,
        format!("Action=ModifyTargetGroup\nTargetGroupArn={TG}\nHealthyThresholdCount=2\n")
    );
}
