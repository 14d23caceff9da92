//! The loopback addresses of a sandbox: a block 127.X.0.0/16 that no other sandbox on this
//! machine has.
//!
//! | addresses            | for                          |
//! |----------------------|------------------------------|
//! | 127.X.0.0/17         | load balancers               |
//! | 127.X.128.N          | node N                       |
//! | 127.X.(128+N).0/24   | pods of node N, from .1 on   |
//! | 127.X.255.254:10250  | held, so that others see it  |
//!
//! A machine has one IPv6 address for all this, and what Services of IPv6 lead to are IPv6 addresses:
//! a pod's is its IPv4 address behind `fd00:10:244::/96`, and known to the nodes of the sandbox only.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use ipnet::{IpNet, Ipv4Net};
use landfall_process::{BindError, Failure};

/// First and last X.
const BLOCKS: std::ops::RangeInclusive<u8> = 200..=249;
/// The port on which a kubelet would listen; here it only says that the block is taken.
const HELD_PORT: u16 = 10250;

/// The IPv6 addresses of pods, but for the last 32 bits.
const PODS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, 0);

/// The IPv6 address of a pod (the form of RFC 6052 §2.2), if this is its IPv4 address.
pub(super) fn ipv6(pod: IpAddr) -> IpAddr {
    match pod {
        IpAddr::V4(pod) => Ipv6Addr::from_bits(PODS.to_bits() | u128::from(pod.to_bits())).into(),
        IpAddr::V6(_) => pod,
    }
}

/// Where an endpoint really is: at its IPv4 address, if it is a pod's IPv6 address.
pub(super) fn place(endpoint: IpAddr) -> IpAddr {
    match endpoint {
        IpAddr::V6(address) => {
            let (net, pod) = (address.to_bits() >> 32, address.segments());
            let is_pod = net == PODS.to_bits() >> 32;
            let [high, low] = [pod[6].to_be_bytes(), pod[7].to_be_bytes()];
            let pod = Ipv4Addr::new(high[0], high[1], low[0], low[1]);
            if is_pod { pod.into() } else { endpoint }
        }
        IpAddr::V4(_) => endpoint,
    }
}

/// A block of addresses, ours as long as this lives.
#[derive(Debug)]
pub(super) struct Block {
    second_octet: u8,
    _held: TcpListener,
}

impl Block {
    /// Takes the first block that is free and has no address in common with `avoid`.
    pub(super) fn take(avoid: &[IpNet]) -> Result<Self, Failure> {
        for second_octet in BLOCKS {
            if avoid
                .iter()
                .any(|avoid| overlap(*avoid, whole(second_octet)))
            {
                continue;
            }
            let address = SocketAddr::from(([127, second_octet, 255, 254], HELD_PORT));
            match TcpListener::bind(address) {
                Ok(held) => {
                    return Ok(Self {
                        second_octet,
                        _held: held,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(source) => {
                    let error = BindError { address, source };
                    return Err(Failure::run(format!(
                        "the sandbox needs loopback addresses: {error}"
                    )));
                }
            }
        }
        let (first, last) = (BLOCKS.start(), BLOCKS.end());
        let is_left = |block: u8| !avoid.iter().any(|pool| overlap(*pool, whole(block)));
        if !BLOCKS.clone().any(is_left) {
            let pool: Vec<_> = avoid.iter().map(ToString::to_string).collect();
            let pool = pool.join(",");
            return Err(Failure::usage(format!(
                "--pool {pool}: leaves no addresses for nodes and pods, which need a block of \
                 127.{first}.0.0/16 to 127.{last}.0.0/16; choose a smaller one"
            )));
        }
        Err(Failure::run(format!(
            "every block of loopback addresses from 127.{first}.0.0/16 to 127.{last}.0.0/16 is \
             taken by another sandbox; end one"
        )))
    }

    /// Addresses for load balancers.
    pub(super) fn pool(&self) -> IpNet {
        let net = Ipv4Net::new(Ipv4Addr::new(127, self.second_octet, 0, 0), 17);
        IpNet::V4(net.expect("17 is a prefix length of IPv4"))
    }

    /// The address of a node, counted from 1 to 126.
    pub(super) fn node(&self, node: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.second_octet, 128, node))
    }

    /// The addresses of a node's pods, in the order of use.
    pub(super) fn pods(&self, node: u8) -> impl Iterator<Item = IpAddr> + use<> {
        let second_octet = self.second_octet;
        (1..=254).map(move |pod| IpAddr::V4(Ipv4Addr::new(127, second_octet, 128 + node, pod)))
    }
}

fn whole(second_octet: u8) -> IpNet {
    let net = Ipv4Net::new(Ipv4Addr::new(127, second_octet, 0, 0), 16);
    IpNet::V4(net.expect("16 is a prefix length of IPv4"))
}

fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sandboxes_have_no_address_in_common() {
        let (one, two) = (Block::take(&[]).unwrap(), Block::take(&[]).unwrap());
        assert!(!overlap(whole(one.second_octet), whole(two.second_octet)));
        assert!(!one.pool().contains(&one.node(1)));
        assert!(
            one.pods(1)
                .all(|pod| !one.pool().contains(&pod) && pod != one.node(1))
        );
    }

    #[test]
    fn an_ipv6_address_of_a_pod_leads_to_it() {
        let pod = Block::take(&[]).unwrap().pods(3).nth(6).unwrap();
        assert!(ipv6(pod).is_ipv6());
        assert_eq!((place(ipv6(pod)), place(pod)), (pod, pod));
        let other: IpAddr = "fd00:10:245::7fc8:8101".parse().unwrap();
        assert_eq!(place(other), other);
    }

    #[test]
    fn a_pool_that_leaves_no_block_is_the_flags_fault() {
        let failure = Block::take(&["127.0.0.0/8".parse().unwrap()]).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)), "{failure}");
        assert!(
            failure.to_string().contains("--pool 127.0.0.0/8"),
            "{failure}"
        );
    }

    #[test]
    fn the_block_stays_clear_of_a_given_pool() {
        let pool: IpNet = "127.200.0.0/14".parse().unwrap();
        let block = Block::take(&[pool]).unwrap();
        assert!(!pool.contains(&block.node(1)));
    }
}
