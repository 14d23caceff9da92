//! `landfall speaker`.

use std::path::Path;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use landfall_process::{Failure, bind, listening};
use landfall_speaker::{Setup, speaker};
use landfall_watch::Health;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::args::SpeakerArguments;
use crate::config::SpeakerConfig;
use crate::start::announce;
use crate::{admin, kubernetes};

/// Runs a speaker until `stop` is cancelled and what it announced has been handed over.
pub(crate) async fn run(
    arguments: SpeakerArguments,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let config = match &arguments.config {
        Some(path) => read_config(path)?,
        None => SpeakerConfig::default(),
    };
    let client = kubernetes::client(arguments.kubeconfig.as_deref()).await?;
    let health = Health::default();
    let setup = Setup {
        client,
        node: arguments.node_name,
        namespace: arguments.namespace,
        metallb: config.read_metallb.map(|it| it.namespace),
        heartbeat: config.heartbeat,
        port: config.peer_port,
        run_directory: arguments.run_directory,
        health: health.clone(),
    };
    let speaker = speaker(setup, stop.clone());
    // The admin address answers until the speaker has handed over.
    let over = CancellationToken::new();
    let admin = match arguments.admin_address {
        Some(address) => {
            let listener = bind("--admin-address", address).await?;
            listening("admin", listener.local_addr().map_err(Failure::run)?)?;
            let mut registry = Registry::with_prefix("landfall");
            speaker.admin.register(&mut registry);
            let registry = Arc::new(registry);
            let metrics = move || {
                let mut text = String::new();
                encode(&mut text, &registry).map(|()| text)
            };
            let lists = lists(&speaker.admin);
            Some(admin::serve(
                listener,
                health.clone(),
                metrics,
                lists,
                over.clone(),
            ))
        }
        None => None,
    };
    let admin = async {
        match admin {
            Some(admin) => admin.await,
            None => Ok(()),
        }
    };
    let running = async {
        speaker.running.await.map_err(Failure::run)?;
        over.cancel();
        Ok(())
    };
    tokio::try_join!(running, admin, announce(health, stop)).map(|_| ())
}

/// What a speaker has, in full.
fn lists(admin: &landfall_speaker::Admin) -> Router {
    let (addresses, peers) = (admin.clone(), admin.clone());
    let (sessions, routes) = (admin.clone(), admin.clone());
    Router::new()
        .route(
            "/bgp/sessions",
            get(async move || Json(sessions.sessions())),
        )
        .route(
            "/bgp/routes",
            get(async move || Json(routes.routes().await)),
        )
        .route("/addresses", get(async move || Json(addresses.addresses())))
        .route("/peers", get(async move || Json(peers.peers())))
}

fn read_config(path: &Path) -> Result<SpeakerConfig, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--config {shown}: cannot be read: {error}")))?;
    SpeakerConfig::parse(&text)
        .map_err(|faults| Failure::usage(format!("--config {shown}: cannot be used:\n{faults}")))
}
