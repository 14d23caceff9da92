//! From a report to the node's `SpeakerStatus`, and its writing: on change, at most once a second.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams, Request};
use kube::{Api, Client, Resource};
use landfall_bare_metal_bfd as bfd;
use landfall_bare_metal_bgp::{Family, State};
use landfall_bare_metal_l2::peers::NodeId;
use landfall_bare_metal_resources::kinds::{
    AddressState, AnnouncedAddress, BfdState, BgpSession, BgpState, IpFamily, LONGEST_ERROR,
    MOST_ADDRESSES, MOST_INTERFACES, MOST_PEERS, MOST_SESSIONS, SpeakerInterface, SpeakerPeer,
    SpeakerReport, SpeakerStatus, SpeakerStatusSpec,
};
use landfall_watch::{Health, explain};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::Reported;
use crate::report::{self, Report};
use crate::sessions::{SessionId, SessionReport, SessionReports};

/// From one write to the next at least.
const PAUSE: Duration = Duration::from_secs(1);
/// After a write that failed.
const RETRY: Duration = Duration::from_secs(3);
const PART: &str = "SpeakerStatus";

/// What of a status does not change while a speaker lives.
#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub(super) node: Arc<str>,
    pub(super) owner: Option<OwnerReference>,
    pub(super) peer_addresses: Vec<IpAddr>,
    pub(super) port: u16,
    pub(super) started: SystemTime,
}

/// Who had which address, as all statuses tell.
pub(super) async fn remembered(client: &Client) -> Result<Vec<(IpAddr, NodeId)>, kube::Error> {
    let all = Api::<SpeakerStatus>::all(client.clone());
    let listed = all.list(&ListParams::default()).await?;
    let remembered = listed.items.into_iter().flat_map(|it| {
        let node = NodeId::of(&it.metadata.name.unwrap_or_default());
        let addresses = it.status.unwrap_or_default().addresses.into_iter();
        addresses.filter_map(move |it| Some((it.address.parse().ok()?, node)))
    });
    Ok(remembered.collect())
}

/// Writes what is reported, until nobody reports any more; what was reported last is written as well.
pub(super) async fn write(client: Client, fixed: Fixed, mut reported: Reported, health: Health) {
    let mut written: Option<SpeakerReport> = None;
    // A speaker that cannot even begin reports nothing: another may run on this node.
    let mut is_over = reported.addresses.changed().await.is_err();
    if is_over {
        return;
    }
    loop {
        is_over = is_over || reported.is_over();
        let status = status(
            &fixed,
            &reported.addresses.borrow_and_update(),
            &reported.sessions.borrow_and_update(),
        );
        if written.as_ref() == Some(&status) {
            if is_over {
                return;
            }
            is_over = reported.changed().await;
            continue;
        }
        let pause = match put(&client, &fixed, &status).await {
            Ok(()) => {
                health.well(PART);
                written = Some(status);
                PAUSE
            }
            Err(error) => {
                let error = explain(&error);
                tracing::warn!(error, "the SpeakerStatus could not be written");
                health.trouble(PART, format!("could not be written: {error}"));
                if is_over {
                    return;
                }
                RETRY
            }
        };
        is_over = is_over || rest(&mut reported, pause).await;
    }
}

/// Waits so long; true: nobody reports any more.
async fn rest(reported: &mut Reported, pause: Duration) -> bool {
    let over = async { while !reported.changed().await {} };
    tokio::time::timeout(pause, over).await.is_ok()
}

/// What is written: a merge patch changes only what it names, so a list that is empty is named, too.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(flatten)]
    report: &'a SpeakerReport,
    #[serde(flatten)]
    empty: BTreeMap<&'static str, &'static [()]>,
}

impl<'a> From<&'a SpeakerReport> for Written<'a> {
    fn from(report: &'a SpeakerReport) -> Self {
        let lists = [
            ("peerAddresses", report.peer_addresses.is_empty()),
            ("addresses", report.addresses.is_empty()),
            ("interfaces", report.interfaces.is_empty()),
            ("peers", report.peers.is_empty()),
            ("bgpSessions", report.bgp_sessions.is_empty()),
        ];
        let empty = lists.into_iter().filter(|(_, is_empty)| *is_empty);
        Self {
            report,
            empty: empty.map(|(name, _)| (name, [].as_slice())).collect(),
        }
    }
}

async fn put(client: &Client, fixed: &Fixed, status: &SpeakerReport) -> Result<(), kube::Error> {
    match patch(client, fixed, status).await {
        Err(error) if is_status(&error, 404) => {}
        other => return other,
    }
    let object = SpeakerStatus {
        metadata: ObjectMeta {
            name: Some(fixed.node.to_string()),
            // With the node it goes, too.
            owner_references: fixed.owner.clone().map(|it| vec![it]),
            ..ObjectMeta::default()
        },
        spec: SpeakerStatusSpec {},
        status: None,
    };
    let api = Api::<SpeakerStatus>::all(client.clone());
    match api.create(&PostParams::default(), &object).await {
        Err(error) if !is_status(&error, 409) => return Err(error),
        _ => {}
    }
    patch(client, fixed, status).await
}

