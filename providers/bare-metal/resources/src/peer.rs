//! From a `BGPPeer` to a session that can be opened.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use crate::advertisement::{no_interface, out_of};
use crate::fault::Fault;
use crate::kinds::{BGPPeer, BGPPeerSpec, Bfd, IpFamily, PeerAsn, PeerKind};
use crate::names::{none_twice, object_name};
use crate::range::Entry;
use crate::reservation::one_address;
use crate::selector::Selectors;
use crate::time;

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
    /// The name of the Secret with the password, if there is one.
    pub password_secret: Option<String>,
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
        judge.within("spec.connectRetryTime", retry, 1_000..=65_535_000);
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
        let bfd = spec.bfd.as_ref().map(|it| judge.bfd(it));
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
            password_secret: spec.password_secret_ref.as_ref().map(|it| it.name.clone()),
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

/// Gathers faults while the fields of a peer are read.
#[derive(Default)]
struct Judge {
    faults: Vec<Fault>,
}

impl Judge {
    fn fault(&mut self, field: &str, message: &str) {
        self.faults.push(Fault::new(field, message));
    }

    fn number(&mut self, field: &str, number: i64, least: i64, most: i64) -> i64 {
        if !(least..=most).contains(&number) {
            self.faults.push(out_of(field, number, least, most));
        }
        number
    }

    fn asn(&mut self, field: &str, number: i64) -> u32 {
        let number = self.number(field, number, 1, u32::MAX.into());
        u32::try_from(number).unwrap_or_default()
    }

    fn duration(&mut self, field: &str, text: &str) -> Option<Duration> {
        let read = time::duration(text);
        if read.is_none() {
            let message = format!("'{text}' is no duration");
            self.faults
                .push(Fault::new(field, message).hint(time::FORM));
        }
        read
    }

    fn within(&mut self, field: &str, time: Option<Duration>, milliseconds: RangeInclusive<u64>) {
        let [least, most] = [*milliseconds.start(), *milliseconds.end()].map(Duration::from_millis);
        if let Some(time) = time
            && !(least..=most).contains(&time)
        {
            let message = format!("{time:?} is not between {least:?} and {most:?}");
            self.faults.push(Fault::new(field, message));
        }
    }

    /// Whole seconds within bounds.
    fn seconds(
        &mut self,
        field: &str,
        text: &str,
        seconds: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let time = self.duration(field, text)?;
        self.within(
            field,
            Some(time),
            seconds.start() * 1_000..=seconds.end() * 1_000,
        );
        if time.subsec_nanos() != 0 {
            self.faults
                .push(Fault::new(field, format!("{text} is not whole seconds")));
        }
        Some(time)
    }

    fn place(&mut self, spec: &BGPPeerSpec) -> Option<Place> {
        let field = "spec.address";
        let interface = spec.interface.as_deref();
        if let Some(name) = interface
            && (name.is_empty() || name.len() > 15 || name.contains(['/', ':', '%', '*', '?', ' ']))
        {
            self.faults
                .push(no_interface("spec.interface".to_owned(), name));
        }
        let Some(text) = spec.address.as_deref() else {
            if interface.is_none() {
                let message = "name the router's address, or the interface that it is found on";
                self.fault("spec", message);
            }
            return interface.map(|name| Place::On(name.to_owned()));
        };
        if text.contains('/') {
            return self.network(text, spec.passive, interface);
        }
        let address = match one_address(text) {
            Ok(address) => address,
            Err(error) => {
                self.faults.push(Fault::entry(field, &error));
                return None;
            }
        };
        match (address, interface) {
            (IpAddr::V6(it), None) if it.is_unicast_link_local() => {
                self.fault(
                    field,
                    "a link-local address needs the interface that it is on",
                );
                None
            }
            (IpAddr::V6(it), Some(name)) if it.is_unicast_link_local() => {
                Some(Place::LinkLocal(it, name.to_owned()))
            }
            (_, Some(_)) => {
                let message = "interface goes with a link-local address, or with no address";
                self.fault("spec.interface", message);
                None
            }
            (address, None) => Some(Place::Address(address)),
        }
    }

    fn network(&mut self, text: &str, passive: bool, interface: Option<&str>) -> Option<Place> {
        if interface.is_some() {
            let message = "interface goes with a link-local address, or with no address";
            self.fault("spec.interface", message);
        }
        if !passive {
            let message = "a network can only be waited for: set passive, or name one address";
            self.fault("spec.address", message);
        }
        match text.parse() {
            Ok(Entry::Network(network)) => Some(Place::Within(network)),
            Ok(_) => None,
            Err(error) => {
                self.faults.push(Fault::entry("spec.address", &error));
                None
            }
        }
    }

