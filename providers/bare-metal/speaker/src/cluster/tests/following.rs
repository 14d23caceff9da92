//! What a speaker is told of a cluster, and what it writes there: with an API server in this process.

use k8s_openapi::api::core::v1::{Node as NodeObject, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::DeleteParams;
use landfall_bare_metal_l2::peers::Keys;
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_bare_metal_resources::speaker::SECRET;

use super::world::*;
use super::*;
use crate::speaking::Command;

const POOLS: &str = "addresspools.landfall.dev";
/// How long it is watched that something does not happen.
const A_WHILE: std::time::Duration = std::time::Duration::from_millis(200);

#[tokio::test]
async fn what_a_speaker_waits_for_is_told_until_it_is_there() {
    let client = cluster().await;
    let statuses = crds().into_iter().find(|it| it.name_any() == STATUSES);
    let definitions = all::<CustomResourceDefinition>(&client);
    let delete = DeleteParams::default();
    definitions.delete(STATUSES, &delete).await.unwrap();
    let pools = crds().into_iter().find(|it| it.name_any() == POOLS);
    definitions.delete(POOLS, &delete).await.unwrap();
    let mut world = World::start(client.clone());
    let health = world.health.clone();
    eventually("pools cannot be read", async || {
        health
            .troubles()
            .iter()
            .any(|it| it.starts_with("AddressPools"))
    })
    .await;
    // Without what it reads it does not even look at the rest.
    tokio::time::sleep(A_WHILE).await;
    let troubles = health.troubles();
    assert!(
        !troubles
            .iter()
            .any(|it| it.contains("own Node") || it.starts_with("SpeakerStatuses")),
        "{troubles:?}"
    );
    create(&definitions, pools.unwrap()).await;
    world
        .until_trouble("Secret default/landfall-speaker is not there yet")
        .await;
    world.until_trouble("own Node: Node a is not there").await;
    put_node(&client, "a", None).await;
    world
        .until_trouble("own Node: Node a has no address yet")
        .await;
    put_key(&client, "short").await;
    world.until_trouble("must have at least 16 bytes").await;
    put_node(&client, "a", Some("192.0.2.11")).await;
    world.until_trouble("SpeakerStatuses: cannot be read").await;
    create(&definitions, statuses.unwrap()).await;
    eventually("only the key is missing", async || {
        let troubles = health.troubles();
        troubles
            .iter()
            .all(|it| it.starts_with("key") || it.starts_with("caches"))
    })
    .await;
    put_key(&client, LONG).await;
    let begin = world.begun().await;
    assert_eq!(begin.keys.id(), Keys::new(LONG.as_bytes(), None).id());
    eventually("nothing is missing", async || health.troubles().is_empty()).await;
}

#[tokio::test]
async fn a_speaker_begins_with_all_that_there_is() {
    let client = complete().await;
    put_service(&client).await;
    for (name, text) in [("a", "192.0.2.201"), ("b", "192.0.2.200")] {
        let status = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
            "metadata": {"name": name}, "spec": {}});
        create(&all::<SpeakerStatus>(&client), object(status)).await;
        let listed = json!([{"address": text, "state": "Announced"}]);
        patch_status(
            &all::<SpeakerStatus>(&client),
            name,
            json!({"addresses": listed}),
        )
        .await;
    }
    let mut world = World::start(client);
    let begin = world.begun().await;
    assert_eq!((&*begin.name, begin.port), ("a", 7477));
    let members = [("a", "192.0.2.11"), ("b", "192.0.2.12")];
    let members = members.map(|(name, it)| (Arc::from(name), vec![address(it)]));
    assert_eq!(begin.members, members.into());
    let remembered = [("192.0.2.201", "a"), ("192.0.2.200", "b")];
    let remembered = remembered.map(|(it, name)| (address(it), NodeId::of(name)));
    assert_eq!(begin.remembered, remembered);
    let Command::Want(wanted) = world.command().await else {
        panic!("nothing is wanted");
    };
    let [(wanted_address, Some(wanted))] = &wanted[..] else {
        panic!("{wanted:?}");
    };
    assert_eq!(*wanted_address, address("192.0.2.200"));
    assert_eq!(wanted.local.as_deref(), Some(&ids(&["b"])));
}