/// The answer is as long as what is written, and nobody reads it.
async fn patch(client: &Client, fixed: &Fixed, status: &SpeakerReport) -> Result<(), kube::Error> {
    let body = HashMap::from([("status", Written::from(status))]);
    let all = Request::new(SpeakerStatus::url_path(&(), None));
    let request = all
        .patch_subresource(
            "status",
            &fixed.node,
            &PatchParams::default(),
            &Patch::Merge(body),
        )
        .map_err(kube::Error::BuildRequest)?;
    client.request::<IgnoredAny>(request).await.map(drop)
}

fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

pub(super) fn status(fixed: &Fixed, report: &Report, sessions: &SessionReports) -> SpeakerReport {
    let addresses = report.addresses.iter().take(MOST_ADDRESSES);
    let addresses = addresses.map(|(address, it)| AnnouncedAddress {
        address: address.to_string(),
        interfaces: it.interfaces.clone(),
        since: time(it.since),
        state: match it.state {
            report::State::Probing => AddressState::Probing,
            report::State::Announced => AddressState::Announced,
            report::State::Contested => AddressState::Contested,
        },
        contested_by: it.contested_by.map(|it| it.to_string()),
    });
    let announced = report.addresses.values();
    let announced = announced
        .filter(|it| it.state == report::State::Announced)
        .count();
    let interfaces = report.interfaces.iter().take(MOST_INTERFACES);
    let interfaces = interfaces.map(|it| SpeakerInterface {
        name: it.name.clone(),
        mac: Some(it.mac.to_string()),
        subnets: it
            .subnets
            .iter()
            .map(|(own, bits)| subnet(*own, *bits))
            .collect(),
        up: it.is_up,
    });
    let peers = report.peers.iter().take(MOST_PEERS);
    let peers = peers.map(|(node, it)| SpeakerPeer {
        node: node.to_string(),
        alive: it.is_alive,
        since: time(it.since),
    });
    let established = sessions.values();
    let established = established.filter(|it| it.state == State::Established);
    let alive = report.peers.values().filter(|it| it.is_alive).count();
    SpeakerReport {
        peer_addresses: fixed
            .peer_addresses
            .iter()
            .map(ToString::to_string)
            .collect(),
        peer_port: Some(fixed.port),
        started_at: time(fixed.started),
        draining: report.is_draining,
        address_count: u32::try_from(announced).unwrap_or(u32::MAX),
        addresses: addresses.collect(),
        interfaces: interfaces.collect(),
        peers: peers.collect(),
        peers_alive: u32::try_from(alive).unwrap_or(u32::MAX),
        bgp_sessions: sessions.iter().take(MOST_SESSIONS).map(session).collect(),
        bgp_established: u32::try_from(established.count()).unwrap_or(u32::MAX),
        key_id: report.key_id.map(|it| format!("{it:02x}")),
    }
}

fn session((id, it): (&SessionId, &SessionReport)) -> BgpSession {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let [_, announced, without_next_hop] = it.routes.map(count);
    let agreed = it.agreed.as_ref();
    let missing = agreed.into_iter().flat_map(|it| &it.missing_families);
    // That the router is not watched is no error of the session, but all that there is to be told.
    let trouble = it.bfd.as_ref().and_then(|it| it.trouble.as_ref());
    let error = it.error.as_ref();
    BgpSession {
        peer: id.0.to_string(),
        address: id.1.map(|it| it.to_string()),
        state: match it.state {
            State::Idle => BgpState::Idle,
            State::Connect => BgpState::Connect,
            State::Active => BgpState::Active,
            State::OpenSent => BgpState::OpenSent,
            State::OpenConfirm => BgpState::OpenConfirm,
            State::Established => BgpState::Established,
        },
        since: time(it.since),
        peer_asn: agreed.map(|it| it.remote_asn),
        prefixes: announced,
        without_next_hop,
        missing_families: missing
            .map(|it| match it {
                Family::Ipv4 => IpFamily::Ipv4,
                Family::Ipv6 => IpFamily::Ipv6,
            })
            .collect(),
        bfd_state: it.bfd.as_ref().map(|it| match it.state {
            bfd::State::AdminDown => BfdState::AdminDown,
            bfd::State::Down => BfdState::Down,
            bfd::State::Init => BfdState::Init,
            bfd::State::Up => BfdState::Up,
        }),
        last_error: error
            .map(|it| &it.why)
            .or(trouble)
            .map(|why| why.chars().take(LONGEST_ERROR).collect()),
        last_error_at: error.and_then(|it| time(it.at)),
    }
}

/// To the second, as Kubernetes writes times.
fn time(at: SystemTime) -> Option<Time> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since.as_secs()).ok()?;
    Timestamp::from_second(seconds).ok().map(Time)
}

/// The subnet that an address with so many bits is in.
fn subnet(own: IpAddr, bits: u8) -> String {
    let net = ipnet::IpNet::new(own, bits);
    net.map_or_else(|_| own.to_string(), |it| it.trunc().to_string())
}
