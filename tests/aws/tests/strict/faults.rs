//! Faults on demand: what a test orders is what the client sees.

use std::time::{Duration, Instant};

use landfall_test_aws::{Fault, Outcome, Times, When};

use crate::client::{Stand, internal, until};

#[test]
fn a_refused_call_changes_nothing_and_is_counted() {
    let stand = Stand::new();
    let fault = Fault::refuse("CreateLoadBalancer", "Throttling", "Rate exceeded", 400);
    stand.aws.fault(fault.times(Times::N(2)));
    let parameters = internal("web", &stand.ids.private_subnets[0]);
    for _ in 0..2 {
        assert_eq!(
            stand.elb_refuses("CreateLoadBalancer", &parameters),
            "Throttling"
        );
    }
    assert!(stand.aws.load_balancers().is_empty());
    stand.elb("CreateLoadBalancer", &parameters);
    stand.elb("DescribeLoadBalancers", &[]);
    assert_eq!(stand.aws.count("CreateLoadBalancer"), 3);
    assert_eq!(stand.aws.counts()["DescribeLoadBalancers"], 1);
    let changes = stand.aws.changes();
    assert_eq!(changes.len(), 3);
    assert_eq!(
        changes[0].outcome,
        Outcome::Refused("Throttling".to_owned())
    );
    assert_eq!(
        changes[2].parameters["Subnets.1"],
        stand.ids.private_subnets[0]
    );
    stand.aws.clear_calls();
    assert!(stand.aws.calls().is_empty());
}

#[test]
fn a_lost_answer_leaves_the_change() {
    let stand = Stand::new();
    stand
        .aws
        .fault(Fault::lose_answer("CreateLoadBalancer").times(Times::Once));
    let parameters = internal("web", &stand.ids.private_subnets[0]);
    let lost = stand.send("elasticloadbalancing", "CreateLoadBalancer", &parameters);
    assert!(lost.is_err());
    assert_eq!(stand.aws.load_balancers().len(), 1);
    stand.elb("CreateLoadBalancer", &parameters);
    assert_eq!(stand.aws.load_balancers().len(), 1);
}

#[test]
fn nonsense_is_no_xml_and_any_action_can_be_refused() {
    let stand = Stand::new();
    stand.aws.fault(Fault::garble("DescribeVpcs"));
    assert!(!stand.ec2("DescribeVpcs", &[]).body.contains("vpcSet"));
    stand.aws.mend();
    stand
        .aws
        .fault(Fault::refuse_any("InternalFailure", "try again", 500));
    assert_eq!(stand.ec2_refuses("DescribeVpcs", &[]), "InternalFailure");
    assert_eq!(
        stand.elb_refuses("DescribeLoadBalancers", &[]),
        "InternalFailure"
    );
}

#[test]
fn calls_take_their_time_beside_each_other() {
    let stand = Stand::new();
    stand.aws.latency(Duration::from_millis(200));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| stand.ec2("DescribeVpcs", &[]));
        }
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < 20 * Duration::from_millis(200), "{took:?}");
}

#[test]
fn the_world_stops_before_or_after_a_call_and_goes_on() {
    for (when, made) in [(When::Before, 1), (When::After, 2)] {
        let stand = Stand::new();
        let subnet = &stand.ids.private_subnets[0];
        stand.aws.stop_at(2, when);
        stand.elb("CreateLoadBalancer", &internal("one", subnet));
        let (service, action) = ("elasticloadbalancing", "CreateLoadBalancer");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| stand.send(service, action, &internal("two", subnet)));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            let stopped =
                async { tokio::time::timeout(Duration::from_mins(1), stand.aws.stopped()).await };
            runtime.block_on(stopped).unwrap();
            let third = scope.spawn(|| stand.send(service, action, &internal("three", subnet)));
            until("the third call is held", || stand.aws.calls().len() == 3);
            assert!(!second.is_finished() && !third.is_finished());
            assert_eq!(stand.aws.load_balancers().len(), made, "{when:?}");
            stand.aws.drop_held();
            assert!(second.join().unwrap().is_err() && third.join().unwrap().is_err());
        });
        assert!(stand.aws.is_stopped());
        stand.aws.go_on();
        stand.elb(action, &internal("two", subnet));
        assert_eq!(stand.aws.load_balancers().len(), 2);
    }
}

#[test]
fn calls_beyond_the_rate_are_throttled_in_the_words_of_each_service() {
    let stand = Stand::new();
    stand.aws.throttle("Describe", 1.0, 2);
    stand.ec2("DescribeVpcs", &[]);
    stand.elb("DescribeLoadBalancers", &[]);
    assert_eq!(
        stand.ec2_refuses("DescribeVpcs", &[]),
        "RequestLimitExceeded"
    );
    assert_eq!(
        stand.elb_refuses("DescribeLoadBalancers", &[]),
        "Throttling"
    );
    stand.load_balancer("web");
    stand.aws.advance(Duration::from_secs(1));
    stand.elb("DescribeLoadBalancers", &[]);
    stand.aws.mend();
    stand.elb("DescribeLoadBalancers", &[]);
}
