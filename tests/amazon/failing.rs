//! What is in the way at AWS: each Service is told of it, in words that say what to do; those that are served
//! stay so; and all heals by itself when it is out of the way.

use landfall_test_aws::{Aws, Fault, Quotas, When};
use serde_json::json;

use crate::cluster::annotated;
use crate::world::{World, condition, hostname, key, message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_is_missing_is_named_and_when_it_is_given_the_service_is_served() {
    let world = World::quick().await;
    world.aws.deny("CreateListener");
    let _controller = world.controller();
    world.create("web", &[80], &[]).await;
    let service = world
        .until_told("web", "Provisioned", "False", "Unauthorized")
        .await;
    let says = message(&service, "Provisioned");
    let action = "does not allow elasticloadbalancing:CreateListener";
    assert!(says.contains(action), "{says}");
    world.aws.mend();
    world.until_serving("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_have_expired_are_told_and_new_ones_are_enough() {
    let world = World::quick().await;
    let _controller = world.controller();
    world.create("served", &[80], &[]).await;
    let served = world.until_serving("served").await;
    world.aws.expire_key(&key());
    world.create("web", &[80], &[]).await;
    let service = world
        .until_told("web", "Provisioned", "False", "Unauthorized")
        .await;
    let says = message(&service, "Provisioned");
    assert!(says.contains("AWS does not take our credentials"), "{says}");
    assert_eq!(world.get("served").await["status"], served["status"]);
    world.aws.add_key(&key());
    world.until_serving("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_aws_throttles_everything_who_is_served_stays_so_and_a_new_service_is_made_afterwards()
 {
    let world = World::quick().await;
    let _controller = world.controller();
    world.create("served", &[80], &[]).await;
    let served = world.until_serving("served").await;
    world
        .aws
        .fault(Fault::refuse_any("Throttling", "Rate exceeded", 400));
    world.create("web", &[80], &[]).await;
    world
        .until_at_aws("it was refused some calls", |_| {
            world.refused("Throttling") > 12
        })
        .await;
    assert_eq!(hostname(&world.get("web").await), None);
    assert_eq!(world.get("served").await["status"], served["status"]);
    world.aws.mend();
    world.until_serving("web").await;
    assert_eq!(world.get("served").await["status"], served["status"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_annotation_that_cannot_be_read_is_named_while_another_service_is_served() {
    let world = World::quick().await;
    let _controller = world.controller();
    world
        .create("wrong", &[80], &[("scheme", "sideways")])
        .await;
    let service = world
        .until_told("wrong", "Provisioned", "False", "Invalid")
        .await;
    let says = message(&service, "Provisioned");
    let name = "service.beta.kubernetes.io/aws-load-balancer-scheme";
    assert!(says.contains(name) && says.contains("sideways"), "{says}");
    assert_eq!(hostname(&service), None);
    world.create("web", &[80], &[]).await;
    world.until_serving("web").await;
    assert_eq!(world.aws.load_balancers().len(), 1);
    let right = annotated(&[("scheme", "internal")]);
    let right = json!({"metadata": {"annotations": right}});
    world.patch("wrong", right).await;
    world.until_serving("wrong").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_used_up_is_named_and_whoever_waits_is_served_when_another_goes() {
    let world = World::quick().await;
    world.aws.set_quotas(Quotas {
        load_balancers: 1,
        ..Quotas::default()
    });
    let _controller = world.controller();
    world.create("first", &[80], &[]).await;
    let first = world.until_serving("first").await;
    world.create("second", &[80], &[]).await;
    let service = world
        .until_told("second", "Provisioned", "False", "Exhausted")
        .await;
    let says = message(&service, "Provisioned");
    let quota = "the quota \"Network Load Balancers per Region\" is used up";
    assert!(says.contains(quota), "{says}");
    assert_eq!(world.get("first").await["status"], first["status"]);
    world.delete("first").await;
    world.until_gone("first").await;
    world.until_serving("second").await;
    assert_eq!(world.aws.load_balancers().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_serves_is_not_touched_while_aws_is_away() {
    let world = World::quick().await;
    let controller = world.controller();
    world.create("web", &[80], &[]).await;
    let before = world.until_serving("web").await;

    // It answers, but cannot; and there is something to do.
    let code = "ServiceUnavailable";
    world.aws.fault(Fault::refuse_any(code, "Not now.", 503));
    world.delete_node(0).await;
    world.create("other", &[80], &[]).await;
    world
        .until_told("other", "Provisioned", "False", "ProviderUnavailable")
        .await;
    let service = world.get("web").await;
    assert_eq!(hostname(&service), hostname(&before));
    assert_eq!(
        condition(&service, "Serving"),
        condition(&before, "Serving")
    );
    world.aws.mend();
    world.until_serving("other").await;
    world
        .until_at_aws("the node is no target any more", |aws| {
            let groups = aws.target_groups();
            groups.len() == 2 && groups.iter().all(|it| it.targets.len() == 2)
        })
        .await;
    let before = world.until_serving("web").await;

    // It says nothing at all; and a controller that starts meanwhile does not know what there is.
    world.aws.stop_at(1, When::Before);
    world.until_at_aws("it hangs", Aws::is_stopped).await;
    controller.kill();
    world.aws.drop_held();
    let called = world.aws.calls().len();
    let _controller = world.controller();
    world
        .until_at_aws("it is called", |aws| aws.calls().len() > called)
        .await;
    assert_eq!(world.get("web").await, before);
    world.aws.go_on();
    world.create("another", &[80], &[]).await;
    world.until_serving("another").await;
    assert_eq!(hostname(&world.get("web").await), hostname(&before));
    assert_eq!(world.aws.load_balancers().len(), 3);
}
