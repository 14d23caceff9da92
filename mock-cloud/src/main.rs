//! The program `mock-cloud`: flags, sockets, and the process contract around the library.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ipnet::IpNet;
use landfall_mock_cloud::{Interval, MockCloud, Options, Timing};
use landfall_process::{Command, Failure, LogOptions, bind, listening, read_token, ready, run};
use tokio_util::sync::CancellationToken;

/// Load balancers on one machine: an HTTP API, a real data plane, and faults on demand
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,

    /// Net that load balancers get their addresses from, IPv4 or IPv6; may be repeated
    #[arg(
        long,
        value_name = "NET",
        default_value = "127.200.0.0/16",
        value_delimiter = ','
    )]
    pool: Vec<IpNet>,

    /// File with the bearer token of the API
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,

    /// File with the bearer token of /admin
    #[arg(long, value_name = "FILE")]
    admin_token_file: PathBuf,

    /// Time that connections have to end once their target, port or load balancer is gone
    #[arg(long, value_name = "TIME", default_value = "30s")]
    drain_timeout: Interval,

    /// Time until a new load balancer has its address and listens
    #[arg(long, value_name = "TIME", default_value = "0s")]
    provisioning_time: Interval,

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
    let token = read_token("--token-file", &arguments.token_file)?;
    let admin_token = read_token("--admin-token-file", &arguments.admin_token_file)?;
    let listener = bind("--listen", arguments.listen).await?;
    let options = Options {
        timing: Timing {
            drain_timeout: arguments.drain_timeout.0,
            ..Timing::default()
        },
        provisioning: arguments.provisioning_time.0,
        ..Options::new(arguments.pool, token, admin_token)
    };
    let cloud = MockCloud::start(options, listener, stop)
        .map_err(|error| Failure::usage(format!("--pool: {error}")))?;
    listening("api", cloud.address())?;
    ready()?;
    cloud.stopped().await;
    Ok(())
}
