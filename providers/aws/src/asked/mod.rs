//! What a Service asks of AWS: its ports, families and annotations, parsed once, in words of AWS. It
//! knows nothing of what is there: names of subnets and groups stay names here.

mod addresses;
mod admitting;
mod front;
mod health;
mod ports;
mod reader;
mod tls;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use landfall_provider_api::{Error, Family, LoadBalancer};

use crate::calls::{AddressType, HealthCheck, Scheme};
pub(crate) use admitting::everybody;
pub(crate) use ports::PRESERVE;
use reader::Reader;
pub(crate) use reader::{PREFIX, SOURCE_RANGES};

/// An annotation that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its whole name, or another field's path.
    pub(crate) annotation: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

/// Where targets are (`TargetType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TargetType {
    /// Nodes, at their node ports.
    Instance,
    /// Pods, at their own ports.
    Ip,
}

impl TargetType {
    /// As AWS writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Ip => "ip",
        }
    }
}

/// What a listener or a target group speaks (`Protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Both by one port number.
    TcpUdp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// As AWS writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP_UDP",
            Self::Tls => "TLS",
        }
    }

    /// Whether it takes datagrams.
    pub(crate) fn has_udp(self) -> bool {
        matches!(self, Self::Udp | Self::TcpUdp)
    }

    /// Whether it takes connections.
    pub(crate) fn has_tcp(self) -> bool {
        self != Self::Udp
    }
}

/// What a Service asks for. Each field is one annotation of
/// `service.beta.kubernetes.io/aws-load-balancer-…`, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `name`: of a load balancer that is yet to be made.
    pub(crate) name: Option<String>,
    /// `nlb-target-type`.
    pub(crate) target_type: TargetType,
    /// `scheme`. `None`: as it is, else internal.
    pub(crate) scheme: Option<Scheme>,
    /// `ip-address-type`, else by the Service's families.
    pub(crate) address_type: AddressType,
    /// The family in which targets are reached: the Service's primary one.
    pub(crate) family: Family,
    /// `subnets`: ids or names. `None`: to be discovered.
    pub(crate) subnets: Option<Vec<String>>,
    /// `eip-allocations`, one for each subnet, or none.
    pub(crate) allocations: Vec<String>,
    /// `private-ipv4-addresses`, one for each subnet, or none.
    pub(crate) private_ipv4: Vec<Ipv4Addr>,
    /// `ipv6-addresses`, one for each subnet, or none.
    pub(crate) ipv6: Vec<Ipv6Addr>,
    /// `enable-prefix-for-ipv6-source-nat`.
    pub(crate) source_nat: Option<bool>,
    /// `source-nat-ipv6-prefixes`, one for each subnet, or none.
    pub(crate) source_nat_prefixes: Vec<String>,
    /// `attributes`, with what the four deprecated annotations mean.
    pub(crate) attributes: BTreeMap<String, String>,
    /// `minimum-load-balancer-capacity`, in units; 0 is none.
    pub(crate) capacity: Option<u32>,
    /// Who may connect.
    pub(crate) groups: Groups,
    /// `inbound-sg-rules-on-private-link-traffic`.
    pub(crate) private_link_rules: Option<bool>,
    /// `target-node-labels`.
    pub(crate) node_labels: BTreeMap<String, String>,
    /// `additional-resource-tags`.
    pub(crate) tags: BTreeMap<String, String>,
    /// What it listens on, by port number.
    pub(crate) ports: Vec<AskedPort>,
    /// Whole names of annotations that are not supported.
    pub(crate) ignored: Vec<String>,
}

/// Which security groups a load balancer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Groups {
    /// `disable-nlb-sg`: none, now and ever.
    None {
        /// `manage-backend-security-group-rules`: whether the way to the targets is opened.
        opens_targets: bool,
    },
    /// `security-groups`: these, by id or name.
    Own {
        /// Ids or names.
        names: Vec<String>,
        /// `manage-backend-security-group-rules`: whether the way to the targets is opened.
        opens_targets: bool,
    },
    /// One of ours.
    Managed(Admitted),
}

/// Whom a managed group lets in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Admitted {
    /// `spec.loadBalancerSourceRanges`, else `load-balancer-source-ranges`; everybody where neither
    /// they nor prefix lists are given.
    pub(crate) ranges: Vec<IpNet>,
    /// `security-group-prefix-lists`.
    pub(crate) prefix_lists: Vec<String>,
    /// `enable-icmp-for-path-mtu-discovery`.
    pub(crate) icmp: bool,
    /// `manage-backend-security-group-rules` is not `false`.
    pub(crate) opens_targets: bool,
}

/// A listener and what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedPort {
    /// Where clients connect.
    pub(crate) port: u16,
    /// Of the listener.
    pub(crate) protocol: Transport,
    /// Of the target group.
    pub(crate) group_protocol: Transport,
    /// `name`s of the Service's ports that it serves: two for TCP and UDP of one number.
    pub(crate) names: Vec<String>,
    /// `nodePort`.
    pub(crate) node_port: Option<u16>,
    /// How targets are probed.
    pub(crate) health: HealthCheck,
    /// `target-group-attributes`, `.PORT` and the PROXY protocol's.
    pub(crate) group_attributes: BTreeMap<String, String>,
    /// `listener-attributes.PROTO-PORT`.
    pub(crate) attributes: BTreeMap<String, String>,
    /// What a TLS listener has.
    pub(crate) tls: Option<Tls>,
}

/// What a TLS listener has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// `ssl-cert`: the first is the default, the others are chosen by SNI.
    pub(crate) certificates: Vec<String>,
    /// `ssl-negotiation-policy`.
    pub(crate) policy: String,
    /// `alpn-policy`. `None`: nobody has said.
    pub(crate) alpn: Option<String>,
}

impl Asked {
    /// Parses what a Service asks for. All faults at once.
    pub(crate) fn parse(wanted: &LoadBalancer) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(&wanted.annotations);
        let asked = front::read(&mut reader, wanted);
        if reader.faults.is_empty() {
            Ok(asked)
        } else {
            Err(reader.faults)
        }
    }
}

/// The attribute by which AWS refuses to delete a load balancer.
pub(crate) const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// The error that tells all faults, in the name of the first.
pub(crate) fn invalid(faults: Vec<Fault>) -> Error {
    let mut faults = faults.into_iter();
    let first = faults.next().expect("whoever has no faults does not ask");
    let others = faults.map(|it| format!("; {}: {}", it.annotation, it.message));
    Error::Invalid {
        field: first.annotation,
        message: std::iter::once(first.message).chain(others).collect(),
    }
}

#[cfg(test)]
mod tests;
