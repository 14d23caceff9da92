//! A running mock cloud: the API, the desk and the cloud put together, from start to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, Api};
use crate::bind::{is_local, make_local};
use crate::cloud::Cloud;
use crate::desk::Desk;
use crate::timing::Timing;
use crate::token::Token;

/// Calls that `/admin/calls` remembers, unless told otherwise.
const CALLS_KEPT: usize = 65_536;

/// Time that calls under way have to be answered once the mock cloud is to stop.
const GRACE: Duration = Duration::from_secs(1);

/// How a mock cloud is to be.
#[derive(Clone)]
pub struct Options {
    /// Where the addresses of load balancers come from: at least one net. IPv4 and IPv6 may mix;
    /// the family of the first is given where none is asked for.
    pub pool: Vec<IpNet>,
    /// The bearer token of the API.
    pub token: String,
    /// The bearer token of `/admin`.
    pub admin_token: String,
    /// How long the data plane waits for what.
    pub timing: Timing,
    /// Time until a new load balancer has its address and listens.
    pub provisioning: Duration,
    /// Calls that `/admin/calls` remembers.
    pub calls_kept: usize,
}

impl Options {
    /// The usual ones, for this pool and these tokens.
    pub fn new(pool: Vec<IpNet>, token: impl Into<String>, admin_token: impl Into<String>) -> Self {
        Self {
            pool,
            token: token.into(),
            admin_token: admin_token.into(),
            timing: Timing::default(),
            provisioning: Duration::ZERO,
            calls_kept: CALLS_KEPT,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("pool", &self.pool)
            .field("timing", &self.timing)
            .field("provisioning", &self.provisioning)
            .field("calls_kept", &self.calls_kept)
            .finish_non_exhaustive()
    }
}

/// Why a mock cloud cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to give out.
    #[error("the pool is empty; name a net such as 127.200.0.0/16")]
    EmptyPool,
    /// The API's socket is of no use.
    #[error("the API's socket has no address: {0}")]
    Socket(#[source] io::Error),
}

/// A mock cloud that runs until the token that it was started with is cancelled.
#[derive(Debug)]
pub struct MockCloud {
    address: SocketAddr,
    tasks: TaskTracker,
}

impl MockCloud {
    /// Starts one on the current runtime; its API answers on `listener` from now on. Several can
    /// run side by side in a process, with a pool each.
    pub fn start(
        options: Options,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        if options.pool.is_empty() {
            return Err(StartError::EmptyPool);
        }
        warn_of_absent(&options.pool);
        let address = listener.local_addr().map_err(StartError::Socket)?;
        let tasks = TaskTracker::new();
        let (cloud, cloud_task) = Cloud::new(
            &options.pool,
            options.timing,
            options.provisioning,
            stop.clone(),
        );
        let (desk, desk_task) = Desk::new(options.calls_kept, stop.clone());
        let api = Api {
            cloud,
            desk,
            token: watch::Sender::new(Token::new(options.token)),
            admin_token: Arc::new(Token::new(options.admin_token)),
            cleared: watch::Sender::default(),
            stale: watch::Sender::new(Arc::default()),
            stop: stop.clone(),
        };
        tasks.spawn(cloud_task);
        tasks.spawn(desk_task);
        tasks.spawn(serve(listener, api, stop));
        tasks.close();
        Ok(Self { address, tasks })
    }

    /// Where the API answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API's URL, as a client wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it has stopped: every socket that listened is closed.
    pub async fn stopped(self) {
        self.tasks.wait().await;
    }
}

/// Says how to make IPv6 nets of the pool this machine's own where they are not.
fn warn_of_absent(pool: &[IpNet]) {
    for net in pool.iter().filter(|net| matches!(net, IpNet::V6(_))) {
        let Some(address) = net.hosts().next() else {
            continue;
        };
        // Where that cannot be told, each listener will say what fails.
        if !is_local(address).unwrap_or(true) {
            tracing::warn!(
                pool = %net,
                "this machine does not have the pool's addresses; run `{}`",
                make_local(net)
            );
        }
    }
}

async fn serve(listener: TcpListener, api: Api, stop: CancellationToken) {
    let stopped = stop.clone();
    let serving = axum::serve(listener, api::router(api))
        .with_graceful_shutdown(async move { stopped.cancelled().await });
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        // It cannot fail: it goes on when accepting fails.
        _ = serving => {}
        () = late => tracing::warn!("calls under way were given up"),
    }
}
