//! Services of another implementation, which a provider takes over.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use landfall::lease::election::Timing;
use landfall::lease::{Candidate, campaign};
use landfall_service::{Class, Predecessor};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::place::object;
use crate::provider::Call;
use crate::world::{World, service};

const OLD: &str = "example.com/old";

/// A replica that waits for its turn sees that the other implementation is gone before it begins.
#[tokio::test]
async fn a_replica_that_has_waited_is_shown_all_that_is_to_be_taken_over_when_it_begins() {
    let mut world = World::without_controller().await;
    let mut old = service("old");
    old["spec"]["loadBalancerClass"] = json!(OLD);
    old["metadata"]["finalizers"] = json!([OLD]);
    world.create(&old).await;
    let namespace = world.place.namespace.clone();
    let leases = Api::<Lease>::namespaced(world.client.clone(), &namespace);
    // Of a replica that has just ended.
    let lease = object(json!({
        "metadata": {"name": "landfall"},
        "spec": {
            "holderIdentity": "another", "leaseDurationSeconds": 6, "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    }));
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let stop = CancellationToken::new();
    let candidate = Candidate {
        namespace,
        name: "landfall".to_owned(),
        identity: "this".to_owned(),
        timing: Timing {
            lease: Duration::from_secs(6),
            renew: Duration::from_secs(4),
            retry: Duration::from_millis(400),
        },
    };
    let (gate, election) = campaign(world.client.clone(), candidate, stop.clone());
    let election = tokio::spawn(election);
    let (aside, watched) = watch::channel(Some("nobody knows yet".to_owned()));
    let predecessor = Predecessor {
        class: Class::new(OLD),
        finalizer: OLD,
    };
    world.predecessor = Some((predecessor, watched));
    world.gate = gate;
    world.start_controller().await;
    assert!(!world.provider.calls().contains(&Call::Begin), "it waits");
    aside.send_replace(None);

    world
        .until("old", "is taken over", |it| {
            it["metadata"]["finalizers"] == json!([crate::world::FINALIZER])
        })
        .await;
    let taken_over = world.provider.taken_over();
    assert_eq!(taken_over.get("old"), Some(&false), "{taken_over:?}");
    let begun = world.provider.calls();
    let begun = begun.iter().filter(|it| **it == Call::Begin);
    assert_eq!(begun.count(), 1);
    world.stop_controller().await;
    stop.cancel();
    election.await.unwrap().unwrap();
}
