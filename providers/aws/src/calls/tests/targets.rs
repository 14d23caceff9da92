//! Targets, listeners and tags: what each call writes, and what it reads.

use super::elb::{flat, result, written};
use super::server::Reply;
use super::*;

const CHANGE: Priority = Priority::Change;

#[tokio::test]
async fn targets_are_registered_with_their_ports_and_zones() {
    let targets = [
        Target {
            id: "i-1".into(),
            port: Some(30080),
            zone: None,
        },
        Target {
            id: "10.1.0.1".into(),
            port: None,
            zone: Some("all".into()),
        },
    ];
    let listed = "Targets.member.1.Id=i-1\nTargets.member.1.Port=30080\n\
        Targets.member.2.Id=10.1.0.1\nTargets.member.2.AvailabilityZone=all\n";
    let form = written("RegisterTargets", async |calls| {
        calls.register_targets(CHANGE, &arn(TG), &targets).await
    });
    let named = format!("TargetGroupArn={TG}\n");
    assert_eq!(
        form.await,
        format!("Action=RegisterTargets\n{named}{listed}")
    );
    let form = written("DeregisterTargets", async |calls| {
        calls.deregister_targets(CHANGE, &arn(TG), &targets).await
    });
    assert_eq!(
        form.await,
        format!("Action=DeregisterTargets\n{named}{listed}")
    );
}

#[tokio::test]
async fn every_state_of_a_target_is_read() {
    let states = [
        ("initial", HealthState::Initial),
        ("healthy", HealthState::Healthy),
        ("unhealthy", HealthState::Unhealthy),
        ("unhealthy.draining", HealthState::UnhealthyDraining),
        ("unused", HealthState::Unused),
        ("draining", HealthState::Draining),
        ("unavailable", HealthState::Unavailable),
        ("asleep", HealthState::Other("asleep".into())),
    ];
    let described = states.iter().map(|(name, _)| {
        format!(
            "<member><Target><Id>i-1</Id><Port>30080</Port></Target><TargetHealth>\
             <State>{name}</State><Reason>Target.FailedHealthChecks</Reason>\
             <Description>failed</Description></TargetHealth></member>"
        )
    });
    let inside = format!(
        "<TargetHealthDescriptions>{}</TargetHealthDescriptions>",
        described.collect::<String>()
    );
    let server = Server::answering(&[&result("DescribeTargetHealth", &inside)]).await;
    let found = server.calls().await.target_health(CHANGE, &arn(TG)).await;
    let expected = states.map(|(_, state)| TargetHealth {
        target: Target {
            id: "i-1".into(),
            port: Some(30080),
            zone: None,
        },
        state,
        why: Some("failed".into()),
    });
    assert_eq!(found.unwrap(), expected);
}

fn listener_xml(action: &str) -> String {
    format!(
        "<Listeners><member><ListenerArn>{LISTENER}</ListenerArn>\
         <LoadBalancerArn>{LB}</LoadBalancerArn><Port>443</Port><Protocol>TLS</Protocol>\
         <Certificates><member><CertificateArn>arn:aws:acm:r:1:certificate/a</CertificateArn>\
         </member></Certificates><SslPolicy>P</SslPolicy>\
         <AlpnPolicy><member>HTTP2Preferred</member></AlpnPolicy>\
         <DefaultActions><member>{action}</member></DefaultActions></member></Listeners>"
    )
}

fn listener(groups: Vec<(Arn, u32)>) -> Listener {
    Listener {
        arn: arn(LISTENER),
        load_balancer: arn(LB),
        port: 443,
        protocol: "TLS".into(),
        action: Forward { groups },
        certificate: Some("arn:aws:acm:r:1:certificate/a".into()),
        ssl_policy: Some("P".into()),
        alpn: Some("HTTP2Preferred".into()),
    }
}

#[tokio::test]
async fn a_listener_is_made_with_all_that_is_asked() {
    let action = format!("<Type>forward</Type><TargetGroupArn>{TG}</TargetGroupArn>");
    let server = Server::answering(&[&result("CreateListener", &listener_xml(&action))]).await;
    let new = NewListener {
        load_balancer: arn(LB),
        port: 443,
        protocol: "TLS".into(),
        action: Forward {
            groups: vec![(arn(TG), 1)],
        },
        certificate: Some("arn:aws:acm:r:1:certificate/a".into()),
        ssl_policy: Some("P".into()),
        alpn: Some("HTTP2Preferred".into()),
        tags: tags(&[("k", "v")]),
    };
    let made = server.calls().await.create_listener(CHANGE, &new).await;
    assert_eq!(made.unwrap(), listener(vec![(arn(TG), 1)]));
    let mut form = server.forms().remove(0);
    form.sort();
    assert_eq!(
        flat(&form),
        format!(
            "Action=CreateListener\nAlpnPolicy.member.1=HTTP2Preferred\n\
             Certificates.member.1.CertificateArn=arn:aws:acm:r:1:certificate/a\n\
             DefaultActions.member.1.TargetGroupArn={TG}\nDefaultActions.member.1.Type=forward\n\
             LoadBalancerArn={LB}\nPort=443\nProtocol=TLS\nSslPolicy=P\nTags.member.1.Key=k\n\
             Tags.member.1.Value=v\n"
        )
    );
}

