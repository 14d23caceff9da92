//! What is told of routers.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landfall_bare_metal_resources::kinds::{BGPPeer, SpeakerStatus};
use serde_json::{Value, json};

use crate::clients::before_each;
use crate::objects::condition;
use crate::place::{STORY, object};
use crate::world::{World, until};

/// Longer than a round of writing.
const SLOW: Duration = Duration::from_millis(1500);

fn metadata(world: &World, name: &str) -> Value {
    json!({"name": world.named(name), "labels": {STORY: world.place.namespace}})
}

async fn put_peer(world: &World, name: &str, selector: Value) -> Api<BGPPeer> {
    let peers = Api::all(world.place.client.clone());
    let peer = object(json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPPeer", "metadata": metadata(world, name),
        "spec": {
            "localASN": 64512, "peerASN": 64500, "address": "192.0.2.254", "nodeSelector": selector,
        },
    }));
    peers.create(&PostParams::default(), &peer).await.unwrap();
    peers
}

/// A node whose speaker has a session with a router.
async fn join(world: &World, node: &str, peer: &str) {
    let client = &world.place.client;
    let metadata = metadata(world, node);
    let of_node: Node = object(json!({"metadata": metadata}));
    let nodes = Api::<Node>::all(client.clone());
    nodes
        .create(&PostParams::default(), &of_node)
        .await
        .unwrap();
    let speakers = Api::<SpeakerStatus>::all(client.clone());
    let of_speaker = object(json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
        "metadata": metadata, "spec": {},
    }));
    let parameters = PostParams::default();
    speakers.create(&parameters, &of_speaker).await.unwrap();
    let session = json!({"peer": world.named(peer), "state": "Established"});
    let patch = Patch::Merge(json!({"status": {"bgpSessions": [session]}}));
    let parameters = PatchParams::default();
    let name = world.named(node);
    let patched = speakers.patch_status(&name, &parameters, &patch);
    patched.await.unwrap();
}

/// A client to an API server that takes its time to list what speakers report.
fn slow(client: Client) -> Client {
    before_each(client, |request| {
        let is_slow = request.uri().path().ends_with("/speakerstatuses");
        async move {
            if is_slow {
                tokio::time::sleep(SLOW).await;
            }
        }
    })
}

#[tokio::test]
async fn a_bad_router_is_told_alone_and_a_restart_writes_to_none() {
    let mut world = World::with(&[]).await;
    // Of this story's nodes: those of others come and go.
    let here = json!({"matchLabels": {STORY: world.place.namespace}});
    let peers = put_peer(&world, "tor-1", here).await;
    join(&world, "n1", "tor-1").await;
    let tor = world.named("tor-1");
    let up = |it: &Value| condition(it, "Established")["status"] == "True";
    until(&peers, &tor, "is established", up).await;
    let senseless = json!({"matchLabels": {"a": "no value at all"}});
    put_peer(&world, "bad", senseless).await;
    let bad = world.named("bad");
    let invalid = |it: &Value| condition(it, "Ready")["reason"] == "Invalid";
    let told = until(&peers, &bad, "is told", invalid).await;
    let message = condition(&told, "Ready")["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.starts_with("spec.nodeSelector"), "{message}");
    let before = until(&peers, &tor, "stays", up).await;
    world.stop_controller().await;
    world.place.client = slow(world.place.client.clone());
    world.start_controller().await;
    // Whoever writes this has written what was before.
    let elsewhere = json!({"matchLabels": {"rack": "none"}});
    put_peer(&world, "late", elsewhere).await;
    let ready = |it: &Value| condition(it, "Ready")["status"] == "True";
    until(&peers, &world.named("late"), "is told", ready).await;
    let after = until(&peers, &tor, "is there", |_| true).await;
    assert_eq!(after, before);
}
