//! The speaker: what runs on each node of bare metal, and makes the local network send the addresses
//! of Services to a node.
//!
//! The machines without I/O decide (`landfall-bare-metal-l2`); here are all sockets, netlink and
//! Kubernetes. Two threads: one does nothing but speak, with the neighbours and with the other
//! speakers, so that nothing holds up a heartbeat; the other follows the API server, and is allowed to
//! wait for it.

mod admin;
mod cluster;
mod election;
mod gateways;
#[cfg(test)]
mod inside;
pub mod network;
mod report;
mod speaking;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Client;
use landfall_bare_metal_l2::peers::Timing;
use landfall_watch::Health;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use admin::{Admin, ListedAddress, ListedPeer};
use cluster::Cluster;
use report::{Report, Teller};
use speaking::{Begin, Command};

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
    /// Told what keeps it from its work.
    pub health: Health,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}

/// Why a speaker has ended before it was told to.
#[derive(Debug, thiserror::Error)]
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
    let (reports, reported) = watch::channel(Arc::default());
    let (counts, counted) = watch::channel(Arc::default());
    let teller = Teller { reports, counts };
    Speaker {
        admin: Admin::new(reported.clone(), counted),
        running: Box::pin(run(setup, stop, teller, reported)),
    }
}

async fn run(
    setup: Setup,
    stop: CancellationToken,
    teller: Teller,
    reported: watch::Receiver<Arc<Report>>,
) -> Result<(), Ended> {
    let cluster = Cluster {
        client: setup.client,
        node: setup.node.into(),
        namespace: setup.namespace,
        metallb: setup.metallb,
        timing: Timing::of_heartbeat(setup.heartbeat),
        port: setup.port,
        health: setup.health,
    };
    let (ended, end) = oneshot::channel();
    let begun = CancellationToken::new();
    let begin = {
        let (stop, begun) = (stop.clone(), begun.clone());
        move |begin: Begin| {
            begun.cancel();
            let (commands, obeyed) = mpsc::unbounded_channel();
            start(begin, obeyed, teller, ended);
            let last = commands.clone();
            // Whoever waits for the end is told by the speaker itself.
            tokio::spawn(async move {
                stop.cancelled().await;
                let _ = last.send(Command::End);
            });
            commands
        }
    };
    let following = cluster.follow(begin, reported);
    let waiting = async {
        stop.cancelled().await;
        if begun.is_cancelled() {
            // The speaker hands over first, and what it reports last is written.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = following => {}
        () = waiting => return Ok(()),
    }
    let failed = |_| Err(Ended("the speaking thread has panicked".to_owned()));
    end.await.unwrap_or_else(failed)
}

/// Starts the thread that speaks.
fn start(
    begin: Begin,
    commands: mpsc::UnboundedReceiver<Command>,
    teller: Teller,
    ended: oneshot::Sender<Result<(), Ended>>,
) {
    let speak = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let result = match runtime {
            Ok(runtime) => {
                let speaking = speaking::speak(begin, commands, teller);
                runtime
                    .block_on(speaking)
                    .map_err(|it| Ended(it.to_string()))
            }
            Err(error) => Err(Ended(format!("cannot start a runtime: {error}"))),
        };
        // Who waited may be gone already.
        let _ = ended.send(result);
    };
    let thread = std::thread::Builder::new().name("speaking".to_owned());
    if let Err(error) = thread.spawn(speak) {
        // The channels close with it, and whoever waits sees that.
        tracing::error!(%error, "cannot start the speaking thread");
    }
}
