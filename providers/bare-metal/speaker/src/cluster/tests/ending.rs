//! A whole speaker, in the namespace of a node, with an API server in the same process.

use std::time::Duration;

use landfall_bare_metal_resources::kinds::{AddressState, SpeakerReport, SpeakerStatus};
use landfall_test_network::{Lan, is_possible_or_skip};
use landfall_watch::Health;
use tokio_util::sync::CancellationToken;

use super::world::*;
use crate::inside::inside;
use crate::{Setup, speaker};

async fn status(client: &kube::Client) -> SpeakerReport {
    let object = all::<SpeakerStatus>(client).get_opt("b").await.unwrap();
    object.and_then(|it| it.status).unwrap_or_default()
}

#[test]
fn the_end_waits_until_all_is_handed_over_and_said() {
    if !is_possible_or_skip("a speaker in a namespace") {
        return;
    }
    let lan = Lan::new(1);
    let own = lan.addresses("node1").0.to_string();
    let folder = tempfile::TempDir::new().unwrap();
    let story = async move || {
        let client = cluster().await;
        put_node(&client, "b", Some(&own)).await;
        put_key(&client, LONG).await;
        put_service(&client).await;
        let stop = CancellationToken::new();
        let setup = Setup {
            client: client.clone(),
            node: "b".to_owned(),
            namespace: "default".to_owned(),
            metallb: None,
            heartbeat: Duration::from_millis(25),
            port: crate::PORT,
            run_directory: folder.path().to_owned(),
            health: Health::default(),
        };
        let running = tokio::spawn(speaker(setup, stop.clone()).running);
        eventually("it announces", async || {
            let addresses = status(&client).await.addresses;
            addresses
                .iter()
                .any(|it| it.state == AddressState::Announced)
        })
        .await;
        stop.cancel();
        running.await.unwrap().unwrap();
        let last = status(&client).await;
        assert!(last.draining && last.addresses.is_empty(), "{last:?}");
    };
    let told = inside(&lan, "node1", move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let limited = async { tokio::time::timeout(Duration::from_mins(2), story()).await };
        runtime.block_on(limited).expect("it never ends");
    });
    told.join().unwrap();
}
