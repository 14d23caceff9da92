//! States of targets, which take their time.

use std::time::Duration;

use crate::client::Stand;

struct Group<'a> {
    stand: &'a Stand,
    arn: String,
    target: String,
}

impl Group<'_> {
    fn call(&self, action: &str) {
        let parameters = [
            ("TargetGroupArn", self.arn.as_str()),
            ("Targets.member.1.Id", &self.target),
        ];
        self.stand.elb(action, &parameters);
    }

    fn states(&self) -> Vec<String> {
        let this = [("TargetGroupArn", self.arn.as_str())];
        self.stand.elb("DescribeTargetHealth", &this).texts("State")
    }
}

#[test]
fn a_target_is_unused_then_initial_then_healthy_and_drains_when_it_leaves() {
    let stand = Stand::new();
    let group = Group {
        arn: stand.target_group("web", "TCP"),
        target: stand.ids.nodes[0].id.clone(),
        stand: &stand,
    };
    group.call("RegisterTargets");
    stand.aws.advance(Duration::from_mins(10));
    assert_eq!(group.states(), ["unused"]);
    let owner = stand.load_balancer("web");
    stand.listener(&owner, "TCP", "80", &group.arn);
    assert_eq!(group.states(), ["initial"]);
    stand.aws.advance(Duration::from_secs(90));
    assert_eq!(group.states(), ["healthy"]);
    stand.aws.fail_target(&group.arn, &group.target, true);
    assert_eq!(group.states(), ["unhealthy"]);
    group.call("RegisterTargets");
    assert_eq!(group.states(), ["unhealthy"]);
    group.call("DeregisterTargets");
    assert_eq!(group.states(), ["draining"]);
    stand.aws.advance(Duration::from_secs(299));
    assert_eq!(group.states(), ["draining"]);
    stand.aws.advance(Duration::from_secs(1));
    assert!(group.states().is_empty());
}

#[test]
fn a_target_that_comes_back_while_it_drains_starts_anew() {
    let stand = Stand::new();
    let group = Group {
        arn: stand.target_group("web", "TCP"),
        target: stand.ids.nodes[0].id.clone(),
        stand: &stand,
    };
    let owner = stand.load_balancer("web");
    stand.listener(&owner, "TCP", "80", &group.arn);
    group.call("RegisterTargets");
    stand.aws.advance(Duration::from_secs(90));
    group.call("DeregisterTargets");
    stand.aws.advance(Duration::from_secs(10));
    group.call("RegisterTargets");
    assert_eq!(group.states(), ["initial"]);
}

#[test]
fn a_target_in_a_zone_without_the_load_balancer_is_unused() {
    let stand = Stand::new();
    let group = Group {
        arn: stand.target_group("web", "TCP"),
        target: stand.ids.nodes[1].id.clone(),
        stand: &stand,
    };
    let owner = stand.load_balancer("web");
    stand.listener(&owner, "TCP", "80", &group.arn);
    group.call("RegisterTargets");
    assert_eq!(group.states(), ["unused"]);
}

#[test]
fn a_filter_shows_what_is_not_registered_as_unused() {
    let stand = Stand::new();
    let arn = stand.target_group("web", "TCP");
    let parameters = [
        ("TargetGroupArn", arn.as_str()),
        ("Targets.member.1.Id", "i-0123456789abcdef0"),
    ];
    let shown = stand.elb("DescribeTargetHealth", &parameters);
    assert_eq!(shown.text("Reason"), "Target.NotRegistered");
}
