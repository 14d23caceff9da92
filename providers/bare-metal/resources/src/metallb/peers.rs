//! From `BGPPeer` of `metallb.io` to ours.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::convert::{Equal, Source, metadata, renamed};
use super::kinds::{BFDProfileSpec, BGPPeerSpec, Item};
use super::notes::{Note, Notes};
use super::selectors::{any_of, first};
use crate::fault::Fault;
use crate::kinds;
use crate::kinds::{BGPPeer, Bfd, GracefulRestart, IpFamily, PasswordSecretRef, PeerAsn, PeerKind};
use crate::peer::{Password, Peer};

/// MetalLB's session that may be several hops away may be any number of them away.
const ANY_HOPS: i32 = 255;

/// None for a peer that cannot be had here, which a note then says.
pub(super) fn convert(
    item: &Item<BGPPeerSpec>,
    profiles: &BTreeMap<&str, &BFDProfileSpec>,
    notes: &mut Vec<Note>,
) -> Option<Equal<BGPPeer, Peer>> {
    let spec = &item.spec;
    let source = Source::of("BGPPeer", item);
    let mut notes = Notes {
        source: source.clone(),
        notes,
    };
    notes.unknown(&item.unknown);
    if spec.vrf.as_deref().is_some_and(|it| !it.is_empty()) {
        let message = "a session in a VRF cannot be had";
        notes.meaning("spec.vrf", message, "the peer is left out");
        return None;
    }
    let mut faults = Vec::new();
    let nodes = any_of("spec.nodeSelectors", &spec.node_selectors, &mut faults);
    if nodes.alternatives().len() > 1 {
        notes.writing(
            "spec.nodeSelectors",
            "a BGPPeer cannot say that one of several selectors is enough",
            "only the first is written, so fewer nodes have the session; give all that are meant one label",
        );
    }
    let password = password(item, &mut notes, &mut faults);
    let mut ours = kinds::BGPPeerSpec {
        node_selector: first(&nodes),
        password_secret_ref: secret_to_write(&source, password.as_ref()),
        bfd: bfd(spec, profiles, &mut notes),
        ..kinds::BGPPeerSpec::new(
            spec.local_asn.filter(|it| *it != 0).unwrap_or(spec.my_asn),
            peer_asn(spec, &mut faults),
        )
    };
    place(spec, &mut ours);
    times(spec, &mut ours);
    options(spec, &mut ours);
    let object = BGPPeer {
        metadata: metadata(&item.metadata),
        spec: ours,
        status: None,
    };
    let asn = if spec.local_asn.is_some() {
        "spec.localASN"
    } else {
        "spec.myASN"
    };
    let fields = [
        ("spec.localASN", asn),
        ("spec.address", "spec.peerAddress"),
        ("spec.port", "spec.peerPort"),
        ("spec.connectRetryTime", "spec.connectTime"),
        ("spec.multihop", "spec.ebgpMultiHop"),
        ("spec.bfd", "spec.bfdProfile"),
        ("spec.passwordSecretRef", "spec.passwordSecret"),
    ];
    let meaning = match Peer::parse(&object) {
        Ok(peer) if faults.is_empty() => Ok(Peer {
            password,
            nodes,
            ..peer
        }),
        Ok(_) => Err(faults),
        Err(more) => {
            let nowhere = |it: &Fault| it.field == "spec";
            let (nowhere, more): (Vec<_>, Vec<_>) = more.into_iter().partition(nowhere);
            faults.extend(renamed(nowhere, &[("spec", "spec.peerAddress")]));
            faults.extend(renamed(more, &fields));
            Err(faults)
        }
    };
    Some(Equal {
        source,
        metadata: item.metadata.clone(),
        meaning,
        written: vec![object],
    })
}

fn text(field: Option<&String>) -> Option<&str> {
    field.map(|it| it.trim()).filter(|it| !it.is_empty())
}

fn peer_asn(spec: &BGPPeerSpec, faults: &mut Vec<Fault>) -> PeerAsn {
    let Some(kind) = text(spec.dynamic_asn.as_ref()) else {
        return PeerAsn::Number(spec.peer_asn);
    };
    let field = "spec.dynamicASN";
    if spec.peer_asn != 0 {
        faults.push(Fault::new(field, "name either peerASN or dynamicASN"));
    }
    match kind {
        "internal" => PeerAsn::Kind(PeerKind::Internal),
        "external" => PeerAsn::Kind(PeerKind::External),
        other => {
            let message = format!("'{other}' is neither internal nor external");
            faults.push(Fault::new(field, message));
            PeerAsn::Kind(PeerKind::External)
        }
    }
}

