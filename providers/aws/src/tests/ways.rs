//! The way to targets where there is no security group: nodes let in what comes, and nothing of it stays.

use std::collections::BTreeSet;

use landfall_provider_api::{ClusterId, Error, LoadBalancer, Provider, Snapshot};
use landfall_test_aws::{Quotas, When};

use super::world::{World, annotated, cluster, parts, released, served};

const NONE: (&str, &str) = ("disable-nlb-sg", "true");
const PUBLIC: (&str, &str) = ("scheme", "internet-facing");
const PROBED: (&str, &str) = ("healthcheck-port", "10256");

/// A Service whose load balancer has no security group.
fn bare(world: &World, uid: &str, ports: &[u16], more: &[(&str, &str)]) -> LoadBalancer {
    annotated(annotated(world.service(uid, ports), &[NONE]), more)
}

/// What the nodes let in for load balancers.
fn ways(world: &World) -> BTreeSet<String> {
    let rules = world.aws.rules(&world.ids.node_security_group).into_iter();
    let ours = rules.filter(|it| it.tags.contains_key("landfall.dev/cluster-uid"));
    let shown = ours.map(|it| {
        let ports = (it.from.unwrap_or(-1), it.to.unwrap_or(-1));
        assert_eq!(ports.0, ports.1, "{it:?}");
        format!("{} {} {:?}", it.protocol, ports.0, it.source)
    });
    shown.collect()
}

