//! What the provider does when all goes well, counted in calls.

use futures::StreamExt;
use landfall_provider_api::{Error, Ingress, IpMode};
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::{World, address, assigned, wanted};

#[tokio::test]
async fn what_is_there_already_costs_no_call() {
    let world = World::start().await;
    let provider = world.begun().await;
    let first = provider.ensure(&wanted("s1")).await.unwrap();
    world.forget_calls().await;
    assert_eq!(provider.ensure(&wanted("s1")).await.unwrap(), first);
    assert_eq!(world.calls().await, [""; 0]);
    let Ingress::Ip { mode, .. } = assigned(first).ingress[0] else {
        panic!("an address")
    };
    assert_eq!(mode, IpMode::Proxy);
}

#[tokio::test]
async fn a_change_is_one_put() {
    let world = World::start().await;
    let provider = world.begun().await;
    let mut wanted = wanted("s1");
    let before = address(&assigned(provider.ensure(&wanted).await.unwrap()));
    world.forget_calls().await;
    wanted.ports[0].port = 9000;
    let after = address(&assigned(provider.ensure(&wanted).await.unwrap()));
    assert_eq!(before, after);
    assert_eq!(world.calls().await, ["PutLoadBalancer Changed"]);
}

#[tokio::test]
async fn a_restart_is_one_list() {
    let world = World::start().await;
    for uid in ["s1", "s2"] {
        let provider = world.begun().await;
        provider.ensure(&wanted(uid)).await.unwrap();
    }
    world.forget_calls().await;
    let provider = world.begun().await;
    for uid in ["s1", "s2"] {
        provider.ensure(&wanted(uid)).await.unwrap();
    }
    assert_eq!(world.calls().await, ["ListLoadBalancers Read"]);
}

#[tokio::test]
async fn what_others_took_away_is_made_again() {
    let world = World::start().await;
    let provider = world.begun().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    world.wipe().await;
    assert!(provider.owned().await.unwrap().is_empty());
    world.forget_calls().await;
    provider.ensure(&wanted("s1")).await.unwrap();
    assert_eq!(world.calls().await, ["PutLoadBalancer Made"]);
}

#[tokio::test]
async fn what_is_owned_says_whose_it_is() {
    let world = World::start().await;
    let provider = world.begun().await;
    let wanted = wanted("s1");
    let address = address(&assigned(provider.ensure(&wanted).await.unwrap()));
    let owned = provider.owned().await.unwrap();
    assert_eq!(owned[0].id.as_ref(), Some(&wanted.id));
    assert_eq!(owned[0].service.as_ref(), Some(&wanted.service));
    assert!(owned[0].description.contains(&address.to_string()));
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_told_and_tried_again() {
    let world = World::start().await;
    let provider = world.begun().await;
    let held = TcpListener::bind((world.address(1), 8080)).await.unwrap();
    let mut wanted = wanted("s1");
    wanted.requested_addresses = vec![world.address(1).into()];
    wanted.ports.push(landfall_provider_api::Port {
        port: 8081,
        ..wanted.ports[0].clone()
    });
    let failed = assigned(provider.ensure(&wanted).await.unwrap()).failed_ports;
    assert_eq!(failed.len(), 1, "the other port is served");
    assert_eq!(
        (failed[0].port, &*failed[0].reason),
        (8080, "landfall.dev/PortTaken")
    );
    assert!(failed[0].message.contains("choose another port"));

    drop(held);
    world.forget_calls().await;
    let healed = assigned(provider.ensure(&wanted).await.unwrap());
    assert!(healed.failed_ports.is_empty());
    provider.ensure(&wanted).await.unwrap();
    assert_eq!(world.calls().await, ["PutLoadBalancer Unchanged"]);
}

#[tokio::test]
async fn who_found_the_pool_empty_is_woken_by_a_release() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    for n in 1..=6 {
        provider.ensure(&wanted(&format!("s{n}"))).await.unwrap();
    }
    let late = provider.ensure(&wanted("late")).await.unwrap_err();
    assert!(matches!(late, Error::Exhausted(_)), "{late}");
    provider.release(&wanted("s3").id).await.unwrap();
    assert_eq!(changes.next().await, Some(wanted("late").id));
    let outcome = provider.ensure(&wanted("late")).await.unwrap();
    assert_eq!(address(&assigned(outcome)), world.address(3));
}

#[tokio::test]
async fn an_address_that_is_asked_for_is_had_or_refused() {
    let world = World::start().await;
    let (provider, mut changes) = world.listening().await;
    let asking = |uid: &str, address: std::net::IpAddr| {
        let mut wanted = wanted(uid);
        wanted.requested_addresses = vec![address];
        wanted
    };
    let second = asking("s1", world.address(2).into());
    let outcome = provider.ensure(&second).await.unwrap();
    assert_eq!(address(&assigned(outcome)), world.address(2));
    let moved = asking("s1", world.address(3).into());
    let outside = asking("s2", "10.0.0.1".parse().unwrap());
    let taken = asking("s2", world.address(2).into());
    for (wanted, why) in [
        (moved, "for life"),
        (outside, "pool"),
        (taken.clone(), "another"),
    ] {
        let error = provider.ensure(&wanted).await.unwrap_err();
        let Error::Invalid { field, message } = &error else {
            panic!("{error}")
        };
        assert_eq!(field, "spec.loadBalancerIP");
        assert!(message.contains(why), "{message}");
    }
    provider.release(&second.id).await.unwrap();
    assert_eq!(changes.next().await.as_ref(), Some(&taken.id));
    provider.ensure(&taken).await.unwrap();
}

#[tokio::test]
async fn a_port_without_node_port_is_left_out() {
    let world = World::start().await;
    let provider = world.begun().await;
    let mut wanted = wanted("s1");
    wanted.ports[0].node_port = None;
    provider.ensure(&wanted).await.unwrap();
    assert_eq!(world.items().await[0]["listeners"], json!([]));
}
