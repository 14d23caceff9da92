//! The Secret with the key of the speakers.

use std::process::Command;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use landfall_bare_metal_resources::speaker::SECRET;
use serde_json::{Value, json};

use crate::process::{kubectl, output};
use crate::world::{World, until};

const PAGE: &str = include_str!("../../docs/bare-metal.md");

/// A key that somebody made: sixteen bytes, in base64.
const THEIRS: &str = "c2l4dGVlbiBieXRlcyBpdA==";

fn secrets(world: &World) -> Api<Secret> {
    Api::namespaced(world.place.client.clone(), &world.place.namespace)
}

fn key(secret: &Value) -> String {
    secret["data"]["key"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Waits until there is a key, another than this one, and returns it.
async fn until_key(world: &World, former: &str) -> String {
    let has_key = |it: &Value| !key(it).is_empty() && key(it) != former;
    key(&until(&secrets(world), SECRET, "has a key", has_key).await)
}

async fn change(world: &World, data: Value) {
    let (parameters, patch) = (PatchParams::default(), Patch::Merge(json!({"data": data})));
    let patched = secrets(world).patch(SECRET, &parameters, &patch).await;
    patched.unwrap();
}

#[tokio::test]
async fn the_key_of_the_speakers_is_made_kept_and_made_anew() {
    let mut world = World::with(&[]).await;
    let made = until_key(&world, "").await;
    // 32 bytes in base64.
    assert_eq!(made.len(), 44, "{}", made.len());

    // What somebody has put there is theirs, also where it is of no use.
    change(&world, json!({"key": THEIRS, "next": THEIRS})).await;
    world.stop_controller().await;
    world.start_controller().await;
    change(&world, json!({"key": null})).await;
    world.until_told(SECRET, "NoKey").await;
    let kept = secrets(&world).get(SECRET).await.unwrap();
    let kept = serde_json::to_value(kept).unwrap();
    assert_eq!(kept["data"], json!({"next": THEIRS}));

    let parameters = DeleteParams::default();
    secrets(&world).delete(SECRET, &parameters).await.unwrap();
    let anew = until_key(&world, "").await;
    assert_ne!(anew, made);
}

#[tokio::test]
#[ignore = "needs a real control plane, which kubectl can be told of"]
async fn a_new_key_takes_the_three_commands_of_the_page() {
    let Some(kubectl) = kubectl() else { return };
    let world = World::with(&[]).await;
    let old = until_key(&world, "").await;
    let block = PAGE.split("```sh rotation\n").nth(1).unwrap();
    let commands: Vec<_> = block.split("```").next().unwrap().lines().collect();
    let mut keys = Vec::new();
    for command in &commands {
        let command = command.replace("landfall-system", &world.place.namespace);
        let shell = format!("kubectl() {{ '{}' \"$@\"; }}\n{command}", kubectl.display());
        let kubeconfig = std::env::var_os("LANDFALL_CONTROL_PLANE").unwrap();
        let mut run = Command::new("bash");
        run.args(["-o", "pipefail", "-ec", &shell])
            .env("KUBECONFIG", kubeconfig);
        let (succeeded, said) = output(&mut run);
        assert!(succeeded, "{command}: {said}");
        let secret = secrets(&world).get(SECRET).await.unwrap();
        let secret = serde_json::to_value(secret).unwrap();
        let next = secret["data"]["next"].as_str().map(str::to_owned);
        keys.push((key(&secret), next));
    }
    let new = keys[0].1.clone().unwrap();
    assert_eq!(new.len(), old.len());
    assert_ne!(new, old);
    let expected = [
        (old.clone(), Some(new.clone())),
        (new.clone(), Some(old)),
        (new, None),
    ];
    assert_eq!(keys, expected);
}