    fn source(&mut self, spec: &BGPPeerSpec) -> Option<IpAddr> {
        let source = match one_address(spec.source_address.as_deref()?) {
            Ok(source) => source,
            Err(error) => {
                self.faults.push(Fault::entry("spec.sourceAddress", &error));
                return None;
            }
        };
        let peer: Option<IpAddr> = spec.address.as_deref().and_then(|it| it.parse().ok());
        if peer.is_some_and(|it| it.is_ipv4() != source.is_ipv4()) {
            let message = "it must be of the family of address";
            self.fault("spec.sourceAddress", message);
        }
        Some(source)
    }

    fn times(&mut self, spec: &BGPPeerSpec) -> (Option<Duration>, Option<Duration>) {
        let hold = match self.duration("spec.holdTime", &spec.hold_time) {
            Some(time) if time.is_zero() => Some(time),
            Some(_) => self.seconds("spec.holdTime", &spec.hold_time, 3..=65_535),
            None => None,
        };
        let text = spec.keepalive_time.as_deref();
        let keepalive = text.and_then(|it| self.seconds("spec.keepaliveTime", it, 1..=65_535));
        if let (Some(hold), Some(keepalive)) = (hold, keepalive)
            && keepalive > hold
        {
            let message = "it must not be longer than holdTime; with holdTime 0s there is none";
            self.fault("spec.keepaliveTime", message);
        }
        (hold, keepalive)
    }

    fn distance(&mut self, spec: &BGPPeerSpec, ours: u32, theirs: RemoteAsn) -> Distance {
        let Some(hops) = spec.multihop else {
            return if spec.ttl_security {
                Distance::TtlSecurity
            } else {
                Distance::Usual
            };
        };
        let field = "spec.multihop";
        if spec.ttl_security {
            let message = "ttlSecurity lets no router be between, multihop does: choose one";
            self.fault(field, message);
        }
        if spec.interface.is_some() {
            let message = "a peer that is found on an interface is not several hops away";
            self.fault(field, message);
        }
        if theirs == RemoteAsn::Internal || theirs == RemoteAsn::Number(ours) {
            let message = "multihop is for external peers: internal ones may be anywhere";
            self.fault(field, message);
        }
        let hops = self.number(field, hops.into(), 2, 255);
        Distance::Multihop(u8::try_from(hops).unwrap_or(u8::MAX))
    }

    fn router_id(&mut self, spec: &BGPPeerSpec) -> Option<Ipv4Addr> {
        let text = spec.router_id.as_deref()?;
        match text.parse() {
            Ok(id) if id != Ipv4Addr::UNSPECIFIED => Some(id),
            _ => {
                let message = format!("'{text}' is no BGP identifier");
                let hint = "an IPv4 address is needed, such as 192.0.2.1, and not 0.0.0.0";
                self.faults
                    .push(Fault::new("spec.routerID", message).hint(hint));
                None
            }
        }
    }

    fn bfd(&mut self, bfd: &Bfd) -> BfdSession {
        let mut interval = |name: &str, text: &str| {
            let field = format!("spec.bfd.{name}");
            let time = self.duration(&field, text);
            self.within(&field, time, 10..=60_000);
            time.unwrap_or_default()
        };
        let transmit_interval = interval("transmitInterval", &bfd.transmit_interval);
        let receive_interval = interval("receiveInterval", &bfd.receive_interval);
        let multiplier = self.number("spec.bfd.multiplier", bfd.multiplier.into(), 1, 255);
        let ttl = bfd.minimum_ttl.map(|ttl| {
            if !bfd.multihop {
                let message =
                    "it goes with multihop: over a single hop only 255 is accepted (RFC 5881 §5)";
                self.fault("spec.bfd.minimumTTL", message);
            }
            self.number("spec.bfd.minimumTTL", ttl.into(), 1, 254)
        });
        let lowest = u8::try_from(ttl.unwrap_or(254)).unwrap_or(254);
        BfdSession {
            transmit_interval,
            receive_interval,
            multiplier: u8::try_from(multiplier).unwrap_or(3),
            passive: bfd.passive,
            multihop: bfd.multihop.then_some(lowest),
        }
    }
}
