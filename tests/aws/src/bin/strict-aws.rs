//! `strict-aws`: the stand-in as a process of its own, with a ready-made world. It prints one line
//! of JSON that says where it is and what it has, and serves until its standard input closes or it
//! gets SIGTERM.

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::Duration;

use clap::Parser;
use landfall_test_aws::{Aws, Ids, Options, World, serve_control};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// A strict stand-in for AWS.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port of the services on 127.0.0.1; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the control door on 127.0.0.1; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// The only region.
    #[arg(long, default_value = "eu-central-1")]
    region: String,
    /// The name of the cluster in the world.
    #[arg(long, default_value = "strict")]
    cluster: String,
    /// Availability Zones of the world, 1 to 4.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=4))]
    zones: u8,
    /// Nodes of the world.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Milliseconds that a new load balancer is provisioning.
    #[arg(long, default_value_t = 2000)]
    provisioning: u64,
    /// Milliseconds that a new target is initial.
    #[arg(long, default_value_t = 2000)]
    initial: u64,
    /// Milliseconds that a target drains at most.
    #[arg(long, default_value_t = 2000)]
    draining: u64,
    /// Milliseconds that network interfaces outlive their load balancer.
    #[arg(long, default_value_t = 2000)]
    interface_lag: u64,
    /// Milliseconds until the tagging service shows a change.
    #[arg(long, default_value_t = 2000)]
    tagging_delay: u64,
    /// Milliseconds that each call takes.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Load balancers that the account may have.
    #[arg(long, default_value_t = 50)]
    load_balancers: usize,
    /// Serve on when the standard input closes.
    #[arg(long)]
    ignore_stdin: bool,
}

/// The line that is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    url: String,
    control: String,
    region: String,
    account: String,
    access_key_id: String,
    world: Ids,
}

fn options(arguments: &Arguments) -> Options {
    let mut options = Options {
        port: arguments.port,
        region: arguments.region.clone(),
        provisioning: Duration::from_millis(arguments.provisioning),
        initial: Duration::from_millis(arguments.initial),
        draining: Duration::from_millis(arguments.draining),
        interface_lag: Duration::from_millis(arguments.interface_lag),
        tagging_delay: Duration::from_millis(arguments.tagging_delay),
        latency: Duration::from_millis(arguments.latency),
        ..Options::default()
    };
    options.quotas.load_balancers = arguments.load_balancers;
    options
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let options = options(&arguments);
    let access_key_id = options.keys.first().cloned().unwrap_or_default();
    let aws = Aws::try_start(options)?;
    let control = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.control_port)).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    let ready = Ready {
        url: aws.url(),
        control: format!("http://{}", control.local_addr()?),
        region: aws.region(),
        account: aws.account(),
        access_key_id,
        world: aws.world(&World {
            cluster: arguments.cluster,
            zones: usize::from(arguments.zones),
            nodes: arguments.nodes,
            ..World::default()
        }),
    };
    println!("{}", serde_json::to_string(&ready)?);
    let (closed, stdin) = oneshot::channel::<()>();
    let ends = !arguments.ignore_stdin;
    if ends {
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            if let Err(error) = std::io::stdin().read_to_end(&mut rest) {
                eprintln!("standard input cannot be read, and counts as closed: {error}");
            }
            drop(closed);
        });
    }
    tokio::select! {
        error = serve_control(aws, control) => Err(error.into()),
        _ = terminated.recv() => Ok(()),
        _ = stdin, if ends => Ok(()),
    }
}
