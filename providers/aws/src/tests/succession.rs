//! What the AWS Load Balancer Controller has made goes on serving when it is taken over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use landfall_provider_api::{Held, Ingress, LoadBalancer, Owned, Provider, Snapshot};
use landfall_test_aws::{Everything, Fault, Times};

use super::world::{World, cluster, hurried, released, served};
use crate::predecessor::{Predecessor, TakesOver};
use crate::{Aws, Settings};

/// Its `--cluster-name`, which need not be ours.
pub(super) const THEIRS: &str = "prod";

/// A provider that takes over from a controller that does not run.
pub(super) fn successor(world: &World) -> Aws {
    let settings = Settings {
        region: Some(world.aws.region()),
        vpc: Some(world.ids.vpc.clone()),
        endpoint: Some(world.aws.url()),
    };
    let predecessor = Predecessor::new(TakesOver {
        cluster_name: THEIRS.to_owned(),
        lease_namespace: "kube-system".to_owned(),
        lease_name: "leader".to_owned(),
    });
    predecessor.note(None);
    let key = &landfall_test_aws::Options::default().keys[0];
    Aws {
        predecessor: Some((Arc::new(predecessor), tokio::task::JoinSet::new())),
        ..hurried(settings, key, &cluster())
    }
}

/// A Service of two ports, and what that controller has made for it a while ago.
pub(super) fn inherited(
    world: &World,
    uid: &str,
) -> (LoadBalancer, landfall_test_aws::LoadBalancer) {
    let made = newly_made(world, uid);
    world.aws.advance(Duration::from_mins(2));
    made
}

/// The same just now: the tag query does not know of it.
pub(super) fn newly_made(
    world: &World,
    uid: &str,
) -> (LoadBalancer, landfall_test_aws::LoadBalancer) {
    let mut wanted = world.service(uid, &[80, 443]);
    // Which target group is of which port, neither their numbers tell nor their order.
    wanted.ports[0].node_port = Some(30_999);
    let ports = wanted.ports.iter();
    let ports: Vec<_> = ports.map(|it| (it.port, it.node_port.unwrap())).collect();
    let made = world.aws.made_by_predecessor(
        &world.ids,
        landfall_test_aws::Predecessor {
            cluster: THEIRS,
            namespace: &wanted.service.namespace,
            name: &wanted.service.name,
            ports: &ports,
        },
    );
    (wanted, made)
}

pub(super) fn held(wanted: &LoadBalancer, name: &str) -> Held {
    Held {
        id: wanted.id.clone(),
        service: wanted.service.clone(),
        created: wanted.created,
        ours: false,
        ingress: vec![Ingress::Hostname(name.to_lowercase())],
        wanted: Some(wanted.clone()),
    }
}

pub(super) async fn begin(provider: &Aws, services: Vec<Held>) -> Vec<Owned> {
    let snapshot = Snapshot {
        services,
        ..Snapshot::default()
    };
    provider.begin(snapshot.known()).await.expect("it begins")
}

