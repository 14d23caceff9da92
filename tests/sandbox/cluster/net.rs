//! Namespaces of the network that stand for the nodes and pods of one story, and what joins them:
//!
//! ```text
//! this machine 198.18.N.254 --- bridge ---+--- 198.18.N.i node i --- 10.244.i.x pod
//! ```
//!
//! Clients and the mock cloud are this machine, in whose namespace the bridge is.

use std::cell::RefCell;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use crate::process::output;

/// What all names begin with; the id of the story's process follows.
const PREFIX: &str = "lf";
/// What every node finds its pods' way back by.
const POD_GATEWAY: &str = "169.254.1.1";

/// The namespaces of one story. They are removed when this is dropped.
pub struct Net {
    /// What all names begin with, and the name of the bridge.
    prefix: String,
    /// The third byte of the nodes' addresses.
    number: u8,
    namespaces: RefCell<Vec<String>>,
    /// The ends of links to nodes that are on this machine.
    links: RefCell<Vec<String>>,
}

/// A namespace of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Net {
    /// A bridge with a net that is used by nobody else.
    pub fn new() -> Self {
        forget_the_killed();
        let (_, taken) = output(Command::new("ip").args(["-o", "-4", "address"]));
        let id = std::process::id();
        let first = u8::try_from(id % 256).expect("a remainder of 256 is a byte");
        let numbers = (0..=u8::MAX).map(|step| first.wrapping_add(step));
        let is_free = |number: &u8| !taken.contains(&format!(" 198.18.{number}."));
        let net = Self {
            prefix: format!("{PREFIX}{id}"),
            number: numbers
                .into_iter()
                .find(is_free)
                .expect("a net that is free"),
            namespaces: RefCell::default(),
            links: RefCell::default(),
        };
        let (bridge, gateway) = (&net.prefix, net.gateway());
        ip(format_args!("link add {bridge} type bridge"));
        ip(format_args!("address add {gateway}/24 dev {bridge}"));
        ip(format_args!("link set {bridge} up"));
        net
    }

    /// The address of this machine, as nodes see it.
    pub fn gateway(&self) -> Ipv4Addr {
        self.node_address(254)
    }

    pub fn node_address(&self, node: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, node)
    }

    /// Adds a node, which forwards what is for its pods, and for those of the other nodes among
    /// these.
    pub fn add_node(&self, node: u8, nodes: impl Iterator<Item = u8>) -> Namespace {
        let namespace = self.add_namespace(&format!("node-{node}"));
        let (bridge, near) = (&self.prefix, format!("{}n{node}", self.prefix));
        ip(format_args!(
            "link add {near} type veth peer name eth0 netns {namespace}"
        ));
        self.links.borrow_mut().push(near.clone());
        ip(format_args!("link set {near} master {bridge} up"));
        let address = self.node_address(node);
        let gateway = self.gateway();
        namespace.ip(format_args!("address add {address}/24 dev eth0"));
        namespace.ip(format_args!("link set eth0 up"));
        namespace.ip(format_args!("route add default via {gateway}"));
        for other in nodes.filter(|other| *other != node) {
            let via = self.node_address(other);
            namespace.ip(format_args!("route add 10.244.{other}.0/24 via {via}"));
        }
        namespace
    }

    /// Adds a pod to a node.
    pub fn add_pod(&self, node: u8, number: u8) -> (Namespace, Ipv4Addr) {
        let address = Ipv4Addr::new(10, 244, node, number);
        let namespace = self.add_namespace(&format!("pod-{node}-{number}"));
        let at_node = Namespace(format!("{}-node-{node}", self.prefix));
        let near = format!("pod{number}");
        at_node.ip(format_args!(
            "link add {near} type veth peer name eth0 netns {namespace}"
        ));
        at_node.ip(format_args!(
            "address add {POD_GATEWAY}/32 scope link dev {near}"
        ));
        at_node.ip(format_args!("link set {near} up"));
        let source = self.node_address(node);
        at_node.ip(format_args!(
            "route add {address}/32 dev {near} src {source}"
        ));
        namespace.ip(format_args!("address add {address}/32 dev eth0"));
        namespace.ip(format_args!("link set eth0 up"));
        namespace.ip(format_args!(
            "route add default via {POD_GATEWAY} dev eth0 onlink"
        ));
        (namespace, address)
    }

    /// Takes a namespace away, and with it the links that lead there.
    pub fn remove(&self, namespace: &Namespace) {
        self.namespaces.borrow_mut().retain(|it| *it != namespace.0);
        ip(format_args!("netns delete {namespace}"));
    }

    fn add_namespace(&self, name: &str) -> Namespace {
        let name = format!("{}-{name}", self.prefix);
        ip(format_args!("netns add {name}"));
        self.namespaces.borrow_mut().push(name.clone());
        let namespace = Namespace(name);
        namespace.ip(format_args!("link set lo up"));
        let settings = [
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0",
        ];
        run(namespace.command("sysctl").arg("-qw").args(settings));
        namespace
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // The story may have failed while one was being made: all that can be removed is.
        let namespaces = self.namespaces.take().into_iter();
        let namespaces = namespaces.map(|it| format!("netns delete {it}"));
        // Links go with their namespace, but that may outlive its name while a connection ends.
        let links = self.links.take().into_iter().chain([self.prefix.clone()]);
        let links = links.map(|it| format!("link delete {it}"));
        links.chain(namespaces).for_each(|it| try_ip(&it));
    }
}

/// Removes what stories have left that were killed.
fn forget_the_killed() {
    let is_left = |name: &&str| {
        let id = name.strip_prefix(PREFIX).unwrap_or_default();
        let id = id.split(|it: char| !it.is_ascii_digit()).next();
        id.is_some_and(|id| !id.is_empty() && !Path::new("/proc").join(id).exists())
    };
    let (_, namespaces) = output(Command::new("ip").args(["netns", "list"]));
    let names = namespaces.lines().filter_map(|it| it.split(' ').next());
    for name in names.filter(is_left) {
        try_ip(&format!("netns delete {name}"));
    }
    let (_, links) = output(Command::new("ip").args(["-brief", "link", "show", "type", "bridge"]));
    let names = links.lines().filter_map(|it| it.split(' ').next());
    for name in names.filter(is_left) {
        try_ip(&format!("link delete {name}"));
    }
}

/// What cannot be removed is left to whoever looks next.
fn try_ip(arguments: &str) {
    let (done, said) = output(Command::new("ip").args(arguments.split(' ')));
    if !done {
        eprintln!("ip {arguments}: {said}");
    }
}

impl Namespace {
    /// A program in this namespace. It ends with the thread that starts it, even if that is killed.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]);
        command.args(["setpriv", "--pdeathsig", "TERM", "--"]);
        command.arg(program);
        command
    }

    fn ip(&self, arguments: fmt::Arguments<'_>) {
        ip(format_args!("-netns {self} {arguments}"));
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn ip(arguments: fmt::Arguments<'_>) {
    run(Command::new("ip").args(arguments.to_string().split(' ')));
}

fn run(command: &mut Command) {
    let (succeeded, said) = output(command);
    assert!(succeeded, "{command:?}: {said}");
}
