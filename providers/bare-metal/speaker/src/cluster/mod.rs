//! The cluster, as the API server tells of it: what is to be announced, by whom, and who is told.

mod following;
mod key;
mod node;
mod service;
mod shared;
mod status;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use landfall_bare_metal_l2::peers::{Keys, NodeId, Timing};
use landfall_watch::{Health, explain};
use tokio::sync::{mpsc, watch};

use crate::report::Report;
use crate::speaking::{Begin, Command};
use following::Follower;
use node::Node;
use shared::Shared;
use status::Fixed;

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
    pub(crate) health: Health,
}

impl Cluster {
    /// Follows the cluster for good. Once all was read, and there is a key, `begin` is called; from then
    /// on changes go where it says, and what is reported is written.
    pub(crate) async fn follow(
        self,
        begin: impl FnOnce(Begin) -> mpsc::UnboundedSender<Command>,
        reports: watch::Receiver<Arc<Report>>,
    ) {
        let shared = Arc::new(Shared::default());
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
        let work = self.work(shared, all_read, known_keys, begin, reports);
        // None of the watches ends by itself.
        tokio::select! {
            _ = join_all(tasks) => {}
            () = following => {}
            () = work => {}
        }
    }

    async fn work(
        &self,
        shared: Arc<Shared>,
        all_read: impl Future<Output = ()>,
        mut keys: watch::Receiver<Option<Arc<Keys>>>,
        begin: impl FnOnce(Begin) -> mpsc::UnboundedSender<Command>,
        reports: watch::Receiver<Arc<Report>>,
    ) {
        all_read.await;
        let remembered = self.remembered().await;
        let (owner, peer_addresses) = self.own_node().await;
        let first_keys = match keys.wait_for(Option::is_some).await {
            Ok(keys) => keys.clone(),
            Err(_) => None,
        };
        let Some(first_keys) = first_keys else {
            return;
        };
        let mut members = shared.read(view::View::places);
        // The watch may be a moment behind.
        members.insert(self.node.clone(), peer_addresses.clone());
        let commands = begin(Begin {
            name: self.node.clone(),
            timing: self.timing,
            port: self.port,
            keys: first_keys,
            members: members.clone(),
            remembered,
        });
        self.health.well(Health::CACHES);
        let fixed = Fixed {
            node: self.node.clone(),
            owner,
            peer_addresses,
            port: self.port,
            started: SystemTime::now(),
        };
        let writing = status::write(self.client.clone(), fixed, reports, self.health.clone());
        let telling = self.tell(shared, keys, commands, members);
        // What is reported last is written after nobody is told any more.
        tokio::join!(writing, telling);
    }

    /// Tells the speaker of each change, until it ends. What has changed before is told at once: whoever
    /// notifies before somebody waits is not forgotten.
    async fn tell(
        &self,
        shared: Arc<Shared>,
        mut keys: watch::Receiver<Option<Arc<Keys>>>,
        commands: mpsc::UnboundedSender<Command>,
        mut members: BTreeMap<Arc<str>, Vec<IpAddr>>,
    ) {
        let mut is_draining = false;
        loop {
            tokio::select! {
                () = commands.closed() => return,
                () = shared.changed.notified() => {}
                Ok(()) = keys.changed() => {
                    let keys = keys.borrow_and_update().clone();
                    if let Some(keys) = keys {
                        let _ = commands.send(Command::Keys(keys));
                    }
                    continue;
                }
            }
            let (changes, places, drains) = shared.change_quietly(|view| {
                let drains = view.known_node(&self.node).is_some_and(|it| it.is_draining);
                (view.changes(), view.places(), drains)
            });
            // Whoever listens no more has ended, and says so.
            if places != members {
                members = places;
                let _ = commands.send(Command::Members(members.clone()));
            }
            if drains != is_draining {
                is_draining = drains;
                let _ = commands.send(Command::Draining(drains));
            }
            if !changes.is_empty() {
                let _ = commands.send(Command::Want(changes));
            }
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
