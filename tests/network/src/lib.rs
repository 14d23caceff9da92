//! A local network in namespaces, for tests and benches: hosts at one switch, what can fail there,
//! and probes that measure what a client sees.
//!
//! ```text
//! switch: br0 --- router .1  client .10  node1 .11  node2 .12 …    192.0.2.0/24, fd00:192:0:2::/64
//! this machine: lanN .254 --- mgmt0 of each host                    198.19.N.0/24
//! ```
//!
//! [`Lan::add_second`] adds another network beside it, [`Lan::route_second`] has the router between
//! both, and [`Lan::lay_cable`] ties two hosts together. The switch is in a namespace of its own. By
//! `mgmt0`, hosts reach servers of this machine even while their place at the switch is cut off.
//! Addresses .200 to .239 (`::200` to `::239`) are nobody's, to be announced.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests end where something is not as it should be"
)]

mod cable;
mod claim;
mod faults;
mod probe;
mod run;
mod second;
mod traffic;

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;

use landfall_bare_metal_l2::Mac;

pub use probe::{Answer, Microseconds, Probe, now};
use run::{batch, ip, output, succeed};
pub use traffic::{Node, Traffic};

/// A local network. It is removed, with all that runs in its namespaces, when this is dropped.
#[derive(Debug)]
pub struct Lan {
    /// Stands in all names, and in the addresses by which hosts reach this machine.
    number: u8,
    hosts: Vec<Host>,
}

#[derive(Debug)]
struct Host {
    name: String,
    /// The last part of its addresses.
    number: u8,
}

