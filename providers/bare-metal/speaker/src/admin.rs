//! What a speaker tells at its admin address: metrics, and full lists.

mod bgp;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use crate::cluster::Reported;
use crate::report::{Counts, Report, State};
use crate::sessions::{AskRoutes, DroppedPackets};
pub use bgp::{ListedRoute, ListedSession};

/// How long is waited for the list of routes.
const PATIENCE: Duration = Duration::from_secs(5);

/// An address that a speaker has.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedAddress {
    /// The address.
    pub address: IpAddr,
    /// The names of the interfaces that it is announced on.
    pub interfaces: Vec<String>,
    /// `Probing`, `Announced` or `Contested`, as in a `SpeakerStatus`.
    pub state: &'static str,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The MAC address of another host that answers for it.
    pub contested_by: Option<String>,
}

/// Another speaker, as this one sees it.
#[derive(Debug, Clone, Serialize)]
pub struct ListedPeer {
    /// Its node.
    pub node: String,
    /// Whether it lives.
    pub alive: bool,
    /// Since when, in seconds since 1970.
    pub since: u64,
}

/// What a speaker tells of itself.
#[derive(Debug, Clone)]
pub struct Admin {
    reported: Reported,
    counts: watch::Receiver<Arc<Counts>>,
    strangers: watch::Receiver<DroppedPackets>,
    routes: mpsc::Sender<AskRoutes>,
}

impl Admin {
    pub(crate) fn new(
        reported: Reported,
        counts: watch::Receiver<Arc<Counts>>,
        strangers: watch::Receiver<DroppedPackets>,
        routes: mpsc::Sender<AskRoutes>,
    ) -> Self {
        Self {
            reported,
            counts,
            strangers,
            routes,
        }
    }

    fn report(&self) -> Arc<Report> {
        self.reported.addresses.borrow().clone()
    }

    /// Every address that it has.
    pub fn addresses(&self) -> Vec<ListedAddress> {
        let report = self.report();
        let addresses = report.addresses.iter();
        let addresses = addresses.map(|(address, it)| ListedAddress {
            address: *address,
            interfaces: it.interfaces.clone(),
            state: state(it.state),
            since: seconds(it.since),
            contested_by: it.contested_by.map(|it| it.to_string()),
        });
        addresses.collect()
    }

    /// Every other speaker that it has heard of.
    pub fn peers(&self) -> Vec<ListedPeer> {
        let report = self.report();
        let peers = report.peers.iter();
        let peers = peers.map(|(node, it)| ListedPeer {
            node: node.to_string(),
            alive: it.is_alive,
            since: seconds(it.since),
        });
        peers.collect()
    }

    /// Every session with a router.
    pub fn sessions(&self) -> Vec<ListedSession> {
        bgp::sessions(&self.reported.sessions.borrow())
    }

    /// Every route that routers were told. Empty while there is nobody to be asked.
    pub async fn routes(&self) -> Vec<ListedRoute> {
        let (answer, answered) = oneshot::channel();
        if self.routes.send(answer).await.is_err() {
            return Vec::new();
        }
        let listed = tokio::time::timeout(PATIENCE, answered).await;
        listed.map_or_else(|_| Vec::new(), |it| bgp::routes(it.unwrap_or_default()))
    }

    /// Registers what a scrape finds.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Sessions(
            self.reported.clone(),
            self.strangers.clone(),
        )));
        let registry = registry.sub_registry_with_prefix("speaker");
        registry.register_collector(Box::new(self.clone()));
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Probing => "Probing",
        State::Announced => "Announced",
        State::Contested => "Contested",
    }
}

fn seconds(at: std::time::SystemTime) -> u64 {
    let since = at.duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

type Labels = Vec<(&'static str, String)>;

/// Sessions with routers, whose numbers have the names that others give them.
#[derive(Debug)]
struct Sessions(Reported, watch::Receiver<DroppedPackets>);

impl Collector for Sessions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        bgp::encode(&self.0.sessions.borrow(), &self.1.borrow(), &mut encoder)
    }
}

impl Collector for Admin {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        encode_state(&self.report(), &mut encoder)?;
        encode_counts(&self.counts.borrow(), &mut encoder)
    }
}

fn encode_state(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let mut states = BTreeMap::from([("Probing", 0), ("Announced", 0), ("Contested", 0)]);
    for address in report.addresses.values() {
        *states.entry(state(address.state)).or_default() += 1;
    }
    let states = states.into_iter();
    let states = states.map(|(state, count)| (vec![("state", state.to_owned())], count));
    let help = "Addresses that this speaker has, by state.";
    gauges(encoder, "addresses", help, states)?;
    let alive = report.peers.values().filter(|it| it.is_alive).count();
    let alive = [(Labels::new(), alive as u64)];
    gauges(
        encoder,
        "peers_alive",
        "Other speakers that are alive.",
        alive,
    )?;
    let up = report.interfaces.iter();
    let up = up.map(|it| (vec![("interface", it.name.clone())], u64::from(it.is_up)));
    let help = "Whether an interface with addresses is up and has a carrier.";
    gauges(encoder, "interface_up", help, up)?;
    let draining = [(Labels::new(), u64::from(report.is_draining))];
    let help = "Whether its addresses are to move away.";
    gauges(encoder, "draining", help, draining)
}

fn encode_counts(counts: &Counts, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let network = &counts.network;
    let plain = [
        (
            "claimed",
            "Addresses that came to this speaker.",
            counts.claimed,
        ),
        (
            "released",
            "Addresses that went from this speaker.",
            counts.released,
        ),
        (
            "peer_deaths",
            "Times that another speaker was found dead or has left.",
            counts.deaths,
        ),
        (
            "messages_sent",
            "Messages sent to other speakers.",
            counts.sent,
        ),
        (
            "messages_sent_bytes",
            "Their length, without headers of UDP and IP.",
            counts.sent_bytes,
        ),
        (
            "messages_unsent",
            "Messages that the kernel did not take.",
            counts.unsent,
        ),
        (
            "messages_received",
            "Datagrams that came in on the speakers' port.",
            counts.received,
        ),
        (
            "messages_received_bytes",
            "Their length, without headers of UDP and IP.",
            counts.received_bytes,
        ),
        (
            "answered",
            "Questions of neighbours (ARP, NDP) that were answered.",
            network.answered,
        ),
        (
            "limited",
            "Questions not answered, because their sender asked too often.",
            network.limited,
        ),
        (
            "contested",
            "Claims of other hosts for an address of ours.",
            network.contested,
        ),
        (
            "gratuitous",
            "Announcements that nobody asked for.",
            network.gratuitous,
        ),
        (
            "frames_unsent",
            "Frames that could not be sent.",
            network.unsent,
        ),
    ];
    for (name, help, count) in plain {
        counters(encoder, name, help, [(Labels::new(), count)])?;
    }
    let reason = |why: String| vec![("reason", why)];
    let dropped = counts.dropped.iter();
    let dropped = dropped.map(|(why, count)| (reason(why.reason().to_owned()), *count));
    let help = "Datagrams on the speakers' port that were dropped, by reason.";
    counters(encoder, "messages_dropped", help, dropped)?;
    let malformed = network.malformed.iter();
    let malformed: BTreeMap<_, _> = malformed.map(|(why, it)| (why.to_string(), *it)).collect();
    let malformed = malformed.into_iter().map(|(why, it)| (reason(why), it));
    let help = "Frames of ARP and NDP that were dropped, by what is wrong with them.";
    counters(encoder, "malformed", help, malformed)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, u64)>,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        let value = ConstGauge::new(value);
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels, u64)>,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        let value = ConstCounter::new(value);
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
