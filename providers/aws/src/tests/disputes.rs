//! What is not to be taken over, or not yet: what is somebody else's, and what its owner may still be at work on.

use std::time::Duration;

use landfall_provider_api::{Held, Ingress, Provider};

use super::succession::{THEIRS, begin, held, inherited, newly_made, serving, successor};
use super::world::{World, released, served};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_load_balancer_of_somebody_else_none_is_made() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    world.aws.tag(&made.arn, "elbv2.k8s.aws/cluster", "staging");
    world.aws.advance(Duration::from_mins(2));
    let provider = successor(&world);
    // That it bears our marks does not mean that its status names what is ours.
    for ours in [false, true] {
        let held = Held {
            ours,
            ..held(&wanted, &made.dns_name)
        };
        begin(&provider, vec![held]).await;
        let refused = provider.ensure(&wanted).await;
        let refused = refused.expect_err("it is somebody else's").to_string();
        assert!(
            refused.contains("says staging: of prod it would"),
            "{refused}"
        );
        assert_eq!(world.aws.load_balancers().len(), 1);
    }
    // Deleted, it waits for whoever has to do with it, or for somebody who says who that is.
    let refused = provider.release(&wanted.id).await.expect_err("as before");
    assert!(refused.to_string().contains("takesOver.clusterName"));
    // Of what no such controller has made there is nothing to be removed.
    world.aws.untag(&made.arn, "elbv2.k8s.aws/cluster");
    released(&provider, &wanted.id).await;
    assert_eq!(world.aws.load_balancers().len(), 1);
    begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    provider
        .ensure(&wanted)
        .await
        .expect_err("it is still there");
    // When it is gone, nobody has to say so.
    world.aws.delete_load_balancer(&made.arn);
    served(&provider, &wanted).await;
    assert_eq!(world.aws.load_balancers().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_somebody_elses_is_taken_over_when_its_tags_say_so() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    world.aws.tag(&made.arn, "elbv2.k8s.aws/cluster", "staging");
    world.aws.advance(Duration::from_mins(2));
    let provider = successor(&world);
    begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    provider.ensure(&wanted).await.expect_err("not yet");
    world.aws.tag(&made.arn, "elbv2.k8s.aws/cluster", THEIRS);
    let assigned = served(&provider, &wanted).await;
    let name = Ingress::Hostname(made.dns_name.to_lowercase());
    assert_eq!(assigned.ingress, [name]);
    assert_eq!(world.aws.load_balancers().len(), 1);
    released(&provider, &wanted.id).await;
    let left = world.aws.security_groups();
    let front = left.iter().any(|it| it.name.ends_with("-front"));
    assert!(!front, "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_bears_our_marks_while_it_runs_waits_and_gets_no_second_load_balancer() {
    for is_new in [false, true] {
        let world = World::start();
        let (wanted, made) = if is_new {
            newly_made(&world, "s1")
        } else {
            inherited(&world, "s1")
        };
        let before = serving(&world.aws.everything());
        let provider = successor(&world);
        let (predecessor, _) = provider.predecessor.as_ref().unwrap();
        let predecessor = predecessor.clone();
        // As after a restart: nothing is known of it yet.
        predecessor.note(Some("it may run".into()));
        let marked = || Held {
            ours: true,
            ..held(&wanted, &made.dns_name)
        };
        begin(&provider, vec![marked()]).await;
        let refused = provider.ensure(&wanted).await.expect_err("it may run");
        assert!(refused.to_string().contains("it may run"), "{refused}");
        assert_eq!(serving(&world.aws.everything()), before);
        predecessor.note(None);
        begin(&provider, vec![marked()]).await;
        served(&provider, &wanted).await;
        assert_eq!(serving(&world.aws.everything()), before);
        // Taken over, and the tag query does not know of it yet.
        let provider = successor(&world);
        begin(&provider, vec![marked()]).await;
        served(&provider, &wanted).await;
        assert_eq!(serving(&world.aws.everything()), before, "{is_new}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_deleted_while_it_runs_is_left_to_it() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    let provider = successor(&world);
    let (predecessor, _) = provider.predecessor.as_ref().unwrap();
    predecessor.note(Some("it runs".into()));
    let marked = Held {
        ours: true,
        wanted: None,
        ..held(&wanted, &made.dns_name)
    };
    begin(&provider, vec![marked]).await;
    let refused = provider
        .release(&wanted.id)
        .await
        .expect_err("it is theirs");
    assert!(refused.to_string().contains("it runs"), "{refused}");
    assert_eq!(world.aws.load_balancers().len(), 1);
    // As it does when a Service is deleted.
    world.aws.delete_load_balancer(&made.arn);
    for group in world.aws.target_groups() {
        world.aws.delete_target_group(&group.arn);
    }
    let groups = world.aws.security_groups();
    let front = groups.iter().find(|it| it.name.ends_with("-front"));
    world.aws.delete_security_group(&front.unwrap().id);
    released(&provider, &wanted.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_group_of_somebody_else_is_not_taken_with_the_listener_that_sends_to_it() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    let other = landfall_test_aws::Predecessor {
        cluster: "other",
        namespace: "elsewhere",
        name: "other",
        ports: &[(81, 30_800)],
    };
    world.aws.made_by_predecessor(&world.ids, other);
    let groups = world.aws.target_groups();
    let foreign = groups.iter().find(|it| it.port == 30_800).unwrap();
    let listeners = world.aws.listeners();
    let theirs = listeners.iter().find(|it| it.load_balancer == made.arn);
    world.aws.alter_listener(&theirs.unwrap().arn, |it| {
        it.forward.target_groups.push(landfall_test_aws::Weighted {
            arn: foreign.arn.clone(),
            weight: 1,
        });
    });
    let provider = successor(&world);
    begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    let refused = provider.ensure(&wanted).await.expect_err("it is shared");
    assert!(
        refused
            .to_string()
            .contains("also sends to the target group"),
        "{refused}"
    );
    let now = world.aws.target_groups();
    let now = now.iter().find(|it| it.arn == foreign.arn).unwrap();
    assert_eq!(now.tags, foreign.tags);
    let balancers = world.aws.load_balancers();
    let its = balancers.iter().find(|it| it.arn == made.arn).unwrap();
    assert!(!its.tags.contains_key("landfall.dev/service-uid"));
    // Deleted, the Service does not wait for anybody, and what is somebody else's stays.
    released(&provider, &wanted.id).await;
    let groups = world.aws.target_groups();
    let left: Vec<_> = groups.iter().map(|it| &it.arn).collect();
    assert_eq!(left, [&foreign.arn]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_runs_nothing_is_taken() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    let provider = successor(&world);
    let (predecessor, _) = provider.predecessor.as_ref().unwrap();
    let predecessor = predecessor.clone();
    predecessor.note(Some("it runs".into()));
    // The Service is nobody's of ours then.
    assert!(begin(&provider, Vec::new()).await.is_empty());
    predecessor.note(None);
    assert_eq!(
        begin(&provider, vec![held(&wanted, &made.dns_name)])
            .await
            .len(),
        1
    );
    predecessor.note(Some("it runs again".into()));
    let refused = provider
        .ensure(&wanted)
        .await
        .expect_err("it is not ours yet");
    assert!(refused.to_string().contains("it runs again"), "{refused}");
    let tags = &world.aws.load_balancers()[0].tags;
    assert!(tags.contains_key("elbv2.k8s.aws/cluster"), "{tags:?}");
}
