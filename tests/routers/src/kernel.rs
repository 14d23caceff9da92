//! What the kernel of a host has in its table of routes.

use std::net::IpAddr;
use std::process::Command;

use ipnet::IpNet;
use landfall_test_network::Lan;
use serde::Deserialize;

use crate::daemons::ask;

/// Where traffic is sent next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelNextHop {
    /// The router; for IPv4 it may be one of IPv6. `None` if it is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The interface.
    pub device: String,
    /// Its share, beside those of the others.
    pub weight: u32,
    /// What the kernel says of it: `linkdown`, `dead`, `onlink`.
    pub flags: Vec<String>,
}

/// The next hops of exactly this prefix in a host's main table, in order; empty if there is no such
/// route.
pub fn kernel_routes(lan: &Lan, host: &str, prefix: IpNet) -> Vec<KernelNextHop> {
    in_namespace(&lan.namespace(host), prefix)
}

pub(crate) fn in_namespace(namespace: &str, prefix: IpNet) -> Vec<KernelNextHop> {
    let family = if prefix.addr().is_ipv4() { "-4" } else { "-6" };
    let mut command = Command::new("ip");
    command.args(["-netns", namespace, family, "-json"]);
    let said = ask(command.args(["route", "show", "exact", &prefix.to_string()]));
    parse(&said)
}

fn parse(said: &str) -> Vec<KernelNextHop> {
    let routes: Vec<Route> = serde_json::from_str(said).unwrap_or_else(|error| {
        panic!("routes of the kernel: {error}: {said}");
    });
    let mut hops: Vec<_> = routes.into_iter().flat_map(Route::next_hops).collect();
    hops.sort();
    hops
}

#[derive(Deserialize)]
struct Route {
    /// Of a blackhole and its like.
    r#type: Option<String>,
    #[serde(flatten)]
    only: Hop,
    #[serde(default)]
    nexthops: Vec<Hop>,
}

#[derive(Deserialize)]
struct Hop {
    gateway: Option<IpAddr>,
    via: Option<Via>,
    dev: Option<String>,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    flags: Vec<String>,
}

#[derive(Deserialize)]
struct Via {
    host: IpAddr,
}

fn one() -> u32 {
    1
}

impl Route {
    fn next_hops(self) -> Vec<KernelNextHop> {
        assert_eq!(self.r#type, None, "a route that leads nowhere");
        let hops = if self.nexthops.is_empty() {
            vec![self.only]
        } else {
            self.nexthops
        };
        let hops = hops.into_iter().map(|hop| KernelNextHop {
            gateway: hop.gateway.or(hop.via.map(|it| it.host)),
            device: hop.dev.expect("a next hop has a device"),
            weight: hop.weight,
            flags: hop.flags,
        });
        hops.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(gateway: &str, device: &str) -> KernelNextHop {
        KernelNextHop {
            gateway: Some(gateway.parse().unwrap()),
            device: device.to_owned(),
            weight: 1,
            flags: Vec::new(),
        }
    }

    #[test]
    fn each_form_of_a_next_hop_is_read() {
        let one =
            r#"[{"dst":"203.0.113.2","nhid":82,"gateway":"192.0.2.2","dev":"eth0","flags":[]}]"#;
        assert_eq!(parse(one), [hop("192.0.2.2", "eth0")]);
        let several = r#"[{"dst":"203.0.113.2","nhid":81,"protocol":"bgp","flags":[],"nexthops":[
            {"via":{"family":"inet6","host":"fe80::2"},"dev":"q1","weight":1,"flags":[]},
            {"gateway":"192.0.2.2","dev":"eth0","weight":1,"flags":[]}]}]"#;
        assert_eq!(
            parse(several),
            [hop("192.0.2.2", "eth0"), hop("fe80::2", "q1")]
        );
        assert_eq!(parse("[]"), []);
    }

    #[test]
    #[should_panic(expected = "leads nowhere")]
    fn a_blackhole_is_no_next_hop() {
        parse(r#"[{"type":"blackhole","dst":"203.0.113.1","flags":[]}]"#);
    }
}
