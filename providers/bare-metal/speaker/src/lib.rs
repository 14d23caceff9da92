//! The speaker: what runs on each node of bare metal, and makes the local network send the addresses
//! of Services to a node.
//!
//! The machines without I/O decide (`landfall-bare-metal-l2`); here are all sockets, netlink and
//! Kubernetes. Three threads: one does nothing but speak, with the neighbours and with the other
//! speakers, so that nothing holds up a heartbeat; one has the sessions with routers; the third follows
//! the API server, and is allowed to wait for it.

mod admin;
mod cluster;
mod election;
mod gateways;
#[cfg(test)]
mod inside;
mod marker;
pub mod network;
mod offers;
mod report;
mod sessions;
mod speaking;
mod thread;
mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, select_all};
use kube::Client;
use landfall_bare_metal_l2::peers::Timing;
use landfall_watch::Health;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use admin::{Admin, ListedAddress, ListedPeer, ListedRoute, ListedSession};
use cluster::{Begins, Cluster, Reported};
use marker::Marker;
use report::Teller;
use sessions::{AskRoutes, DroppedPackets};
use speaking::{Begin, Command};
use thread::{End, thread};

/// The UDP port on which speakers hear each other.
pub const PORT: u16 = 7477;

/// What a speaker needs.
pub struct Setup {
    /// The way to the API server.
    pub client: Client,
    /// The node that it runs on.
    pub node: String,
    /// Where the Secret with the key is.
    pub namespace: String,
    /// The namespace of MetalLB's objects, if they are read as well.
    pub metallb: Option<String>,
    /// From one heartbeat to the next; all speakers of the cluster keep to the same.
    pub heartbeat: Duration,
    /// The UDP port of all speakers of the cluster.
    pub port: u16,
    /// A folder that is empty after a boot, for what the next speaker is to know of this one.
    pub run_directory: PathBuf,
    /// Told what keeps it from its work.
    pub health: Health,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}

/// Why a speaker has ended before it was told to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Ended(String);

/// A speaker: what it tells, and what runs it.
pub struct Speaker {
    /// What it tells of itself.
    pub admin: Admin,
    /// Runs it until it is told to end, and has handed over what it had.
    pub running: BoxFuture<'static, Result<(), Ended>>,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").finish_non_exhaustive()
    }
}

/// Makes a speaker, which runs until `stop` is cancelled.
pub fn speaker(setup: Setup, stop: CancellationToken) -> Speaker {
    let (reports, addresses) = watch::channel(Arc::default());
    let (counts, counted) = watch::channel(Arc::default());
    let (session_reports, sessions) = watch::channel(Arc::default());
    let (strangers, counted_strangers) = watch::channel(DroppedPackets::new());
    let (ask, asked) = mpsc::channel(1);
    let of_sessions = sessions::Teller {
        reports: session_reports,
        strangers,
    };
    let tellers = (Teller { reports, counts }, of_sessions);
    let reported = Reported {
        addresses,
        sessions,
    };
    Speaker {
        admin: Admin::new(reported.clone(), counted, counted_strangers, ask),
        running: Box::pin(run(setup, stop, tellers, asked, reported)),
    }
}

async fn run(
    setup: Setup,
    stop: CancellationToken,
    (teller, session_teller): (Teller, sessions::Teller),
    asked: mpsc::Receiver<AskRoutes>,
    reported: Reported,
) -> Result<(), Ended> {
    let marker = Marker::of(&setup.run_directory);
    let cluster = Cluster {
        client: setup.client,
        node: setup.node.into(),
        namespace: setup.namespace,
        metallb: setup.metallb,
        timing: Timing::of_heartbeat(setup.heartbeat),
        port: setup.port,
        has_restarted: marker.is_set(),
        health: setup.health,
    };
    let (speaking, speaking_end) = thread("speaking");
    let (routing, routing_end) = thread("routing");
    let begins = Begins {
        speaking: {
            let stop = stop.clone();
            move |begin: Begin| {
                let (commands, obeyed) = mpsc::unbounded_channel();
                speaking.start(async move || {
                    let spoken = speaking::speak(begin, obeyed, teller).await;
                    spoken.map_err(|it| Ended(it.to_string()))
                });
                send_at(stop, &commands, Command::End);
                commands
            }
        },
        sessions: {
            let stop = stop.clone();
            move |begin: sessions::Begin| {
                let (commands, obeyed) = mpsc::unbounded_channel();
                routing.start(async move || {
                    sessions::run(begin, obeyed, session_teller, marker, asked).await;
                    Ok(())
                });
                send_at(stop, &commands, sessions::Command::End);
                commands
            }
        },
    };
    let following = cluster.follow(begins, reported);
    let ends = [speaking_end, routing_end];
    let waiting = async {
        stop.cancelled().await;
        if ends.iter().any(End::has_begun) {
            // The speaker hands over first, and what it reports last is written.
            std::future::pending::<()>().await;
        }
    };
    let failures = ends.iter().map(|it| it.clone().failure().boxed());
    tokio::select! {
        () = following => {}
        () = waiting => return Ok(()),
        (failed, ..) = select_all(failures) => return Err(failed),
    }
    let [speaking, routing] = ends.map(End::wait);
    tokio::try_join!(speaking, routing).map(|_| ())
}

/// Sends a command when `stop` is cancelled.
fn send_at<C: Send + 'static>(
    stop: CancellationToken,
    commands: &mpsc::UnboundedSender<C>,
    command: C,
) {
    let commands = commands.clone();
    // Whoever waits for the end is told by the thread itself.
    tokio::spawn(async move {
        stop.cancelled().await;
        let _ = commands.send(command);
    });
}
