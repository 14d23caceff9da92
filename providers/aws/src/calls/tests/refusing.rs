//! What becomes of calls that AWS refuses, loses or never hears.

use std::time::Duration;

use super::server::Reply;
use super::*;

const CHANGE: Priority = Priority::Change;

fn elb(status: u16, code: &str) -> Reply {
    Reply::Answer(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <Error><Type>Sender</Type><Code>{code}</Code><Message>Said {code}</Message></Error>\
             <RequestId>r-1</RequestId></ErrorResponse>"
        ),
    )
}

fn ec2(status: u16, code: &str) -> Reply {
    Reply::Answer(
        status,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>Said {code}</Message></Error>\
             </Errors><RequestID>r-1</RequestID></Response>"
        ),
    )
}

fn json(status: u16, code: &str) -> Reply {
    let body = format!("{{\"__type\":\"com.amazon#{code}\",\"Message\":\"Said {code}\"}}");
    Reply::Answer(status, body)
}

fn impatient() -> Pace {
    Pace {
        patience: Duration::from_millis(300),
        attempt: Duration::from_secs(30),
        ..Pace::unlimited()
    }
}

async fn delete_load_balancer(server: &Server) -> Result<()> {
    let calls = server.calls_at(impatient()).await;
    calls.delete_load_balancer(CHANGE, &arn(LB)).await
}

#[tokio::test]
async fn every_protocol_says_what_is_the_matter() {
    for (status, code, kind) in [
        (403, "AccessDenied", RefusalKind::Denied),
        (400, "ExpiredTokenException", RefusalKind::Credentials),
        (400, "TooManyListeners", RefusalKind::Quota),
        (400, "ResourceInUse", RefusalKind::InUse),
        (400, "ValidationError", RefusalKind::Invalid),
        (400, "Throttling", RefusalKind::Throttled),
        (400, "DuplicateListener", RefusalKind::Exists),
        (500, "InternalFailure", RefusalKind::Unsure),
    ] {
        let refuse = |form: fn(u16, &str) -> Reply| vec![form(status, code); 2000];
        let server = Server::start(refuse(elb)).await;
        let by_elb = delete_load_balancer(&server).await.unwrap_err();
        let server = Server::start(refuse(ec2)).await;
        let calls = server.calls_at(impatient()).await;
        let by_ec2 = calls
            .delete_security_group(CHANGE, "sg-1")
            .await
            .unwrap_err();
        let server = Server::start(refuse(json)).await;
        let calls = server.calls_at(impatient()).await;
        let by_json = calls.resources(CHANGE, &[], &[]).await.unwrap_err();
        for (refusal, changes) in [(&by_elb, true), (&by_ec2, true), (&by_json, false)] {
            let kind = match kind {
                RefusalKind::Unsure if !changes => RefusalKind::Unavailable,
                kind => kind,
            };
            assert_eq!(refusal.kind, kind, "{refusal:?}");
            assert_eq!(&*refusal.code, code, "{refusal:?}");
            assert_eq!(*refusal.message, *format!("Said {code}"), "{refusal:?}");
            assert!(refusal.request_id.is_some(), "{refusal:?}");
        }
        assert_eq!(&*by_elb.on, LB);
        assert_eq!(&*by_ec2.on, "sg-1");
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_unsure_and_not_repeated() {
    let garbage = Reply::Answer(502, "<html>Bad gateway".into());
    let pace = Pace {
        attempt: Duration::from_millis(500),
        ..impatient()
    };
    for lost in [Reply::HangUp, Reply::Silence, garbage] {
        let server = Server::start([lost.clone(), lost.clone()]).await;
        let calls = server.calls_at(pace.clone()).await;
        let refusal = calls.delete_load_balancer(CHANGE, &arn(LB)).await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is_unsure(), "{lost:?}: {refusal:?}");
        assert_eq!(server.asked().len(), 1, "{lost:?}");
        let refusal = calls.delete_security_group(CHANGE, "sg-1").await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is_unsure(), "{lost:?}: {refusal:?}");
        assert_eq!(server.asked().len(), 2, "{lost:?}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_leaves_a_change_unsure() {
    let server = Server::answering(&["<r/>"]).await;
    let calls = server.calls().await;
    let none = Tags::new();
    let made = calls.create_security_group(CHANGE, "web", "", "vpc-1", &none);
    let refusal = made.await.unwrap_err();
    assert!(refusal.is_unsure(), "{refusal:?}");
    assert!(refusal.message.contains("has no <groupId>"), "{refusal:?}");
}

#[tokio::test]
async fn a_change_that_was_never_sent_is_not_unsure() {
    let calls = server::calls_to("http://127.0.0.1:1", impatient(), Counters::default()).await;
    let refusal = calls
        .delete_load_balancer(CHANGE, &arn(LB))
        .await
        .unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unavailable, "{refusal:?}");
    let refusal = calls
        .delete_security_group(CHANGE, "sg-1")
        .await
        .unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unavailable, "{refusal:?}");
}

