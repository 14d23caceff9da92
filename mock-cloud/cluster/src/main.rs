//! The program `mock-cluster`: flags, a socket, a kubeconfig file, and the process contract
//! around the library.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use landfall_mock_cluster::{Cluster, Credentials, Kubeconfig};
use landfall_process::{Command, Failure, LogOptions, bind, listening, ready, run};
use tokio_util::sync::CancellationToken;

/// A Kubernetes API server in memory, with the few controllers without which a cluster is none
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// File that the kubeconfig is written to; removed at the end
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,

    #[command(flatten)]
    logs: LogOptions,
}

impl Command for Arguments {
    fn logs(&self) -> &LogOptions {
        &self.logs
    }
}

fn main() -> ExitCode {
    run(serve)
}

async fn serve(arguments: Arguments, stop: CancellationToken) -> Result<(), Failure> {
    let refused = |error| {
        Failure::usage(format!(
            "--kubeconfig {}: {error}",
            arguments.kubeconfig.display()
        ))
    };
    // Before the socket, so that a file of somebody else is noticed before anything starts.
    Kubeconfig::check(&arguments.kubeconfig).map_err(refused)?;
    let listener = bind("--listen", arguments.listen).await?;
    let address = listener.local_addr().map_err(Failure::run)?;
    let credentials = Credentials::generate(address).map_err(Failure::run)?;
    let _file = Kubeconfig::write(
        &arguments.kubeconfig,
        &credentials.kubeconfig("mock-cluster"),
    )
    .map_err(refused)?;
    let cluster = Cluster::new();
    listening("kubernetes", address)?;
    ready()?;
    let (served, ()) = tokio::join!(
        cluster.serve(listener, credentials, stop.clone()),
        cluster.run_controllers(stop.clone()),
    );
    served.map_err(Failure::run)
}
