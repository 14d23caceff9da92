//! What matters of Services and EndpointSlices to who may announce.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use landfall_bare_metal_resources::RouteRequest;
use landfall_bare_metal_resources::speaker::ANNOUNCED;

/// Label of an EndpointSlice: the name of its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Namespace and name.
pub(crate) type Key = (String, String);

/// A Service with addresses of the bare-metal provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Whether only nodes with a pod take its traffic (`externalTrafficPolicy: Local`).
    pub(crate) is_local: bool,
    /// What it asks for its routes. What is wrong with that the controller tells.
    pub(crate) route_request: RouteRequest,
}

pub(crate) fn key_of(metadata: &kube::api::ObjectMeta) -> Key {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    (text(&metadata.namespace), text(&metadata.name))
}

impl Service {
    /// What is to be announced of a Service; `None`: nothing, as it is another's, is being deleted, or
    /// has nothing yet.
    pub(crate) fn read(service: &v1::Service) -> Option<Self> {
        let (spec, status) = (service.spec.as_ref()?, service.status.as_ref()?);
        let mut conditions = status.conditions.iter().flatten();
        let is_ours = conditions.any(|it| it.type_ == ANNOUNCED);
        let is_load_balancer = spec.type_.as_deref() == Some("LoadBalancer");
        if !is_ours || !is_load_balancer || service.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let ingress = status.load_balancer.iter().flat_map(|it| it.ingress.iter());
        let addresses = ingress.flatten().filter_map(|it| it.ip.as_deref());
        let addresses: BTreeSet<_> = addresses.filter_map(|it| it.parse().ok()).collect();
        let annotations = service.metadata.annotations.as_ref();
        let route_request = annotations.map(|it| RouteRequest::parse(it).0);
        (!addresses.is_empty()).then(|| Self {
            labels: service.metadata.labels.clone().unwrap_or_default(),
            addresses,
            is_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            route_request: route_request.unwrap_or_default(),
        })
    }
}

/// The Service of a slice.
pub(crate) fn service_of(slice: &EndpointSlice) -> Option<Key> {
    let labels = slice.metadata.labels.as_ref()?;
    let name = labels.get(SERVICE_NAME)?.clone();
    Some((slice.metadata.namespace.clone()?, name))
}

/// Where a slice's pods are that take traffic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pods {
    /// The nodes of those that are ready.
    pub(crate) ready: BTreeSet<String>,
    /// The nodes of those that are about to end and still serve (KEP-1669).
    pub(crate) ending: BTreeSet<String>,
    /// Whether there is one that says no node.
    pub(crate) is_elsewhere: bool,
}

impl From<&EndpointSlice> for Pods {
    fn from(slice: &EndpointSlice) -> Self {
        let mut pods = Self::default();
        for endpoint in slice.endpoints.iter().flatten() {
            let (is_ready, is_serving) = state(endpoint);
            let nodes = if is_ready {
                &mut pods.ready
            } else if is_serving {
                &mut pods.ending
            } else {
                continue;
            };
            match &endpoint.node_name {
                Some(node) => drop(nodes.insert(node.clone())),
                None => pods.is_elsewhere = true,
            }
        }
        pods
    }
}

/// Whether it is ready, and whether it serves. What is not said of `ready` is true, and of `serving`
/// what `ready` says (KEP-1672).
fn state(endpoint: &Endpoint) -> (bool, bool) {
    let conditions = endpoint.conditions.as_ref();
    let is_ready = conditions.and_then(|it| it.ready).unwrap_or(true);
    let is_serving = conditions.and_then(|it| it.serving).unwrap_or(is_ready);
    (is_ready, is_serving)
}
