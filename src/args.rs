//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use landfall_process::{Command, LogOptions};

/// Gives every Kubernetes Service of type LoadBalancer a place where outside traffic lands.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// What to run.
    #[command(subcommand)]
    pub action: Action,
    /// Flags about logs.
    #[command(flatten)]
    pub logs: LogOptions,
}

impl Command for Arguments {
    fn logs(&self) -> &LogOptions {
        &self.logs
    }
}

/// Run on a node of bare metal, and make its local network send it the addresses of Services: the
/// command `landfall speaker` as a program of its own.
#[derive(Debug, Parser)]
#[command(version)]
pub struct SpeakerProgram {
    /// Flags of `landfall speaker`.
    #[command(flatten)]
    pub speaker: SpeakerArguments,
    /// Flags about logs.
    #[command(flatten)]
    pub logs: LogOptions,
}

impl Command for SpeakerProgram {
    fn logs(&self) -> &LogOptions {
        &self.logs
    }
}

/// What to run.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Run the service controller of a cluster
    Controller(ControllerArguments),
    /// Run on a node of bare metal, and make its local network send it the addresses of Services
    Speaker(SpeakerArguments),
    /// Show what of this cluster's load balancers no Service wants, and release it
    Sweep(SweepArguments),
    /// Print the definitions of Landfall's custom resources, to be applied to a cluster
    Crds,
    /// Print our own objects in place of MetalLB's, and what of them cannot be carried over
    Migrate(MigrateArguments),
    /// Judge manifests as the controller would, without a cluster: our kinds, MetalLB's, and Services
    Validate(ValidateArguments),
    /// Show what the speakers of a cluster announce, which of them hear each other, and their sessions
    /// with routers (`bgp`)
    Status(StatusArguments),
    /// Try it on this machine: a mock cluster, a mock cloud, nodes and the controller in one process
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArguments),
}

/// Which cluster to work for, and with which providers.
#[derive(Debug, Args)]
pub struct ClusterArguments {
    /// Configuration, in YAML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Kubeconfig of the cluster [default: $KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// `landfall controller`.
#[derive(Debug, Args)]
pub struct ControllerArguments {
    /// Which cluster, and what of it.
    #[command(flatten)]
    pub cluster: ClusterArguments,

    /// Where /healthz, /readyz and /metrics are served; port 0 takes a free one [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_address: Option<SocketAddr>,

    /// Provider calls under way at once
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = at_least_one)]
    pub concurrency: usize,

    /// UID of the namespace kube-system before this cluster was restored: what the providers hold
    /// for it becomes this cluster's [default: it is left alone]
    #[arg(long, value_name = "UID")]
    pub adopt_cluster_uid: Option<String>,

    /// Print the configuration as it is understood, defaults included, and end
    #[arg(long)]
    pub print_config: bool,

    /// Flags about leader election.
    #[command(flatten)]
    pub lease: LeaseArguments,
}

/// `landfall speaker`.
#[derive(Debug, Args)]
pub struct SpeakerArguments {
    /// The Node that it runs on
    #[arg(long, value_name = "NAME")]
    pub node_name: String,

    /// Kubeconfig of the cluster [default: $KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Configuration, in YAML: `heartbeat`, `peerPort` and `readMetalLB`, the same for all speakers
    /// [default: 25ms, 7477, and no]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Namespace of the Secret landfall-speaker, which the controller makes
    #[arg(long, value_name = "NAMESPACE", default_value = "landfall-system")]
    pub namespace: String,

    /// Folder for what the next speaker is to know of this one; it must be empty after a boot
    #[arg(long, value_name = "FOLDER", default_value = "/run/landfall")]
    pub run_directory: PathBuf,

    /// Where /healthz, /readyz, /metrics, /addresses, /peers, /bgp/sessions and /bgp/routes are served;
    /// port 0 takes a free one
    /// [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_address: Option<SocketAddr>,
}

/// `landfall sweep`.
#[derive(Debug, Args)]
pub struct SweepArguments {
    /// Which cluster, and what of it.
    #[command(flatten)]
    pub cluster: ClusterArguments,

    /// Release what is shown without this flag
    #[arg(long)]
    pub confirm: bool,
}

/// `landfall migrate`.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// Files with MetalLB's objects; - is standard input [default: they are read from the cluster]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Namespace in the cluster that has MetalLB's objects
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "metallb-system",
        conflicts_with = "files"
    )]
    pub namespace: String,

    /// Kubeconfig of the cluster [default: $KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub kubeconfig: Option<PathBuf>,
}

/// What `landfall status` shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Speakers, and the addresses that they announce on local networks
    #[default]
    Speakers,
    /// Their sessions with routers
    Bgp,
}

/// `landfall status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// What to show
    #[arg(value_enum, default_value_t)]
    pub what: Shown,

    /// Kubeconfig of the cluster [default: $KUBECONFIG, else ~/.kube/config, else the pod's own]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// `landfall validate`.
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Files of YAML, of any number of documents each; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Several replicas may run; of those that name one Lease, one works.
#[derive(Debug, Args)]
pub struct LeaseArguments {
    /// Whether to wait for the Lease before working
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,

    /// Name of the Lease
    #[arg(long, value_name = "NAME", default_value = "landfall-controller")]
    pub lease_name: String,

    /// Namespace of the Lease, and of the Secret of the speakers' key on bare metal; it must exist
    #[arg(long, value_name = "NAMESPACE", default_value = "landfall-system")]
    pub lease_namespace: String,
}

#[cfg(feature = "sandbox")]
fn whole_net(text: &str) -> Result<ipnet::IpNet, String> {
    let net: ipnet::IpNet = text
        .parse()
        .map_err(|_| "an address range such as 127.200.0.0/16 is needed".to_owned())?;
    if net.trunc() != net {
        return Err(format!(
            "bits are set beyond the prefix length; did you mean {}?",
            net.trunc()
        ));
    }
    Ok(net)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a number of 1 or more is needed".to_owned()),
    }
}

/// What makes load balancers in a sandbox.
#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SandboxProvider {
    /// A mock cloud.
    MockCloud,
    /// The bare-metal provider.
    BareMetal,
}

/// `landfall sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Clone, Args)]
pub struct SandboxArguments {
    /// Nodes of the cluster
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub nodes: u8,

    /// Where to write the kubeconfig [default: a file of its own, which is removed at the end]
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,

    /// Where the Kubernetes API is served; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub api_address: SocketAddr,

    /// What makes load balancers: a mock cloud, or the bare-metal provider with a pool of addresses
    #[arg(long, value_enum, default_value_t = SandboxProvider::MockCloud)]
    pub provider: SandboxProvider,

    /// Where the mock cloud's API is served; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    pub mock_cloud_address: Option<SocketAddr>,

    /// Addresses for load balancers, IPv4 or IPv6, which this machine must have; may be repeated.
    /// With IPv6, Services of two families get two addresses [default, and beside IPv6: half of the
    /// first free block of 127.200.0.0/16, 127.201.0.0/16, …]
    #[arg(long, value_name = "CIDR", value_parser = whole_net, value_delimiter = ',')]
    pub pool: Vec<ipnet::IpNet>,
}
