//! Follows Services and EndpointSlices and keeps the node ports as they say, at the cost of what
//! changed.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::frontends::Frontends;
use super::routes::routes;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// From one attempt to serve what cannot be served to the next: somebody may have made an address
/// this machine's own.
const RETRY: Duration = Duration::from_secs(1);

/// `namespace/name` of a Service.
type Key = String;

/// The Services of which something is not served.
pub(super) type Unserved = BTreeMap<Key, Lack>;

/// What is not served of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    /// The Service's.
    pub(super) uid: String,
    /// Where there is no listening, why, and what to do about it.
    pub(super) reasons: Vec<String>,
}

/// Serves the node ports of these nodes, and load balancers' addresses, until `stop` is cancelled.
/// What cannot be served is told to `unserved`.
pub(super) async fn run(
    client: Client,
    nodes: Vec<(String, IpAddr)>,
    unserved: watch::Sender<Unserved>,
    stop: CancellationToken,
) {
    let config = watcher::Config::default;
    let services = watcher(Api::<Service>::all(client.clone()), config()).default_backoff();
    let slices = watcher(Api::<EndpointSlice>::all(client), config()).default_backoff();
    let (mut services, mut slices) = (std::pin::pin!(services), std::pin::pin!(slices));
    let mut proxy = Proxy {
        nodes,
        ports: Frontends::default(),
        known: HashMap::new(),
        unserved,
    };
    let mut retry = tokio::time::interval(RETRY);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let changed = tokio::select! {
            () = stop.cancelled() => return,
            event = services.next() => match event {
                Some(event) => proxy.take_service(event),
                None => return,
            },
            event = slices.next() => match event {
                Some(event) => proxy.take_slice(event),
                None => return,
            },
            _ = retry.tick() => proxy.ports.lacking(),
        };
        for key in changed {
            proxy.refresh(&key).await;
        }
    }
}

struct Proxy {
    nodes: Vec<(String, IpAddr)>,
    ports: Frontends,
    known: HashMap<Key, Known>,
    unserved: watch::Sender<Unserved>,
}

/// What is known of a Service.
#[derive(Default)]
struct Known {
    service: Option<Service>,
    /// By name.
    slices: HashMap<String, Arc<EndpointSlice>>,
    /// Whether the list that is coming in has named the Service.
    listed: bool,
}

impl Proxy {
    fn take_service(&mut self, event: Result<Event<Service>, watcher::Error>) -> Vec<Key> {
        match event {
            Ok(Event::Apply(service) | Event::InitApply(service)) => {
                let key = key(&service, &service.name_any());
                let known = self.known.entry(key.clone()).or_default();
                known.listed = true;
                known.service = Some(service);
                vec![key]
            }
            Ok(Event::Delete(service)) => {
                let key = key(&service, &service.name_any());
                self.known.entry(key.clone()).or_default().service = None;
                vec![key]
            }
            Ok(Event::Init) => {
                self.known
                    .values_mut()
                    .for_each(|known| known.listed = false);
                Vec::new()
            }
            Ok(Event::InitDone) => {
                let gone = self.known.iter_mut().filter(|(_, known)| !known.listed);
                gone.map(|(key, known)| {
                    known.service = None;
                    key.clone()
                })
                .collect()
            }
            Err(error) => interrupted(&error),
        }
    }

    fn take_slice(&mut self, event: Result<Event<EndpointSlice>, watcher::Error>) -> Vec<Key> {
        match event {
            Ok(Event::Apply(slice) | Event::InitApply(slice)) => {
                let Some(key) = key_of_slice(&slice) else {
                    return Vec::new();
                };
                let slices = &mut self.known.entry(key.clone()).or_default().slices;
                slices.insert(slice.name_any(), Arc::new(slice));
                vec![key]
            }
            Ok(Event::Delete(slice)) => {
                let Some(key) = key_of_slice(&slice) else {
                    return Vec::new();
                };
                let slices = &mut self.known.entry(key.clone()).or_default().slices;
                slices.remove(&slice.name_any());
                vec![key]
            }
            // A new list follows, with every slice in it.
            Ok(Event::Init) => {
                self.known
                    .values_mut()
                    .for_each(|known| known.slices.clear());
                Vec::new()
            }
            Ok(Event::InitDone) => self.known.keys().cloned().collect(),
            Err(error) => interrupted(&error),
        }
    }

    async fn refresh(&mut self, key: &Key) {
        let Some(known) = self.known.get(key) else {
            return;
        };
        let slices: Vec<_> = known.slices.values().cloned().collect();
        let wanted = known
            .service
            .as_ref()
            .map(|service| routes(service, &slices, &self.nodes));
        let uid = known.service.as_ref().and_then(ResourceExt::uid);
        if wanted.is_none() && slices.is_empty() {
            self.known.remove(key);
        }
        let reasons = self.ports.set(key, wanted.unwrap_or_default()).await;
        let lack = uid
            .filter(|_| !reasons.is_empty())
            .map(|uid| Lack { uid, reasons });
        self.unserved.send_if_modified(|unserved| {
            let changed = unserved.get(key) != lack.as_ref();
            match lack {
                Some(lack) => unserved.insert(key.clone(), lack),
                None => unserved.remove(key),
            };
            changed
        });
    }
}

fn interrupted(error: &watcher::Error) -> Vec<Key> {
    tracing::warn!(%error, "a watch of the node ports was interrupted; trying again");
    Vec::new()
}

fn key(object: &impl ResourceExt, service: &str) -> Key {
    format!("{}/{service}", object.namespace().unwrap_or_default())
}

fn key_of_slice(slice: &EndpointSlice) -> Option<Key> {
    slice
        .labels()
        .get(SERVICE_LABEL)
        .map(|service| key(slice, service))
}