/// Which balancers, listeners and groups there are, and who is registered.
pub(super) fn serving(everything: &Everything) -> BTreeSet<String> {
    let balancers = everything.load_balancers.iter().map(|it| it.arn.clone());
    let listeners = everything.listeners.iter();
    let listeners = listeners.map(|it| format!("{} {:?}", it.arn, it.forward));
    let groups = everything.target_groups.iter().map(|it| {
        let targets = it.targets.iter();
        let targets: Vec<_> = targets
            .map(|it| format!("{}:{} {:?}", it.id, it.port, it.draining_since))
            .collect();
        format!("{} {targets:?}", it.arn)
    });
    balancers.chain(listeners).chain(groups).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_service_is_taken_over_in_place_and_serves_all_the_while() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    let before = serving(&world.aws.everything());
    let provider = successor(&world);
    let owned = begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    assert_eq!(owned.len(), 1, "{owned:?}");
    assert_eq!(owned[0].id.as_ref(), Some(&wanted.id));
    let assigned = served(&provider, &wanted).await;
    assert_eq!(
        assigned.ingress,
        [Ingress::Hostname(made.dns_name.to_lowercase())]
    );
    let everything = world.aws.everything();
    assert_eq!(serving(&everything), before, "{}", world.called());
    for action in [
        "RegisterTargets",
        "DeregisterTargets",
        "ModifyListener",
        "CreateListener",
    ] {
        assert_eq!(world.aws.count(action), 0, "{action}: {}", world.called());
    }
    let tags = everything.load_balancers.iter().map(|it| &it.tags);
    let tags = tags.chain(everything.target_groups.iter().map(|it| &it.tags));
    let tags = tags.chain(everything.listeners.iter().map(|it| &it.tags));
    for tags in tags {
        assert!(tags.contains_key("landfall.dev/service-uid"), "{tags:?}");
        assert!(!tags.keys().any(|it| it.contains("k8s.aws")), "{tags:?}");
    }
    // The way to the nodes is ours now: a group of ours beside the one that lets clients in.
    let groups = &everything.load_balancers[0].security_groups;
    let name = |id: &String| {
        let mut all = everything.security_groups.iter();
        all.find(|it| it.id == *id).map(|it| it.name.clone())
    };
    let names: Vec<_> = groups.iter().filter_map(name).collect();
    assert!(names.iter().any(|it| it.ends_with("-front")), "{names:?}");
    assert!(names.iter().any(|it| it.ends_with("-shared")), "{names:?}");
    assert_eq!(names.len(), 2);
    // Nobody looks for it again.
    world.aws.clear_calls();
    provider.ensure(&wanted).await.expect("it is there");
    assert_eq!(world.count(), 0, "{}", world.called());
    released(&provider, &wanted.id).await;
    let left = world.aws.everything();
    assert!(left.load_balancers.is_empty() && left.target_groups.is_empty());
    let front = left
        .security_groups
        .iter()
        .any(|it| it.name.ends_with("-front"));
    assert!(!front, "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_taking_over_is_cut_off_the_next_process_goes_on() {
    let counts = {
        let world = World::start();
        let (wanted, made) = inherited(&world, "s1");
        let provider = successor(&world);
        begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
        world.aws.clear_calls();
        served(&provider, &wanted).await;
        world.aws.counts()
    };
    for (action, count) in counts
        .iter()
        .filter(|(it, _)| it.contains("Tags") && !it.starts_with("Describe"))
    {
        for nth in 0..*count {
            let world = World::start();
            let (wanted, made) = inherited(&world, "s1");
            let before = serving(&world.aws.everything());
            let provider = successor(&world);
            begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
            let fault = Fault::refuse(action, "AccessDenied", "Not now.", 403);
            let nth = u32::try_from(nth).unwrap();
            world.aws.fault(fault.times(Times::EveryNth(nth + 1)));
            provider.ensure(&wanted).await.expect_err("it is cut off");
            drop(provider);
            world.aws.mend();
            let provider = successor(&world);
            // It was ours by then, by its marks.
            let marked = Held {
                ours: true,
                ..held(&wanted, &made.dns_name)
            };
            begin(&provider, vec![marked]).await;
            served(&provider, &wanted).await;
            assert_eq!(serving(&world.aws.everything()), before, "{action} {nth}");
            let left = world.aws.load_balancers();
            let left = left.iter().flat_map(|it| it.tags.keys());
            assert!(!left.into_iter().any(|it| it.contains("k8s.aws")));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_terminates_is_removed_with_all_that_was_made_for_it_and_nothing_else() {
    let world = World::start();
    let other = landfall_test_aws::Predecessor {
        cluster: THEIRS,
        namespace: "elsewhere",
        name: "other",
        ports: &[(80, 30_800)],
    };
    world.aws.made_by_predecessor(&world.ids, other);
    let (wanted, made) = inherited(&world, "s1");
    let provider = successor(&world);
    let terminating = Held {
        wanted: None,
        ..held(&wanted, &made.dns_name)
    };
    let owned = begin(&provider, vec![terminating]).await;
    assert_eq!(
        owned.len(),
        1,
        "what is nobody's here is left alone: {owned:?}"
    );
    released(&provider, &wanted.id).await;
    let left = world.aws.load_balancers();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].tags["service.k8s.aws/stack"], "elsewhere/other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_tag_query_does_not_know_yet_is_found_by_its_name() {
    let world = World::start();
    let (wanted, made) = newly_made(&world, "s1");
    let provider = successor(&world);
    begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    served(&provider, &wanted).await;
    assert_eq!(world.aws.load_balancers().len(), 1);
    let left = world.aws.target_groups();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_by_then_is_in_nobodys_way() {
    let world = World::start();
    let (wanted, made) = inherited(&world, "s1");
    let provider = successor(&world);
    begin(&provider, vec![held(&wanted, &made.dns_name)]).await;
    let groups = world.aws.security_groups();
    let front = groups.iter().find(|it| it.name.ends_with("-front"));
    world.aws.delete_security_group(&front.unwrap().id);
    let name = Ingress::Hostname(made.dns_name.to_lowercase());
    assert_eq!(served(&provider, &wanted).await.ingress, [name]);
    released(&provider, &wanted.id).await;
}