#[tokio::test]
async fn a_look_is_repeated_until_it_succeeds() {
    let found = Reply::Answer(200, "<r><vpcSet/></r>".into());
    let server = Server::start([
        Reply::HangUp,
        ec2(500, "InternalError"),
        ec2(503, "RequestLimitExceeded"),
        found,
    ])
    .await;
    let counters = Counters::default();
    let calls = server::calls_to(&server.url, Pace::unlimited(), counters.clone()).await;
    let vpcs = calls.vpcs(CHANGE, &own(&["vpc-1"])).await.unwrap();
    assert!(vpcs.is_empty());
    assert_eq!(server.asked().len(), 4);
    let count = |outcome| counters.count("ec2:DescribeVpcs", outcome);
    assert_eq!(
        (count("Ok"), count("Throttled"), count("Unavailable")),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn a_change_is_repeated_after_throttling() {
    let done = Reply::Answer(200, "<r/>".into());
    let server = Server::start([
        elb(400, "Throttling"),
        elb(400, "ThrottlingException"),
        done,
    ])
    .await;
    let calls = server.calls().await;
    calls.delete_load_balancer(CHANGE, &arn(LB)).await.unwrap();
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn patience_comes_to_an_end() {
    let server = Server::start(vec![elb(400, "Throttling"); 10_000]).await;
    let refusal = delete_load_balancer(&server).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Throttled);
}

#[tokio::test]
async fn what_has_no_turn_in_time_is_throttled_and_never_sent() {
    let server = Server::answering(&["<r/>"; 1000]).await;
    let pace = Pace {
        limited: true,
        ..impatient()
    };
    let calls = server.calls_at(pace).await;
    let balancer = arn(LB);
    let all = (0..100).map(|_| calls.delete_load_balancer(Priority::Refresh, &balancer));
    let all = futures::future::join_all(all).await;
    let refused = all.iter().filter_map(|it| it.as_ref().err());
    let refused: Vec<_> = refused.collect();
    assert!(
        refused
            .iter()
            .all(|it| it.kind == RefusalKind::Throttled && it.code.is_empty())
    );
    assert!(refused.len() > 50, "{}", refused.len());
    assert_eq!(server.asked().len(), 100 - refused.len());
}

#[tokio::test]
async fn a_turn_that_aws_refused_makes_the_next_wait() {
    let server = Server::start([elb(400, "Throttling"), Reply::Answer(200, "<r/>".into())]).await;
    let pace = Pace {
        limited: true,
        ..Pace::unlimited()
    };
    let calls = server.calls_at(pace).await;
    let began = std::time::Instant::now();
    calls.delete_load_balancer(CHANGE, &arn(LB)).await.unwrap();
    // One token at seven tenths of twenty a second.
    assert!(began.elapsed() > Duration::from_millis(60));
}

/// A future that may go from thread to thread.
fn sent<F: Future + Send>(future: F) -> F {
    future
}

#[tokio::test]
async fn every_call_may_be_made_on_any_thread() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let server = Server::start([]).await;
    let calls = server.calls().await;
    shared(&calls);
    let (balancer, group, priority) = (arn(LB), arn(TG), Priority::Refresh);
    let ids = own(&["x"]);
    let (empty, change) = (Tags::new(), ListenerChange::default());
    drop(sent(connect(
        Settings::default(),
        Pace::default(),
        None,
        Counters::default(),
    )));
    drop(sent(calls.load_balancers(priority, Which::All)));
    drop(sent(calls.load_balancer_attributes(priority, &balancer)));
    drop(sent(calls.modify_load_balancer_attributes(
        priority, &balancer, &empty,
    )));
    drop(sent(calls.set_subnets(
        priority,
        &balancer,
        &[],
        None,
        None,
    )));
    drop(sent(calls.target_groups(priority, TargetGroups::All)));
    drop(sent(calls.modify_target_group(
        priority,
        &group,
        &HealthCheck::default(),
    )));
    drop(sent(calls.register_targets(priority, &group, &[])));
    drop(sent(calls.target_health(priority, &group)));
    drop(sent(
        calls.listeners(priority, Listeners::OfLoadBalancer(&balancer)),
    ));
    drop(sent(calls.modify_listener(priority, &balancer, &change)));
    drop(sent(calls.listener_certificates(priority, &balancer)));
    drop(sent(calls.tags_of(priority, &[])));
    drop(sent(calls.add_tags(priority, &[], &empty)));
    drop(sent(calls.subnets(priority, Subnets::InVpc("vpc-1"))));
    drop(sent(calls.route_tables(priority, "vpc-1")));
    drop(sent(calls.vpcs(priority, &ids)));
    drop(sent(calls.instances(priority, &ids)));
    drop(sent(
        calls.security_groups(priority, SecurityGroups::Ids(&ids)),
    ));
    drop(sent(
        calls.create_security_group(priority, "", "", "", &empty),
    ));
    drop(sent(calls.delete_security_group(priority, "")));
    drop(sent(calls.rules(priority, &ids)));
    drop(sent(calls.authorize(priority, "", &[])));
    drop(sent(calls.revoke(priority, "", Revoked::Rules(&[]))));
    drop(sent(calls.create_tags(priority, &ids, &empty)));
    drop(sent(calls.resources(priority, &[], &[])));
    drop(sent(calls.capacity(priority, &balancer)));
}
