//! The fields of a peer, one by one.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{BfdSession, Distance, Place, RemoteAsn};
use crate::advertisement::{no_interface, out_of};
use crate::fault::Fault;
use crate::kinds::{BGPPeerSpec, Bfd};
use crate::range::Entry;
use crate::reservation::host_address;
use crate::time;

/// Gathers faults while the fields of a peer are read.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) faults: Vec<Fault>,
}

impl Judge {
    pub(super) fn fault(&mut self, field: &str, message: &str) {
        self.faults.push(Fault::new(field, message));
    }

    pub(super) fn number(&mut self, field: &str, number: i64, least: i64, most: i64) -> i64 {
        if !(least..=most).contains(&number) {
            self.faults.push(out_of(field, number, least, most));
        }
        number
    }

    pub(super) fn asn(&mut self, field: &str, number: i64) -> u32 {
        let number = self.number(field, number, 1, u32::MAX.into());
        u32::try_from(number).unwrap_or_default()
    }

    pub(super) fn duration(&mut self, field: &str, text: &str) -> Option<Duration> {
        let read = time::duration(text);
        if read.is_none() {
            let message = format!("'{text}' is no duration");
            self.faults
                .push(Fault::new(field, message).hint(time::FORM));
        }
        read
    }

    pub(super) fn within(
        &mut self,
        field: &str,
        text: &str,
        time: Option<Duration>,
        milliseconds: RangeInclusive<u64>,
    ) {
        let [least, most] = [*milliseconds.start(), *milliseconds.end()].map(Duration::from_millis);
        if let Some(time) = time
            && !(least..=most).contains(&time)
        {
            let message = format!("{text} is not between {least:?} and {most:?}");
            self.faults.push(Fault::new(field, message));
        }
    }

    /// Whole seconds within bounds.
    pub(super) fn seconds(
        &mut self,
        field: &str,
        text: &str,
        seconds: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let time = self.duration(field, text)?;
        self.within(
            field,
            text,
            Some(time),
            seconds.start() * 1_000..=seconds.end() * 1_000,
        );
        if time.subsec_nanos() != 0 {
            self.faults
                .push(Fault::new(field, format!("{text} is not whole seconds")));
        }
        Some(time)
    }

    pub(super) fn place(&mut self, spec: &BGPPeerSpec) -> Option<Place> {
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
        let address = match host_address(field, text) {
            Ok(address) => address,
            Err(fault) => {
                self.faults.push(fault);
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

    pub(super) fn source(&mut self, spec: &BGPPeerSpec) -> Option<IpAddr> {
        let field = "spec.sourceAddress";
        let source = match host_address(field, spec.source_address.as_deref()?) {
            Ok(source) => source,
            Err(fault) => {
                self.faults.push(fault);
                return None;
            }
        };
        // The address, or the first one of the network.
        let peer = spec.address.as_deref();
        let peer = peer.and_then(|it| it.split('/').next());
        let peer: Option<IpAddr> = peer.and_then(|it| it.parse().ok());
        if peer.is_some_and(|it| it.is_ipv4() != source.is_ipv4()) {
            self.fault(field, "it must be of the family of address");
        }
        Some(source)
    }

    pub(super) fn times(&mut self, spec: &BGPPeerSpec) -> (Option<Duration>, Option<Duration>) {
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

    pub(super) fn distance(
        &mut self,
        spec: &BGPPeerSpec,
        ours: u32,
        theirs: RemoteAsn,
    ) -> Distance {
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

    pub(super) fn router_id(&mut self, spec: &BGPPeerSpec) -> Option<Ipv4Addr> {
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

    pub(super) fn bfd(&mut self, bfd: &Bfd, interface: Option<&str>) -> BfdSession {
        if bfd.multihop && interface.is_some() {
            let message = "a peer that is found on an interface is not several hops away";
            self.fault("spec.bfd.multihop", message);
        }
        let mut interval = |name: &str, text: &str| {
            let field = format!("spec.bfd.{name}");
            let time = self.duration(&field, text);
            self.within(&field, text, time, 10..=60_000);
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