#[tokio::test]
async fn each_change_is_told_to_the_speaker() {
    let client = complete().await;
    let mut world = World::start(client.clone());
    world.begun().await;
    put_node(&client, "b", Some("192.0.2.13")).await;
    let Command::Members(members) = world.command().await else {
        panic!();
    };
    assert_eq!(members["b"], [address("192.0.2.13")]);
    let nodes = all::<NodeObject>(&client);
    for (value, is_draining) in [(json!("true"), true), (Value::Null, false)] {
        let annotations = json!({"landfall.dev/drain": value});
        patch(
            &nodes,
            "a",
            json!({"metadata": {"annotations": annotations}}),
        )
        .await;
        let command = world.command().await;
        let Command::Draining(told) = command else {
            panic!("{command:?}");
        };
        assert_eq!(told, is_draining);
    }
    put_key(&client, OTHER).await;
    let Command::Keys(keys) = world.command().await else {
        panic!();
    };
    assert_eq!(keys.id(), Keys::new(OTHER.as_bytes(), None).id());
    // The key is used on, and the next thing that is told is something else.
    let secrets = here::<Secret>(&client);
    secrets
        .delete(SECRET, &DeleteParams::default())
        .await
        .unwrap();
    nodes.delete("b", &DeleteParams::default()).await.unwrap();
    let Command::Members(members) = world.command().await else {
        panic!();
    };
    assert_eq!(members.keys().map(|it| &**it).collect::<Vec<_>>(), ["a"]);
    put_service(&client).await;
    assert!(matches!(world.command().await, Command::Want(_)));
    let web = here::<v1::Service>(&client);
    web.delete("web", &DeleteParams::default()).await.unwrap();
    loop {
        if let Command::Want(changes) = world.command().await
            && changes == [(address("192.0.2.200"), None)]
        {
            break;
        }
    }
}

#[tokio::test]
async fn what_is_reported_is_written_as_the_nodes_to_the_last() {
    let mut world = World::start(complete().await);
    world.begun().await;
    world.report(&["192.0.2.200", "192.0.2.201"]);
    let written = world.until_listed(2).await;
    let owners = written.owner_references();
    assert_eq!(owners.len(), 1, "it goes with its node");
    assert_eq!((&*owners[0].kind, &*owners[0].name), ("Node", "a"));
    world.report(&[]);
    let written = world.until_listed(0).await;
    assert_eq!(written.status.unwrap().address_count, 0);
    // Within the pause after that, and then it ends.
    world.report(&["192.0.2.202"]);
    let client = world.client.clone();
    world.ended().await;
    let written = all::<SpeakerStatus>(&client).get("a").await.unwrap();
    assert_eq!(written.status.unwrap().addresses[0].address, "192.0.2.202");
}

#[tokio::test]
async fn a_speaker_that_cannot_begin_writes_nothing_and_one_whose_words_are_not_taken_says_so() {
    let client = complete().await;
    let mut world = World::start(client.clone());
    world.begun().await;
    world.ended().await;
    let statuses = all::<SpeakerStatus>(&client);
    assert!(statuses.get_opt("a").await.unwrap().is_none());

    let mut world = World::start(client.clone());
    world.begun().await;
    let definitions = all::<CustomResourceDefinition>(&client);
    let definition = crds().into_iter().find(|it| it.name_any() == STATUSES);
    let delete = DeleteParams::default();
    definitions.delete(STATUSES, &delete).await.unwrap();
    world.report(&["192.0.2.200"]);
    world
        .until_trouble("SpeakerStatus: could not be written")
        .await;
    create(&definitions, definition.unwrap()).await;
    world.until_listed(1).await;
    let health = world.health.clone();
    eventually("all is well", async || health.troubles().is_empty()).await;
}
