//! A second network beside the first, for nodes with two interfaces.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Lan;
use crate::run::batch;

/// What is at the second network, besides nodes.
const FAR: &str = "far";

impl Lan {
    /// Adds a network `198.51.100.0/24`, `fd00:198:51:100::/64` with a host `far`, whose `eth0` is
    /// there and not at the first one.
    pub fn add_second(&mut self) {
        batch(
            Some(&self.namespace("switch")),
            "link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
             link set br1 up\n",
        );
        self.add_host(FAR, 2, &[]);
        self.ip("switch", &format!("link set {FAR} master br1"));
        self.ip(FAR, "address flush dev eth0 scope global");
        self.have_second_addresses(FAR, "eth0");
    }

    /// Plugs a node into the second network, by an interface of this name.
    pub fn plug_second(&self, node: &str, interface: &str) {
        let (namespace, switch) = (self.namespace(node), self.namespace("switch"));
        let port = format!("{node}s");
        batch(
            Some(&switch),
            &format!(
                "link add {interface} netns {namespace} type veth peer name {port}\n\
                 link set {port} master br1\nlink set {port} up\n"
            ),
        );
        self.ip(node, &format!("link set {interface} up"));
    }

    /// Gives an interface of a host the host's addresses on the second network.
    pub fn have_second_addresses(&self, host: &str, interface: &str) {
        let (v4, v6) = self.second_addresses(host);
        let (v4, v6) = (format!("{v4}/24"), format!("{v6}/64"));
        self.ip(host, &format!("address replace {v4} dev {interface}"));
        self.ip(host, &format!("address replace {v6} dev {interface} nodad"));
    }

    /// Plugs the router into the second network, by its `eth1`, and has `far` send all through it: its
    /// traffic comes to nodes by the routes that the router has.
    pub fn route_second(&self) {
        self.plug_second("router", "eth1");
        self.have_second_addresses("router", "eth1");
        let (v4, v6) = self.second_addresses("router");
        self.ip(FAR, &format!("route replace default via {v4} dev eth0"));
        self.ip(FAR, &format!("route replace default via {v6} dev eth0"));
    }

    fn second_addresses(&self, host: &str) -> (Ipv4Addr, Ipv6Addr) {
        let number = self.number(host);
        let v6 = format!("fd00:198:51:100::{number}").parse();
        (Ipv4Addr::new(198, 51, 100, number), v6.unwrap())
    }

    /// A host's addresses on the network that its `eth0` is at.
    pub(crate) fn addresses_of_eth0(&self, host: &str) -> (Ipv4Addr, Ipv6Addr) {
        if host == FAR {
            self.second_addresses(host)
        } else {
            self.addresses(host)
        }
    }
}