fn everybody(port: u16) -> String {
    format!("tcp {port} Ipv4(0.0.0.0/0)")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_let_in_clients_port_by_port_and_what_is_not_needed_any_more_goes() {
    let world = World::start();
    let provider = world.begun().await;
    let before = world.aws.rules(&world.ids.node_security_group);
    served(&provider, &bare(&world, "s1", &[80, 443], &[PUBLIC])).await;
    assert_eq!(ways(&world), [everybody(30_080), everybody(30_443)].into());
    let wanted = bare(&world, "s1", &[80], &[PUBLIC]);
    served(&provider, &wanted).await;
    assert_eq!(ways(&world), [everybody(30_080)].into());
    world.aws.clear_calls();
    provider.ensure(&wanted).await.expect("it is there");
    assert_eq!(world.count(), 0, "{}", world.called());
    released(&provider, &wanted.id).await;
    assert_eq!(world.aws.rules(&world.ids.node_security_group), before);
}

/// An internal one is for the VPC, whose range has the subnets in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_one_lets_in_the_vpc_and_where_clients_are_not_seen_its_subnets() {
    let world = World::start();
    let provider = world.begun().await;
    served(&provider, &bare(&world, "s1", &[80], &[])).await;
    let of_vpc = ways(&world);
    assert_eq!(of_vpc.len(), 1, "{of_vpc:?}");
    assert!(of_vpc.iter().all(|it| it.contains("/16)")), "{of_vpc:?}");
    let unseen = (
        "target-group-attributes",
        "preserve_client_ip.enabled=false",
    );
    served(&provider, &bare(&world, "s1", &[80], &[unseen])).await;
    let of_subnets = ways(&world);
    assert_eq!(of_subnets.len(), 3, "{of_subnets:?}");
    assert!(of_subnets.is_disjoint(&of_vpc), "{of_subnets:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_manages_the_rules_himself_is_left_to_it() {
    let world = World::start();
    let provider = world.begun().await;
    let himself = ("manage-backend-security-group-rules", "false");
    served(&provider, &bare(&world, "s1", &[80], &[himself])).await;
    assert_eq!(ways(&world), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_services_need_stays_until_both_are_gone() {
    let world = World::start();
    let provider = world.begun().await;
    let one = bare(&world, "s1", &[80], &[PROBED]);
    let other = bare(&world, "s2", &[81], &[PROBED]);
    served(&provider, &one).await;
    served(&provider, &other).await;
    let probes = |world: &World| {
        let ways = ways(world);
        ways.iter()
            .filter(|it| it.starts_with("tcp 10256 "))
            .count()
    };
    assert_eq!(probes(&world), 3);
    released(&provider, &one.id).await;
    assert_eq!(probes(&world), 3);
    released(&provider, &other.id).await;
    assert_eq!(ways(&world), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_others_have_made_counts_and_stays() {
    let world = World::start();
    let provider = world.begun().await;
    let wanted = bare(&world, "s1", &[80], &[PUBLIC]);
    served(&provider, &wanted).await;
    // As if somebody else had made it.
    let nodes = &world.ids.node_security_group;
    let mut rules = world.aws.rules(nodes).into_iter();
    let theirs = rules.find(|it| !it.tags.is_empty()).expect("there is one");
    for key in theirs.tags.keys() {
        assert!(world.aws.untag(&theirs.id, key));
    }
    provider.owned().await.expect("all is read");
    served(&provider, &wanted).await;
    released(&provider, &wanted.id).await;
    let has = |world: &World| world.aws.rules(nodes).iter().any(|it| it.id == theirs.id);
    assert!(has(&world));
    // Who reads it first makes no second one.
    let provider = world.begun().await;
    world.aws.clear_calls();
    served(&provider, &wanted).await;
    assert_eq!(ways(&world), BTreeSet::new());
    let opened = world.aws.count("AuthorizeSecurityGroupIngress");
    assert_eq!(opened, 0, "{}", world.called());
    // And when they need it no longer, it is ours to have.
    assert!(world.aws.remove_rule(&theirs.id));
    provider.owned().await.expect("all is read");
    assert_eq!(ways(&world), [everybody(30_080)].into());
}

/// The one that goes is used until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_another_takes_its_place_nodes_let_in_what_both_need() {
    let world = World::start();
    let provider = world.begun().await;
    served(&provider, &bare(&world, "s1", &[80], &[])).await;
    let internal = ways(&world);
    let public = bare(&world, "s1", &[80], &[PUBLIC]);
    provider.ensure(&public).await.expect("another is made");
    assert_eq!(world.aws.load_balancers().len(), 2);
    assert!(ways(&world).is_superset(&internal), "{:?}", ways(&world));
    assert!(ways(&world).contains(&everybody(30_080)));
    let what = "only one is left";
    super::world::until(&provider, &public, what, |_| {
        world.aws.load_balancers().len() == 1 && ways(&world) == [everybody(30_080)].into()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_somebody_has_shut_is_opened_again() {
    let world = World::start();
    let provider = world.begun().await;
    served(&provider, &bare(&world, "s1", &[80], &[PUBLIC])).await;
    let rules = world.aws.rules(&world.ids.node_security_group);
    let ours = rules.iter().find(|it| !it.tags.is_empty());
    assert!(world.aws.remove_rule(&ours.expect("there is one").id));
    assert_eq!(ways(&world), BTreeSet::new());
    provider.owned().await.expect("all is read");
    assert_eq!(ways(&world), [everybody(30_080)].into());
}

/// Another process has made them, and one of the Services is gone since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_nothing_goes_before_all_have_said_what_they_need() {
    let world = World::start();
    let provider = world.begun().await;
    let (stays, goes) = (
        bare(&world, "s1", &[80], &[PUBLIC]),
        bare(&world, "s2", &[81], &[PUBLIC]),
    );
    served(&provider, &stays).await;
    served(&provider, &goes).await;
    drop(provider);
    world.aws.advance(std::time::Duration::from_mins(2));
    let both = BTreeSet::from([everybody(30_080), everybody(30_081)]);
    let provider = world.begun().await;
    released(&provider, &goes.id).await;
    provider.owned().await.expect("all is read");
    assert_eq!(ways(&world), both, "nobody knows what the other needs");
    world.aws.clear_calls();
    served(&provider, &stays).await;
    assert_eq!(ways(&world), [everybody(30_080)].into());
    let opened = world.aws.count("AuthorizeSecurityGroupIngress");
    assert_eq!(opened, 0, "{}", world.called());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restored_cluster_adopts_has_its_ways_too() {
    let world = World::start();
    let wanted = bare(&world, "s1", &[80], &[PUBLIC]);
    served(&world.begun().await, &wanted).await;
    world.aws.advance(std::time::Duration::from_mins(2));
    let anew = ClusterId {
        uid: "c2".into(),
        ..cluster()
    };
    let provider = world.provider(&anew);
    let snapshot = Snapshot {
        services: Vec::new(),
        adopts: Some(cluster().uid),
    };
    let owned = provider.begin(snapshot.known()).await.expect("it begins");
    assert_eq!(ways(&world).len(), 1);
    for it in owned {
        released(&provider, &it.id.expect("it is a Service's")).await;
    }
    assert_eq!(ways(&world), BTreeSet::new());
}

/// Ends a process at its n-th call, and starts another. `false` if it has fewer.
async fn cut(n: usize, when: When, is_removal: bool) -> bool {
    let world = World::start();
    let (first, second) = (
        bare(&world, "s1", &[80, 443], &[PUBLIC]),
        bare(&world, "s1", &[80, 8081], &[PUBLIC]),
    );
    {
        let provider = world.begun().await;
        served(&provider, &first).await;
        let work = async {
            if is_removal {
                released(&provider, &first.id).await;
            } else {
                served(&provider, &second).await;
            }
        };
        if !world.is_cut(n, when, work).await {
            return false;
        }
    }
    world.go_on();
    let provider = world.begun().await;
    let place = format!("call {n}, {when:?}");
    if is_removal {
        released(&provider, &first.id).await;
        assert!(parts(&world, "s1").is_empty(), "{place}");
        assert_eq!(ways(&world), BTreeSet::new(), "{place}");
    } else {
        let needed = BTreeSet::from([everybody(30_080), everybody(30_081)]);
        super::world::until(&provider, &second, &place, |_| ways(&world) == needed).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_was_the_next_process_shuts_what_is_not_needed() {
    for is_removal in [false, true] {
        let mut n = 0;
        loop {
            n += 1;
            let before = cut(n, When::Before, is_removal).await;
            let after = cut(n, When::After, is_removal).await;
            if !before && !after {
                break;
            }
        }
        assert!(n > 4, "there was hardly a call to end at");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_needs_more_rules_than_fit_is_in_nobody_elses_way_and_can_mend_it() {
    let world = World::start();
    let provider = world.begun().await;
    let before = world.aws.rules(&world.ids.node_security_group).len();
    world.aws.set_quotas(Quotas {
        rules: before + 3,
        ..Quotas::default()
    });
    let other = bare(&world, "s1", &[80], &[PUBLIC]);
    served(&provider, &other).await;
    let greedy = bare(&world, "s2", &[81, 82, 83, 84], &[PUBLIC]);
    let refused = provider.ensure(&greedy).await.expect_err("they do not fit");
    assert!(matches!(refused, Error::Exhausted(_)), "{refused:?}");
    let more = bare(&world, "s1", &[80, 443], &[PUBLIC]);
    served(&provider, &more).await;
    provider.owned().await.expect("all can be read");
    served(&provider, &bare(&world, "s2", &[81], &[PUBLIC])).await;
    let let_in = [everybody(30_080), everybody(30_443), everybody(30_081)];
    assert_eq!(ways(&world), let_in.into());
}
