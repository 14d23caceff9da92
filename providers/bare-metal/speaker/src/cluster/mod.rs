//! The cluster, as the API server tells of it: what is to be announced, by whom, and who is told.

mod converting;
mod following;
mod key;
mod known;
mod node;
mod passwords;
mod routes;
mod routing;
mod service;
mod shared;
mod status;
mod telling;
#[cfg(test)]
mod tests;
mod view;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use landfall_bare_metal_l2::peers::{NodeId, Timing};
use landfall_watch::{Health, explain};
use tokio::sync::{mpsc, watch};

use crate::report::Report;
use crate::sessions::{self, SessionReports};
use crate::speaking::{Begin, Command};
pub(crate) use routes::RouteChange;
pub(crate) use routing::{Key, Router};

use following::Follower;
use node::Node;
use shared::Shared;
use status::Fixed;
use telling::Telling;

/// From one try to read what the beginning needs to the next.
const RETRY: Duration = Duration::from_secs(1);
const OWN_NODE: &str = "own Node";

/// What a speaker's side towards the API server needs.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) node: Arc<str>,
    pub(crate) namespace: String,
    /// Where MetalLB's objects are, if they are read.
    pub(crate) metallb: Option<String>,
    pub(crate) timing: Timing,
    pub(crate) port: u16,
    /// Whether a speaker before this one has announced since the node was started.
    pub(crate) has_restarted: bool,
    pub(crate) health: Health,
}

/// What is begun, once enough is known.
pub(crate) struct Begins<S, R> {
    /// The announcing on local networks.
    pub(crate) speaking: S,
    /// The sessions with routers.
    pub(crate) sessions: R,
}

/// What is reported.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) addresses: watch::Receiver<Arc<Report>>,
    pub(crate) sessions: watch::Receiver<Arc<SessionReports>>,
}

impl Reported {
    /// Waits for a change; true: nobody reports any more.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            Ok(()) = self.addresses.changed() => false,
            Ok(()) = self.sessions.changed() => false,
            else => true,
        }
    }

    fn is_over(&self) -> bool {
        self.addresses.has_changed().is_err() && self.sessions.has_changed().is_err()
    }
}

impl Cluster {
    /// Follows the cluster for good. Once all was read, sessions with routers are begun, and once there is a
    /// key for the other speakers the announcing on local networks; from then on changes go there, and
    /// what is reported is written.
    pub(crate) async fn follow<S, R>(self, begins: Begins<S, R>, reported: Reported)
    where
        S: FnOnce(Begin) -> mpsc::UnboundedSender<Command>,
        R: FnOnce(sessions::Begin) -> mpsc::UnboundedSender<sessions::Command>,
    {
        let shared = Arc::new(Shared::of_node(&self.node));
        let (read, mut kinds) = watch::channel(0);
        let follower = Follower {
            shared: shared.clone(),
            client: self.client.clone(),
            health: self.health.clone(),
            read,
            metallb: self.metallb.clone(),
        };
        let tasks = follower.tasks();
        let count = tasks.len();
        let all_read = async move {
            // The channel does not close while the watches run.
            let _ = kinds.wait_for(|kinds| *kinds == count).await;
        };
        let (keys, known_keys) = watch::channel(None);
        let following = key::follow(
            self.client.clone(),
            self.namespace.clone(),
            self.health.clone(),
            |it| drop(keys.send_replace(Some(Arc::new(it)))),
        );
        let work = async {
            all_read.await;
            let (owner, addresses) = self.own_node().await;
            let telling = Telling::new(&self, shared, known_keys, addresses.clone());
            let fixed = Fixed {
                node: self.node.clone(),
                owner,
                peer_addresses: addresses,
                port: self.port,
                started: SystemTime::now(),
            };
            let (client, health) = (self.client.clone(), self.health.clone());
            let writing = status::write(client, fixed, reported, health);
            // What is reported last is written after nobody is told any more.
            tokio::join!(writing, telling.tell(begins));
        };
        // None of the watches ends by itself.
        tokio::select! {
            _ = join_all(tasks) => {}
            () = following => {}
            () = work => {}
        }
    }

    /// Who had which address, which is asked for until it is known.
    async fn remembered(&self) -> Vec<(IpAddr, NodeId)> {
        loop {
            match status::remembered(&self.client).await {
                Ok(remembered) => return remembered,
                Err(error) => self.cannot("SpeakerStatuses", &error).await,
            }
        }
    }

    /// Our own node, as the owner of what is written, and where it is reached.
    async fn own_node(&self) -> (Option<OwnerReference>, Vec<IpAddr>) {
        let nodes = Api::<v1::Node>::all(self.client.clone());
        loop {
            match nodes.get_opt(&self.node).await {
                Ok(Some(node)) => {
                    let addresses = Node::from(&node).addresses;
                    if !addresses.is_empty() {
                        self.health.well(OWN_NODE);
                        return (kube::Resource::owner_ref(&node, &()), addresses);
                    }
                    self.wait_for_node("has no address yet").await;
                }
                Ok(None) => {
                    self.wait_for_node("is not there; is --node-name right?")
                        .await;
                }
                Err(error) => self.cannot(OWN_NODE, &error).await,
            }
        }
    }

    async fn wait_for_node(&self, why: &str) {
        let why = format!("Node {} {why}", self.node);
        tracing::warn!("{why}");
        self.health.trouble(OWN_NODE, why);
        tokio::time::sleep(RETRY).await;
    }

    async fn cannot(&self, what: &str, error: &kube::Error) {
        let error = explain(error);
        tracing::warn!(error, "{what} cannot be read; trying again");
        self.health
            .trouble(what, format!("cannot be read: {error}"));
        tokio::time::sleep(RETRY).await;
        self.health.well(what);
    }
}
