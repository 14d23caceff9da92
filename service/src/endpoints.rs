//! Where a Service's pods are, from its EndpointSlices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::{self, EndpointSlice};
use landfall_provider_api::{Endpoint, EndpointInput, Protocol, ServiceName};

/// Label of an EndpointSlice: the name of its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// An EndpointSlice, as far as it matters to load balancers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The pods' ports; every pod has them all.
    ports: Vec<SlicePort>,
    pods: Vec<Pod>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SlicePort {
    name: String,
    protocol: Protocol,
    number: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pod {
    address: IpAddr,
    node: Option<String>,
    zone: Option<String>,
    state: State,
}

/// What an endpoint's conditions say (KEP-1672).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It takes traffic.
    Ready,
    /// It is about to end and still takes traffic: good enough where nobody is ready (KEP-1669).
    ServingToTheEnd,
    /// It takes none.
    Out,
}

/// The Service that an EndpointSlice belongs to, if it says so.
pub fn service_of(slice: &EndpointSlice) -> Option<ServiceName> {
    let labels = slice.metadata.labels.as_ref()?;
    Some(ServiceName {
        namespace: slice.metadata.namespace.clone()?,
        name: labels.get(SERVICE_NAME)?.clone(),
    })
}

impl From<&EndpointSlice> for Slice {
    /// What is no address (`addressType: FQDN`) and what has no number is left out.
    fn from(slice: &EndpointSlice) -> Self {
        let ports = slice.ports.iter().flatten();
        Self {
            ports: ports.filter_map(port).collect(),
            pods: slice.endpoints.iter().flatten().flat_map(pods).collect(),
        }
    }
}

fn port(port: &v1::EndpointPort) -> Option<SlicePort> {
    Some(SlicePort {
        name: port.name.clone().unwrap_or_default(),
        protocol: match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(_) => return None,
        },
        number: port.port.and_then(|number| u16::try_from(number).ok())?,
    })
}

fn pods(endpoint: &v1::Endpoint) -> impl Iterator<Item = Pod> {
    let conditions = endpoint.conditions.as_ref();
    let of =
        |condition: fn(&v1::EndpointConditions) -> Option<bool>| conditions.and_then(condition);
    // What is not said of `ready` is true, and of `serving` what `ready` says.
    let is_ready = of(|it| it.ready).unwrap_or(true);
    let is_serving = of(|it| it.serving).unwrap_or(is_ready);
    let state = match (
        is_ready,
        is_serving && of(|it| it.terminating) == Some(true),
    ) {
        (true, _) => State::Ready,
        (false, true) => State::ServingToTheEnd,
        (false, false) => State::Out,
    };
    let pod = move |address: &String| {
        Some(Pod {
            address: address.parse().ok()?,
            node: endpoint.node_name.clone(),
            zone: endpoint.zone.clone(),
            state,
        })
    };
    endpoint.addresses.iter().filter_map(pod)
}

/// What a provider gets to see of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) nodes: BTreeSet<String>,
    pub(crate) pods: Vec<Endpoint>,
}

impl Endpoints {
    /// For each port the pods that are ready; where there are none, those that serve to their end.
    pub(crate) fn of<S: AsRef<Slice>>(slices: &[S], input: EndpointInput) -> Self {
        if input == EndpointInput::Nothing {
            return Self::default();
        }
        let mut by_port: BTreeMap<_, (BTreeSet<_>, BTreeSet<_>)> = BTreeMap::new();
        for slice in slices.iter().map(AsRef::as_ref) {
            for port in &slice.ports {
                let (ready, ending) = by_port.entry((&port.name, port.protocol)).or_default();
                for pod in &slice.pods {
                    match pod.state {
                        State::Ready => ready.insert(endpoint(port, pod)),
                        State::ServingToTheEnd => ending.insert(endpoint(port, pod)),
                        State::Out => false,
                    };
                }
            }
        }
        let chosen = |(ready, ending): (BTreeSet<_>, _)| {
            if ready.is_empty() { ending } else { ready }
        };
        let pods: BTreeSet<Endpoint> = by_port.into_values().flat_map(chosen).collect();
        match input {
            EndpointInput::Pods => Self {
                pods: pods.into_iter().collect(),
                ..Self::default()
            },
            EndpointInput::Nodes | EndpointInput::Nothing => Self {
                nodes: pods.into_iter().filter_map(|pod| pod.node).collect(),
                ..Self::default()
            },
        }
    }
}

