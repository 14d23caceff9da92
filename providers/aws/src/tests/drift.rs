//! What others alter is noticed, told, and put right.

use futures::StreamExt;
use landfall_provider_api::{Outcome, Provider};
use landfall_test_aws::Source;

use super::world::{World, parts, served};

/// Alters something, reads all, and expects that it is put right and counted as a repair.
async fn repaired(what: &str, alter: impl FnOnce(&World)) {
    let world = World::start();
    let provider = world.begun().await;
    let wanted = world.service("s1", &[80]);
    served(&provider, &wanted).await;
    let before = parts(&world, "s1");
    let groups = world.aws.everything().target_groups;
    let mut changes = provider.changes();
    world.aws.advance(std::time::Duration::from_mins(2));
    alter(&world);
    world.aws.advance(std::time::Duration::from_mins(2));
    provider.owned().await.expect("all is read");
    let woken = tokio::time::timeout(std::time::Duration::from_secs(10), changes.next()).await;
    assert_eq!(
        woken.ok().flatten().as_ref(),
        Some(&wanted.id),
        "{what}: nobody is told"
    );
    let mut is_counted = false;
    let assigned = super::world::until(&provider, &wanted, what, |outcome| {
        matches!(outcome, Outcome::Provisioned(_)) && parts(&world, "s1") == before
    });
    if let Outcome::Provisioned(assigned) = assigned.await {
        is_counted = assigned.repaired;
    }
    assert_eq!(parts(&world, "s1"), before, "{what}");
    assert!(is_counted, "{what}: it does not count as a repair");
    let checks: Vec<_> = groups.iter().map(|it| it.health_check.clone()).collect();
    let now = world.aws.everything().target_groups;
    assert_eq!(
        now.iter()
            .map(|it| it.health_check.clone())
            .collect::<Vec<_>>(),
        checks,
        "{what}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_that_is_gone_is_made_again() {
    repaired("load balancer gone", |world| {
        let arn = world.aws.load_balancers()[0].arn.clone();
        assert!(world.aws.delete_load_balancer(&arn));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_gone_is_made_again() {
    repaired("listener gone", |world| {
        let arn = world.aws.listeners()[0].arn.clone();
        assert!(world.aws.delete_listener(&arn));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_that_is_altered_is_put_right() {
    repaired("health check altered", |world| {
        let arn = world.aws.target_groups()[0].arn.clone();
        assert!(
            world
                .aws
                .alter_target_group(&arn, |it| it.health_check.interval = 30)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_gone_is_added_again() {
    repaired("rule gone", |world| {
        let groups = world.aws.security_groups();
        let is_front = |it: &&landfall_test_aws::SecurityGroup| {
            it.tags
                .get("landfall.dev/part")
                .is_some_and(|it| it == "frontend-security-group")
        };
        let front = groups.iter().find(is_front).expect("there is one");
        let rule = world.aws.rules(&front.id)[0].id.clone();
        assert!(world.aws.remove_rule(&rule));
    })
    .await;
}

/// What others add is not ours to keep, where clients would get in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_were_shut_are_opened_again() {
    let world = World::start();
    let provider = world.begun().await;
    let wanted = world.service("s1", &[80]);
    served(&provider, &wanted).await;
    let ours = |world: &World| {
        let rules = world.aws.rules(&world.ids.node_security_group);
        let ours = rules
            .into_iter()
            .filter(|it| it.description.as_deref() == Some("Load balancers of Services"));
        ours.map(|it| it.id).collect::<Vec<_>>()
    };
    for rule in ours(&world) {
        assert!(world.aws.remove_rule(&rule));
    }
    assert!(ours(&world).is_empty());
    provider.owned().await.expect("all is read");
    assert_eq!(ours(&world).len(), 1);
}

/// AWS takes all rules of a call or none, so one that others have added already must not cost the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_others_have_added_does_not_keep_the_rest_out() {
    let world = World::start();
    let provider = world.begun().await;
    let mut wanted = world.service("s1", &[80]);
    let range = |it: &str| it.parse().expect("it is a range");
    wanted.source_ranges = vec![range("10.1.0.0/16")];
    served(&provider, &wanted).await;
    let groups = world.aws.security_groups();
    let is_front = |it: &&landfall_test_aws::SecurityGroup| {
        it.tags
            .get("landfall.dev/part")
            .is_some_and(|it| it == "frontend-security-group")
    };
    let front = &groups.iter().find(is_front).expect("there is one").id;
    assert!(world.aws.alter_security_group(front, |it| {
        let mut rule = it
            .rules
            .iter()
            .find(|it| !it.egress)
            .expect("there is one")
            .clone();
        rule.id = "sgr-by-others".into();
        rule.source = Source::Ipv4("10.2.0.0/16".parse().expect("it is a range"));
        it.rules.push(rule);
    }));
    let ranges = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"];
    wanted.source_ranges = ranges.map(range).into();
    served(&provider, &wanted).await;
    let sources: std::collections::BTreeSet<_> = world
        .aws
        .rules(front)
        .into_iter()
        .map(|it| format!("{:?}", it.source))
        .collect();
    let expected = ranges.map(|it| format!("Ipv4({it})"));
    assert_eq!(sources, expected.into());
}
