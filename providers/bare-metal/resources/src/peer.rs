//! From a `BGPPeer` to a session that can be opened.

mod judge;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use self::judge::Judge;
use crate::fault::Fault;
use crate::kinds::{BGPPeer, IpFamily, PeerAsn, PeerKind};
use crate::names::{none_twice, object_name};
use crate::selector::Selectors;

/// A `BGPPeer`, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Our autonomous system.
    pub local_asn: u32,
    /// The router's.
    pub remote_asn: RemoteAsn,
    /// Where the router is.
    pub place: Place,
    /// The router's TCP port; with `passive`, ours.
    pub port: u16,
    /// The node's address that the session is opened from; None: as its routes say.
    pub source: Option<IpAddr>,
    /// Never open the session, wait for the router.
    pub passive: bool,
    /// How long the session lives without a message; None: for ever.
    pub hold_time: Option<Duration>,
    /// How often a message is sent at least; None: a third of the hold time that was agreed on.
    pub keepalive_time: Option<Duration>,
    /// How long to wait before the session is tried again.
    pub connect_retry_time: Duration,
    /// The node's BGP identifier; None: the speaker finds one.
    pub router_id: Option<Ipv4Addr>,
    /// The password of the session, if there is one.
    pub password: Option<Password>,
    /// How far away the router may be.
    pub distance: Distance,
    /// How long the router is asked to keep routes over a restart; None: not at all.
    pub restart_time: Option<Duration>,
    /// The families of the routes.
    pub families: BTreeSet<IpFamily>,
    /// The nodes that have the session.
    pub nodes: Selectors,
    /// The BFD session beside it.
    pub bfd: Option<BfdSession>,
}

/// Where the password of a session is.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// In a Secret of type `kubernetes.io/basic-auth`, under the key `password`.
    Secret {
        /// Its namespace; None: the speaker's.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// Here: an object of MetalLB's has it in plain text.
    Plain(String),
}

/// Does not tell the password.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { namespace, name } => write!(f, "Secret({namespace:?}, {name:?})"),
            Self::Plain(_) => f.write_str("Plain(…)"),
        }
    }
}

/// Which autonomous system a router may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteAsn {
    /// This one.
    Number(u32),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

/// Where a router is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At an address.
    Address(IpAddr),
    /// At a link-local address on an interface.
    LinkLocal(Ipv6Addr, String),
    /// Somewhere in a network; it opens the session.
    Within(IpNet),
    /// On an interface, found by its router advertisements.
    On(String),
}

/// How far away a router may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// An external router on a network of the node; an internal one anywhere.
    Usual,
    /// No router between, and packets prove it (RFC 5082).
    TtlSecurity,
    /// So many hops at most.
    Multihop(u8),
}

/// BFD beside a BGP session (RFC 5880).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdSession {
    /// Desired Min TX Interval.
    pub transmit_interval: Duration,
    /// Required Min RX Interval.
    pub receive_interval: Duration,
    /// Detect Mult.
    pub multiplier: u8,
    /// Wait for the router's first packet.
    pub passive: bool,
    /// For a router more than one hop away, the lowest TTL that is accepted.
    pub multihop: Option<u8>,
}

impl Peer {
    /// Judges a peer. All faults at once.
    pub fn parse(object: &BGPPeer) -> Result<Self, Vec<Fault>> {
        let spec = &object.spec;
        let mut judge = Judge::default();
        let place = judge.place(spec);
        let source = judge.source(spec);
        let local_asn = judge.asn("spec.localASN", spec.local_asn);
        let remote_asn = match spec.peer_asn {
            PeerAsn::Number(number) => RemoteAsn::Number(judge.asn("spec.peerASN", number)),
            PeerAsn::Kind(PeerKind::Internal) => RemoteAsn::Internal,
            PeerAsn::Kind(PeerKind::External) => RemoteAsn::External,
        };
        let (hold_time, keepalive_time) = judge.times(spec);
        let distance = judge.distance(spec, local_asn, remote_asn);
        let restart = spec.graceful_restart.as_ref().map(|it| {
            let field = "spec.gracefulRestart.restartTime";
            judge.seconds(field, &it.restart_time, 1..=4095)
        });
        let retry = judge.duration("spec.connectRetryTime", &spec.connect_retry_time);
        judge.within(
            "spec.connectRetryTime",
            &spec.connect_retry_time,
            retry,
            1_000..=65_535_000,
        );
        let port = judge.number("spec.port", spec.port.into(), 1, 65_535);
        if spec.families.is_empty() {
            judge.fault(
                "spec.families",
                "a session without families carries no routes",
            );
        }
        none_twice("spec.families", &spec.families, &mut judge.faults);
        if let Some(secret) = &spec.password_secret_ref {
            let field = "spec.passwordSecretRef.name";
            object_name(field, &secret.name, &mut judge.faults);
        }
        let router_id = judge.router_id(spec);
        let bfd = spec.bfd.as_ref();
        let bfd = bfd.map(|it| judge.bfd(it, spec.interface.as_deref()));
        let faults = &mut judge.faults;
        let nodes = Selectors::parse("spec.nodeSelector", spec.node_selector.as_ref(), faults);
        let peer = place.map(|place| Self {
            local_asn,
            remote_asn,
            place,
            port: u16::try_from(port).unwrap_or(179),
            source,
            passive: spec.passive,
            hold_time: hold_time.filter(|it| !it.is_zero()),
            keepalive_time,
            connect_retry_time: retry.unwrap_or_default(),
            router_id,
            password: spec
                .password_secret_ref
                .as_ref()
                .map(|it| Password::Secret {
                    namespace: None,
                    name: it.name.clone(),
                }),
            distance,
            restart_time: restart.flatten(),
            families: spec.families.iter().copied().collect(),
            nodes,
            bfd,
        });
        match peer {
            Some(peer) if judge.faults.is_empty() => Ok(peer),
            _ => Err(judge.faults),
        }
    }
}
