//! What goes wrong is said in words that help, and others go on.

use landfall_provider_api::{Error, Outcome, Provider};

use super::world::{World, annotated, parts, served};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_aws_does_not_take_is_named_and_the_others_serve() {
    let world = World::start();
    let provider = world.begun().await;
    let gone = &world.ids.nodes[2];
    assert!(world.aws.remove_instance(&gone.id));
    let mut wanted = world.service("s1", &[80]);
    let mut nodes = wanted.nodes.to_vec();
    nodes[1].provider_id = None;
    wanted.nodes = nodes.into();
    let assigned = served(&provider, &wanted).await;
    let condition = assigned
        .conditions
        .iter()
        .find(|it| it.type_ == crate::answer::TARGETS);
    let message = &condition.expect("it is told").message;
    assert!(
        message.contains("node-1 has no spec.providerID"),
        "{message}"
    );
    assert!(
        message.contains(&format!("node-2 ({})", gone.id)),
        "{message}"
    );
    assert!(parts(&world, "s1").contains(&"target group TCP 80 with 1".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_of_a_type_that_is_not_supported_is_left_out() {
    let world = World::start();
    let provider = world.begun().await;
    let old = world.ids.nodes[0].id.clone();
    assert!(
        world
            .aws
            .alter_instance(&old, |it| it.kind = "t1.micro".into())
    );
    let assigned = served(&provider, &world.service("s1", &[80])).await;
    let condition = assigned
        .conditions
        .iter()
        .find(|it| it.type_ == crate::answer::TARGETS);
    assert!(condition.expect("it is told").message.contains(&old));
    assert!(parts(&world, "s1").contains(&"target group TCP 80 with 2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_and_what_is_half_made_is_released() {
    let world = World::start();
    let provider = world.begun().await;
    world.aws.deny("CreateListener");
    let wanted = world.service("s1", &[80]);
    let error = provider.ensure(&wanted).await.expect_err("it may not");
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("elasticloadbalancing:CreateListener"),
        "{text}"
    );
    super::world::released(&provider, &wanted.id).await;
    assert!(parts(&world, "s1").is_empty());
}

/// Annotations, and what the error names.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_named_with_its_annotation() {
    let world = World::start();
    let provider = world.begun().await;
    let other = world.service("other", &[80]);
    served(&provider, &other).await;
    let certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/none";
    let subnets = format!(
        "{},{}",
        world.ids.private_subnets[0], world.ids.public_subnets[0]
    );
    let rows: [Row<'_>; 5] = [
        (
            &[("subnets", "subnet-none")],
            "aws-load-balancer-subnets",
            "subnet-none",
        ),
        (
            &[("subnets", &subnets)],
            "aws-load-balancer-subnets",
            "both in the zone",
        ),
        (
            &[("security-groups", "sg-none")],
            "aws-load-balancer-security-groups",
            "sg-none",
        ),
        (&[("ssl-cert", certificate)], "", "certificate/none"),
        (
            &[
                ("scheme", "internet-facing"),
                ("subnets", &world.ids.public_subnets[0]),
                ("eip-allocations", "eipalloc-none"),
            ],
            "",
            "eipalloc-none",
        ),
    ];
    for (index, (annotations, field, says)) in rows.into_iter().enumerate() {
        let uid = format!("s{index}");
        let wanted = annotated(world.service(&uid, &[443]), annotations);
        let error = provider.ensure(&wanted).await.expect_err("it cannot be");
        let text = error.to_string();
        assert!(
            matches!(error, Error::Invalid { .. }),
            "{annotations:?}: {error:?}"
        );
        assert!(
            text.contains(field) && text.contains(says),
            "{annotations:?}: {text}"
        );
        super::world::released(&provider, &wanted.id).await;
        assert!(
            parts(&world, &uid).is_empty(),
            "{annotations:?}: {:?}",
            parts(&world, &uid)
        );
    }
    assert!(matches!(
        provider.ensure(&other).await,
        Ok(Outcome::Provisioned(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_load_balancer_stays_and_it_is_said_why() {
    let world = World::start();
    let provider = world.begun().await;
    let wanted = world.service("s1", &[80]);
    served(&provider, &wanted).await;
    let arn = world.aws.load_balancers()[0].arn.clone();
    assert!(
        world
            .aws
            .set_attribute(&arn, "deletion_protection.enabled", "true")
    );
    let error = provider
        .release(&wanted.id)
        .await
        .expect_err("it is protected");
    assert!(error.to_string().contains("protection"), "{error}");
    assert_eq!(world.aws.load_balancers().len(), 1);
    assert!(
        world
            .aws
            .set_attribute(&arn, "deletion_protection.enabled", "false")
    );
    super::world::released(&provider, &wanted.id).await;
    assert!(parts(&world, "s1").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_nodes_with_the_labels_that_are_asked_for_are_targets() {
    let world = World::start();
    let provider = world.begun().await;
    let mut wanted = annotated(
        world.service("s1", &[80]),
        &[("target-node-labels", "pool=web,size=big")],
    );
    let mut nodes = wanted.nodes.to_vec();
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    nodes[0].labels = [label("pool", "web"), label("size", "big")].into();
    nodes[1].labels = [label("pool", "web")].into();
    wanted.nodes = nodes.into();
    served(&provider, &wanted).await;
    let groups = world.aws.target_groups();
    let targets: Vec<_> = groups[0].targets.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(targets, [world.ids.nodes[0].id.as_str()]);
}