#[tokio::test]
async fn weights_of_a_listener_are_written_and_read() {
    let other = format!("{TG}0");
    let action = format!(
        "<Type>forward</Type><ForwardConfig><TargetGroups><member><TargetGroupArn>{TG}\
         </TargetGroupArn><Weight>3</Weight></member><member><TargetGroupArn>{other}\
         </TargetGroupArn></member></TargetGroups></ForwardConfig>"
    );
    let server = Server::answering(&[
        &result("DescribeListeners", &listener_xml(&action)),
        &result("DescribeListeners", &listener_xml("<Type>redirect</Type>")),
        &result("ModifyListener", ""),
    ])
    .await;
    let calls = server.calls().await;
    let groups = vec![(arn(TG), 3), (arn(&other), 1)];
    let of = arn(LB);
    let found = calls
        .listeners(CHANGE, Listeners::OfLoadBalancer(&of))
        .await;
    assert_eq!(found.unwrap(), [listener(groups.clone())]);
    let arns = [arn(LISTENER)];
    let found = calls.listeners(CHANGE, Listeners::Arns(&arns)).await;
    assert_eq!(found.unwrap(), [listener(vec![])]);
    let change = ListenerChange {
        action: Some(Forward { groups }),
        alpn: Some("None".into()),
        ..ListenerChange::default()
    };
    calls
        .modify_listener(CHANGE, &arn(LISTENER), &change)
        .await
        .unwrap();
    let mut form = server.forms().remove(2);
    form.sort();
    let action = "DefaultActions.member.1";
    let tuple = format!("{action}.ForwardConfig.TargetGroups.member");
    assert_eq!(
        flat(&form),
        format!(
            "Action=ModifyListener\nAlpnPolicy.member.1=None\n\
             {tuple}.1.TargetGroupArn={TG}\n{tuple}.1.Weight=3\n\
             {tuple}.2.TargetGroupArn={other}\n{tuple}.2.Weight=1\n\
             {action}.Type=forward\nListenerArn={LISTENER}\n"
        )
    );
}

#[tokio::test]
async fn certificates_are_those_besides_the_default_one() {
    let page = |certificate: &str, default: bool, rest: &str| {
        let inside = format!(
            "<Certificates><member><CertificateArn>{certificate}</CertificateArn>\
             <IsDefault>{default}</IsDefault></member></Certificates>{rest}"
        );
        result("DescribeListenerCertificates", &inside)
    };
    let server = Server::answering(&[
        &page("c1", true, "<NextMarker>m</NextMarker>"),
        &page("c2", false, ""),
    ])
    .await;
    let calls = server.calls().await;
    let found = calls.listener_certificates(CHANGE, &arn(LISTENER)).await;
    assert_eq!(found.unwrap(), ["c2"]);
    let certificates = own(&["c2"]);
    let form = written("AddListenerCertificates", async |calls| {
        calls
            .add_listener_certificates(CHANGE, &arn(LISTENER), &certificates)
            .await
    });
    let rest = format!("ListenerArn={LISTENER}\nCertificates.member.1.CertificateArn=c2\n");
    assert_eq!(
        form.await,
        format!("Action=AddListenerCertificates\n{rest}")
    );
    let form = written("RemoveListenerCertificates", async |calls| {
        calls
            .remove_listener_certificates(CHANGE, &arn(LISTENER), &certificates)
            .await
    });
    assert_eq!(
        form.await,
        format!("Action=RemoveListenerCertificates\n{rest}")
    );
}

#[tokio::test]
async fn tags_are_read_of_those_that_exist() {
    let gone = "<ErrorResponse><Error><Code>TargetGroupNotFound</Code>\
        <Message>One or more target groups not found</Message></Error></ErrorResponse>";
    let described = format!(
        "<TagDescriptions><member><ResourceArn>{LB}</ResourceArn><Tags><member><Key>k</Key>\
         <Value>v</Value></member></Tags></member></TagDescriptions>"
    );
    let server = Server::start([
        Reply::Answer(400, gone.into()),
        Reply::Answer(200, result("DescribeTags", &described)),
        Reply::Answer(400, gone.into()),
    ])
    .await;
    let calls = server.calls().await;
    let found = calls.tags_of(CHANGE, &[arn(LB), arn(TG)]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[&arn(LB)], tags(&[("k", "v")]));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn tags_are_added() {
    let wanted = tags(&[("k", "v")]);
    let form = written("AddTags", async |calls| {
        calls.add_tags(CHANGE, &[arn(LB)], &wanted).await
    });
    assert_eq!(
        form.await,
        format!(
            "Action=AddTags\nResourceArns.member.1={LB}\nTags.member.1.Key=k\n\
             Tags.member.1.Value=v\n"
        )
    );
}
