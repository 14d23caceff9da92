//! What the tests of sessions share.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_bare_metal_l2::Mac;
use landfall_bare_metal_resources::Peer;
use landfall_bare_metal_resources::kinds::BGPPeer;
use serde_json::{Value, json};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::cluster::{Key, Router};
use crate::network::Interface;
use crate::sessions::*;

pub(in crate::sessions) type Interfaces = Arc<BTreeMap<u32, Interface>>;

/// A router at an address, of which more may be said.
pub(in crate::sessions) fn router(address: &str, more: Value) -> Router {
    let mut spec = json!({"localASN": 64512, "peerASN": 64500, "address": address});
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    spec.as_object_mut().unwrap().extend(more);
    let object = json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "BGPPeer", "metadata": {"name": "tor"},
        "spec": spec,
    });
    let object: BGPPeer = serde_json::from_value(object).unwrap();
    Router {
        peer: Arc::new(Peer::parse(&object).unwrap()),
        key: Key::None,
    }
}

/// The same on this machine, at this port.
pub(in crate::sessions) fn router_here(port: u16, more: Value) -> Router {
    let mut more = more;
    more["port"] = json!(port);
    router("127.0.0.1", more)
}

pub(in crate::sessions) fn interface(index: u32, name: &str, own: &str, is_up: bool) -> Interface {
    let own: IpAddr = own.parse().unwrap();
    Interface {
        index,
        name: name.to_owned(),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        is_up,
        subnets: [(own, if own.is_ipv4() { 24 } else { 64 })].into(),
        link_local: None,
    }
}

pub(in crate::sessions) fn interfaces(all: &[Interface]) -> Interfaces {
    Arc::new(all.iter().map(|it| (it.index, it.clone())).collect())
}

/// Sessions whose surroundings are what a test says.
pub(in crate::sessions) struct World {
    pub(in crate::sessions) sessions: Sessions,
    pub(in crate::sessions) interfaces: watch::Sender<Interfaces>,
    pub(in crate::sessions) watched: mpsc::UnboundedReceiver<bfd::Command>,
    pub(in crate::sessions) told: mpsc::UnboundedReceiver<(SessionId, Option<SessionReport>)>,
    _accepted: mpsc::Receiver<(u16, tokio::net::TcpStream)>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(in crate::sessions) fn new(now: &[Interface]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (accept, accepted) = mpsc::channel(WAITING);
        let (tell, told) = mpsc::unbounded_channel();
        let (find, _) = mpsc::unbounded_channel();
        let (interfaces, following) = watch::channel(interfaces(now));
        let (watching, watched) = mpsc::unbounded_channel();
        let (teller, _) = watch::channel(Arc::default());
        let begin = Begin {
            node: vec!["192.0.2.11".parse().unwrap()],
            router_id: Ipv4Addr::new(192, 0, 2, 11),
            routers: BTreeMap::new(),
            routes: Vec::new(),
            is_draining: false,
            has_restarted: false,
        };
        let outside = Outside {
            listeners: Listeners::new(accept),
            interfaces: following,
            tell,
            teller,
            watching,
            discovery: Discovery::new(find),
            marker: Marker::of(folder.path()),
        };
        Self {
            sessions: Sessions::new(begin, outside),
            interfaces,
            watched,
            told,
            _accepted: accepted,
            _folder: folder,
        }
    }

    pub(in crate::sessions) fn routers(&mut self, routers: &[(&str, Router)]) {
        let routers = routers.iter();
        let routers = routers.map(|(name, it)| (Arc::from(*name), it.clone()));
        let command = Command::Routers(routers.collect());
        self.sessions.obey(command);
    }

    /// Where the routers of all sessions are.
    pub(in crate::sessions) fn places(&self) -> Vec<Option<SocketAddr>> {
        self.sessions.running.values().map(|it| it.to).collect()
    }
}

/// Counts warnings, and knows nothing of spans.
#[derive(Debug, Clone, Default)]
pub(in crate::sessions) struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    pub(in crate::sessions) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let is_warning = *event.metadata().level() <= Level::WARN;
        self.0.fetch_add(usize::from(is_warning), Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