/// Whether a network can be made here; if not, what is missing.
pub fn is_possible() -> Result<(), String> {
    for (program, arguments) in [("ip", "-Version"), ("nft", "--version")] {
        if Command::new(program).arg(arguments).output().is_err() {
            return Err(format!("there is no command `{program}`"));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root".into());
    }
    let unshared = Command::new("unshare").args(["--net", "true"]).output();
    match unshared {
        Ok(it) if it.status.success() => Ok(()),
        _ => Err("this root may not make namespaces".into()),
    }
}

/// As [`is_possible`]; what cannot be tested is told where the runner of all tests repeats it.
pub fn is_possible_or_skip(what: &str) -> bool {
    let possible = is_possible();
    if let Err(why) = &possible {
        landfall_test_process::skip(&format!("{what}: {why}"));
    }
    possible.is_ok()
}

impl Lan {
    /// A network with a client, a router and so many nodes: `node1`, `node2` and so on.
    pub fn new(nodes: u8) -> Self {
        let mut lan = Self {
            number: claim::claim(),
            hosts: Vec::new(),
        };
        let switch = lan.namespace("switch");
        ip(&format!("netns add {switch}"));
        lan.set("switch", &["ipv6/conf/all/disable_ipv6=1"]);
        batch(
            Some(&switch),
            "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
             link set br0 up\n",
        );
        lan.add_host("router", 1, &[FORWARDS, SPREADS].concat());
        lan.add_host("client", 10, &[]);
        for number in 1..=nodes {
            let settings = [FORWARDS, STRICT_ARP].concat();
            lan.add_host(&format!("node{number}"), 10 + number, &settings);
        }
        lan
    }

    fn add_host(&mut self, name: &str, number: u8, settings: &[&str]) {
        let namespace = self.namespace(name);
        ip(&format!("netns add {namespace}"));
        self.hosts.push(Host {
            name: name.to_owned(),
            number,
        });
        self.set(name, &[USABLE_AT_ONCE, settings].concat());
        let (management, port) = (self.management_bridge(), self.management_port(number));
        let switch = self.namespace("switch");
        batch(
            None,
            &format!(
                "link add eth0 netns {namespace} type veth peer name {name} netns {switch}\n\
                 link add mgmt0 netns {namespace} type veth peer name {port}\n\
                 link set {port} master {management} up\n"
            ),
        );
        batch(
            Some(&switch),
            &format!("link set {name} master br0\nlink set {name} up\n"),
        );
        self.set(name, &["ipv6/conf/mgmt0/disable_ipv6=1"]);
        let address = self.management_address(name);
        let (v4, v6) = self.addresses(name);
        let mut lines = format!(
            "link set lo up\nlink set eth0 up\nlink set mgmt0 up\n\
             address add {address}/24 dev mgmt0\n\
             address add {v4}/24 dev eth0\naddress add {v6}/64 dev eth0 nodad\n"
        );
        if name != "router" {
            let (v4, v6) = self.addresses("router");
            let routes =
                [v4.into(), v6.into()].map(|it: IpAddr| format!("route add default via {it}\n"));
            lines.extend(routes);
        }
        batch(Some(&namespace), &lines);
    }

    /// Writes settings of the kernel, each named from `/proc/sys/net` on.
    fn set(&self, host: &str, settings: &[&str]) {
        let write = "cd /proc/sys/net; for it; do echo \"${it#*=}\" > \"${it%%=*}\"; done";
        let namespace = self.namespace(host);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace, "sh", "-ec", write, "sh"]);
        succeed(command.args(settings));
    }

    /// The hosts' names.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|it| it.name.as_str())
    }

    /// The nodes' names.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.hosts().filter(|it| it.starts_with("node"))
    }

    fn number(&self, host: &str) -> u8 {
        let found = self.hosts.iter().find(|it| it.name == host);
        found.unwrap_or_else(|| panic!("no host {host}")).number
    }

    /// A host's addresses on the network, in the subnets of 24 and 64 bits.
    pub fn addresses(&self, host: &str) -> (Ipv4Addr, Ipv6Addr) {
        let number = self.number(host);
        let v6 = format!("fd00:192:0:2::{number}").parse();
        (Ipv4Addr::new(192, 0, 2, number), v6.unwrap())
    }

    /// An address of this machine that each host reaches, whatever fails on the network.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 19, self.number, 254)
    }

    /// An address of a host that this machine reaches, whatever fails on the network.
    pub fn management_address(&self, host: &str) -> Ipv4Addr {
        Ipv4Addr::new(198, 19, self.number, self.number(host))
    }

    fn management_bridge(&self) -> String {
        claim::bridge(self.number)
    }

    fn management_port(&self, host: u8) -> String {
        format!("{}h{host}", self.management_bridge())
    }

    /// The name of a host's namespace; that of `switch` has the bridge.
    pub fn namespace(&self, host: &str) -> String {
        claim::namespace(self.number, host)
    }

    /// A program that will run in a host's namespace.
    pub fn command(&self, host: &str, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]);
        command.arg(program);
        command
    }

    /// Runs `ip` in a host's namespace (not its programs: that is `command`).
    pub fn ip(&self, host: &str, arguments: &str) -> String {
        let mut command = Command::new("ip");
        command.args(["-netns", &self.namespace(host)]);
        output(command.args(arguments.split_whitespace()))
    }

    /// The hardware address of a host on the network.
    pub fn mac(&self, host: &str) -> Mac {
        self.mac_of(host, "eth0")
    }

    /// The hardware address of an interface of a host.
    pub fn mac_of(&self, host: &str, interface: &str) -> Mac {
        let said = self.ip(host, &format!("-brief link show dev {interface}"));
        let text = said.split_whitespace().nth(2).unwrap();
        let bytes = text.split(':').map(|it| u8::from_str_radix(it, 16));
        let bytes: Vec<_> = bytes.collect::<Result<_, _>>().unwrap();
        Mac(bytes.try_into().unwrap())
    }

    /// Lets a host take traffic for an address, by its loopback: it answers no ARP or NDP for it.
    pub fn give(&self, host: &str, address: IpAddr) {
        match address {
            IpAddr::V4(it) => self.ip(host, &format!("address add {it}/32 dev lo")),
            IpAddr::V6(it) => self.ip(host, &format!("address add {it}/128 dev lo nodad")),
        };
    }

    /// Undoes [`Self::give`].
    pub fn take(&self, host: &str, address: IpAddr) {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        self.ip(host, &format!("address delete {address}/{bits} dev lo"));
    }
}

/// Addresses can be used at once: nobody else is asked for them.
const USABLE_AT_ONCE: &[&str] = &[
    "ipv6/conf/all/accept_dad=0",
    "ipv6/conf/default/accept_dad=0",
    "ipv6/conf/all/router_solicitations=0",
    "ipv6/conf/default/router_solicitations=0",
    "ipv4/conf/all/rp_filter=0",
    "ipv4/conf/default/rp_filter=0",
];

const FORWARDS: &[&str] = &["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"];

/// Connections of one client take different ways where there are several.
const SPREADS: &[&str] = &[
    "ipv4/fib_multipath_hash_policy=1",
    "ipv6/fib_multipath_hash_policy=1",
];

/// What kube-proxy sets with `strictARP`.
const STRICT_ARP: &[&str] = &["ipv4/conf/all/arp_ignore=1", "ipv4/conf/all/arp_announce=2"];

impl Drop for Lan {
    fn drop(&mut self) {
        claim::release(self.number);
    }
}