/// Address, zone or interface, port, and the families of the routes: that of the address alone, unless it
/// says both. A session that is found on an interface carries both.
fn place(spec: &BGPPeerSpec, ours: &mut kinds::BGPPeerSpec) {
    let address = text(spec.peer_address.as_ref());
    let (address, zone) = match address.and_then(|it| it.split_once('%')) {
        Some((address, zone)) => (Some(address), Some(zone)),
        None => (address, None),
    };
    ours.address = address.map(str::to_owned);
    ours.interface = text(spec.interface.as_ref()).or(zone).map(str::to_owned);
    ours.source_address = text(spec.source_address.as_ref()).map(str::to_owned);
    if let Some(port) = spec.peer_port.filter(|it| *it != 0) {
        ours.port = port;
    }
    let address: Option<IpAddr> = address.and_then(|it| it.parse().ok());
    if let Some(address) = address
        && !spec.dual_stack_address_family
    {
        ours.families = vec![IpFamily::of(address)];
    }
}

/// Of hold and keepalive time one says the other: three times, and a third.
fn times(spec: &BGPPeerSpec, ours: &mut kinds::BGPPeerSpec) {
    let hold = text(spec.hold_time.as_ref()).map(go_duration);
    let keepalive = text(spec.keepalive_time.as_ref());
    if let Some(text) = hold {
        ours.hold_time = text;
    } else if let Some(Ok(time)) = keepalive.map(str::parse::<kube_core::Duration>) {
        ours.hold_time = written(3 * Duration::from(time));
    }
    ours.keepalive_time = keepalive.map(go_duration);
    if let Some(time) = text(spec.connect_time.as_ref()) {
        ours.connect_retry_time = go_duration(time);
    }
}

/// A duration of Go's as we write it. What is none stays as it is, and is told of when it is parsed.
fn go_duration(text: &str) -> String {
    match text.parse::<kube_core::Duration>() {
        Ok(time) if !time.is_negative() => written(time.into()),
        Ok(_) | Err(_) => text.to_owned(),
    }
}

fn written(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{}s", time.as_secs())
    } else {
        format!("{}ms", time.as_millis())
    }
}

fn options(spec: &BGPPeerSpec, ours: &mut kinds::BGPPeerSpec) {
    ours.router_id = text(spec.router_id.as_ref()).map(str::to_owned);
    ours.multihop = spec.ebgp_multi_hop.then_some(ANY_HOPS);
    ours.graceful_restart = spec.enable_graceful_restart.then(GracefulRestart::default);
}

fn password(
    item: &Item<BGPPeerSpec>,
    notes: &mut Notes<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Password> {
    let spec = &item.spec;
    let plain = text(spec.password.as_ref());
    let secret = spec.password_secret.as_ref();
    let secret = secret.and_then(|it| Some((it, text(it.name.as_ref())?)));
    match (plain, secret) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            faults.push(Fault::new(
                "spec.password",
                "name either password or passwordSecret",
            ));
            None
        }
        (Some(plain), None) => {
            notes.writing(
                "spec.password",
                "a BGPPeer has no password in plain text",
                &format!(
                    "make a Secret {} of type kubernetes.io/basic-auth in the speaker's namespace, with the password under the key password",
                    secret_name(&notes.source),
                ),
            );
            Some(Password::Plain(plain.to_owned()))
        }
        (None, Some((secret, name))) => {
            notes.writing(
                "spec.passwordSecret",
                "Secrets are read from the speaker's namespace",
                &format!("copy the Secret {name} there"),
            );
            let namespace = text(secret.namespace.as_ref()).map(str::to_owned);
            Some(Password::Secret {
                namespace: namespace.or_else(|| item.metadata.namespace.clone()),
                name: name.to_owned(),
            })
        }
    }
}

fn secret_name(peer: &Source) -> String {
    format!("{}-password", peer.name)
}

fn secret_to_write(peer: &Source, password: Option<&Password>) -> Option<PasswordSecretRef> {
    let name = match password? {
        Password::Secret { name, .. } => name.clone(),
        Password::Plain(_) => secret_name(peer),
    };
    Some(PasswordSecretRef { name })
}

/// MetalLB leaves what a profile does not say to FRR, whose defaults are ours, too: 300 ms, 3 packets.
fn bfd(
    spec: &BGPPeerSpec,
    profiles: &BTreeMap<&str, &BFDProfileSpec>,
    notes: &mut Notes<'_>,
) -> Option<Bfd> {
    let name = text(spec.bfd_profile.as_ref())?;
    let Some(profile) = profiles.get(name) else {
        let message = format!("there is no BFDProfile {name}");
        notes.meaning("spec.bfdProfile", message, "the session runs without BFD");
        return None;
    };
    let default = Bfd::default();
    let interval = |milliseconds: Option<u32>, default: String| {
        milliseconds.map_or(default, |it| written(Duration::from_millis(it.into())))
    };
    if profile.minimum_ttl.is_some() && !spec.ebgp_multi_hop {
        let message = format!("minimumTtl of {name} means something over several hops only");
        notes.meaning("spec.bfdProfile", message, "it is left out");
    }
    Some(Bfd {
        transmit_interval: interval(profile.transmit_interval, default.transmit_interval),
        receive_interval: interval(profile.receive_interval, default.receive_interval),
        multiplier: profile.detect_multiplier.unwrap_or(default.multiplier),
        passive: profile.passive_mode.unwrap_or(false),
        multihop: spec.ebgp_multi_hop,
        minimum_ttl: profile.minimum_ttl.filter(|_| spec.ebgp_multi_hop),
    })
}