fn endpoint(port: &SlicePort, pod: &Pod) -> Endpoint {
    Endpoint {
        port_name: port.name.clone(),
        protocol: port.protocol,
        address: pod.address,
        port: port.number,
        node: pod.node.clone(),
        zone: pod.zone.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn slice(endpoints: &Value) -> Arc<Slice> {
        let slice = json!({
            "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
            "endpoints": endpoints,
        });
        let slice: EndpointSlice = serde_json::from_value(slice).unwrap();
        Arc::new(Slice::from(&slice))
    }

    /// Pods of these addresses, on a node each, in these conditions.
    fn pods(pods: &[(&str, Value)]) -> Value {
        let pod = |(address, conditions): &(&str, Value)| {
            let node = format!("node-{address}");
            json!({"addresses": [address], "nodeName": node, "conditions": conditions})
        };
        pods.iter().map(pod).collect()
    }

    fn addresses(slices: &[Arc<Slice>]) -> Vec<String> {
        let found = Endpoints::of(slices, EndpointInput::Pods).pods;
        found.iter().map(|pod| pod.address.to_string()).collect()
    }

    #[test]
    fn pods_that_are_ready_take_traffic_and_if_there_are_none_those_that_serve_to_their_end() {
        let unsaid = json!({});
        let ready = json!({"ready": true, "serving": true, "terminating": false});
        let ending = json!({"ready": false, "serving": true, "terminating": true});
        let over = json!({"ready": false, "serving": false, "terminating": true});
        let starting = json!({"ready": false, "serving": false, "terminating": false});
        let of = |listed: &[(&str, Value)]| addresses(&[slice(&pods(listed))]);
        assert_eq!(
            of(&[
                ("10.0.0.1", unsaid),
                ("10.0.0.2", ready),
                ("10.0.0.3", ending.clone())
            ]),
            ["10.0.0.1", "10.0.0.2"]
        );
        assert_eq!(
            of(&[
                ("10.0.0.3", ending),
                ("10.0.0.4", over),
                ("10.0.0.5", starting)
            ]),
            ["10.0.0.3"]
        );
    }

    #[test]
    fn slices_make_one_list_in_order_without_repetition() {
        let one = slice(&pods(&[("10.0.0.2", json!({})), ("10.0.0.1", json!({}))]));
        let other = slice(&pods(&[("10.0.0.2", json!({})), ("10.0.0.3", json!({}))]));
        let all = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
        assert_eq!(addresses(&[one.clone(), other.clone()]), all);
        assert_eq!(addresses(&[other, one]), all);
    }

    #[test]
    fn a_provider_sees_what_it_asks_for_and_no_more() {
        let slices = [slice(&pods(&[("10.0.0.1", json!({}))]))];
        let nothing = Endpoints::of(&slices, EndpointInput::Nothing);
        assert_eq!(nothing, Endpoints::default());
        let nodes = Endpoints::of(&slices, EndpointInput::Nodes);
        assert!(nodes.pods.is_empty());
        assert_eq!(nodes.nodes.iter().collect::<Vec<_>>(), ["node-10.0.0.1"]);
        let pods = Endpoints::of(&slices, EndpointInput::Pods);
        assert!(pods.nodes.is_empty());
        assert_eq!(
            (pods.pods[0].port, &*pods.pods[0].port_name),
            (8080, "http")
        );
    }

    #[test]
    fn host_names_are_no_pods() {
        assert_eq!(
            addresses(&[slice(&json!([{"addresses": ["a.example.com"]}]))]),
            [""; 0]
        );
    }
}
