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

/// A pod that is not ready, by what an EndpointSlice says, and that is not about to end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unready {
    /// `metadata.name`; its namespace is the Service's.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// Where it is.
    pub address: IpAddr,
}

/// Name and UID of a pod.
type Named = (String, String);

/// What an endpoint's conditions say (KEP-1672).
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It takes traffic.
    Ready,
    /// It takes traffic though it is not ready (`spec.publishNotReadyAddresses`); name and UID of
    /// the pod. It may wait for the load balancer.
    Published(Box<Named>),
    /// It is about to end and still takes traffic: good enough where nobody is ready (KEP-1669).
    ServingToTheEnd,
    /// It takes none yet, or not now; the pod, where it is one. It may wait for the load balancer.
    Unready(Option<Box<Named>>),
    /// It takes none any more.
    Out,
}

impl Slice {
    /// The pods that may become ready.
    pub fn unready(&self) -> impl Iterator<Item = Unready> {
        self.pods.iter().filter_map(|pod| match &pod.state {
            State::Published(it) | State::Unready(Some(it)) => Some(Unready {
                name: it.0.clone(),
                uid: it.1.clone(),
                address: pod.address,
            }),
            _ => None,
        })
    }

    /// All addresses that it lists.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.pods.iter().map(|pod| pod.address)
    }
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
    let is_ending = of(|it| it.terminating) == Some(true);
    let state = match (is_ready, is_ending) {
        (true, false) if !is_serving => pod_of(endpoint).map_or(State::Ready, State::Published),
        (true, _) => State::Ready,
        (false, true) if is_serving => State::ServingToTheEnd,
        (false, true) => State::Out,
        (false, false) => State::Unready(pod_of(endpoint)),
    };
    let pod = move |address: &String| {
        Some(Pod {
            address: address.parse().ok()?,
            node: endpoint.node_name.clone(),
            zone: endpoint.zone.clone(),
            state: state.clone(),
        })
    };
    endpoint.addresses.iter().filter_map(pod)
}

/// Name and UID of the pod that an endpoint stands for.
fn pod_of(endpoint: &v1::Endpoint) -> Option<Box<Named>> {
    let target = endpoint.target_ref.as_ref()?;
    let is_pod = target.kind.as_deref() == Some("Pod");
    let named = (target.name.clone()?, target.uid.clone()?);
    is_pod.then(|| Box::new(named))
}

/// What a provider gets to see of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) nodes: BTreeSet<String>,
    pub(crate) pods: Vec<Endpoint>,
    /// Addresses of pods that count only because their gate waits for the load balancer.
    pub(crate) awaited: BTreeSet<IpAddr>,
}

impl Endpoints {
    /// For each port the pods that are ready; where there are none, those that serve to their end.
    /// Besides, those that are not ready only because they wait for the load balancer; their UIDs
    /// are `waiting`.
    pub(crate) fn of<S: AsRef<Slice>>(
        slices: &[S],
        input: EndpointInput,
        waiting: &BTreeSet<String>,
    ) -> Self {
        if input == EndpointInput::Nothing {
            return Self::default();
        }
        let mut by_port: BTreeMap<_, (BTreeSet<_>, BTreeSet<_>)> = BTreeMap::new();
        let mut pods = BTreeSet::new();
        for slice in slices.iter().map(AsRef::as_ref) {
            for port in &slice.ports {
                let (ready, ending) = by_port.entry((&port.name, port.protocol)).or_default();
                for pod in &slice.pods {
                    match &pod.state {
                        State::Ready | State::Published(_) => ready.insert(endpoint(port, pod)),
                        State::ServingToTheEnd => ending.insert(endpoint(port, pod)),
                        State::Unready(Some(it)) if waiting.contains(&it.1) => {
                            pods.insert(endpoint(port, pod))
                        }
                        State::Unready(_) | State::Out => false,
                    };
                }
            }
        }
        let chosen = |(ready, ending): (BTreeSet<_>, _)| {
            if ready.is_empty() { ending } else { ready }
        };
        // Even one that has none of the ports waits for an answer.
        let unready = slices.iter().flat_map(|it| it.as_ref().unready());
        let awaited = unready.filter(|it| waiting.contains(&it.uid));
        let awaited = awaited.map(|it| it.address).collect();
        pods.extend(by_port.into_values().flat_map(chosen));
        match input {
            EndpointInput::Pods => Self {
                pods: pods.into_iter().collect(),
                awaited,
                ..Self::default()
            },
            EndpointInput::Nodes | EndpointInput::Nothing => Self {
                nodes: pods.into_iter().filter_map(|pod| pod.node).collect(),
                awaited,
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
        let found = Endpoints::of(slices, EndpointInput::Pods, &BTreeSet::new()).pods;
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
        let of = |input| Endpoints::of(&slices, input, &BTreeSet::new());
        let nothing = of(EndpointInput::Nothing);
        assert_eq!(nothing, Endpoints::default());
        let nodes = of(EndpointInput::Nodes);
        assert!(nodes.pods.is_empty());
        assert_eq!(nodes.nodes.iter().collect::<Vec<_>>(), ["node-10.0.0.1"]);
        let pods = of(EndpointInput::Pods);
        assert!(pods.nodes.is_empty());
        assert_eq!(
            (pods.pods[0].port, &*pods.pods[0].port_name),
            (8080, "http")
        );
    }

    /// An endpoint of a pod that has this name, and as UID the name and `-uid`.
    fn of_pod(name: &str, address: &str, conditions: &Value) -> Value {
        let pod = json!({"kind": "Pod", "name": name, "uid": format!("{name}-uid")});
        json!({"addresses": [address], "conditions": conditions, "targetRef": pod})
    }

    fn waiting(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| format!("{name}-uid")).collect()
    }

    #[test]
    fn a_pod_that_waits_for_the_load_balancer_counts_beside_those_that_take_traffic() {
        let unready = json!({"ready": false, "serving": false, "terminating": false});
        let ending = json!({"ready": false, "serving": true, "terminating": true});
        let over = json!({"ready": false, "serving": false, "terminating": true});
        let slices = [slice(&json!([
            of_pod("a", "10.0.0.1", &unready),
            of_pod("b", "10.0.0.2", &unready),
            of_pod("c", "10.0.0.3", &ending),
            of_pod("d", "10.0.0.4", &over),
        ]))];
        let of = |names| Endpoints::of(&slices, EndpointInput::Pods, &waiting(names));
        let found = |names| {
            let pods = of(names).pods.into_iter();
            pods.map(|it| it.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), ["10.0.0.3"]);
        // Who takes traffic to its end goes on until another has become ready.
        assert_eq!(found(&["a"]), ["10.0.0.1", "10.0.0.3"]);
        assert_eq!(
            of(&["a"]).awaited,
            BTreeSet::from(["10.0.0.1".parse().unwrap()])
        );
        // What is about to end waits for nobody, and takes what it took.
        assert_eq!(found(&["c", "d"]), ["10.0.0.3"]);
        assert!(of(&["c", "d"]).awaited.is_empty());
    }

    #[test]
    fn pods_that_may_become_ready_are_told_and_no_others() {
        let unready = json!({"ready": false, "terminating": false});
        let ready = json!({"ready": true});
        let ending = json!({"ready": false, "serving": true, "terminating": true});
        let machine = json!({"kind": "Node", "name": "n", "uid": "n-uid"});
        let slice = slice(&json!([
            of_pod("a", "10.0.0.1", &unready),
            of_pod("b", "10.0.0.2", &ready),
            of_pod("c", "10.0.0.3", &ending),
            {"addresses": ["10.0.0.4"], "conditions": unready},
            {"addresses": ["10.0.0.5"], "conditions": unready, "targetRef": machine},
        ]));
        let expected = Unready {
            name: "a".into(),
            uid: "a-uid".into(),
            address: "10.0.0.1".parse().unwrap(),
        };
        assert_eq!(slice.unready().collect::<Vec<_>>(), [expected]);
        assert_eq!(slice.addresses().count(), 5);
    }

    #[test]
    fn a_pod_that_is_published_before_it_is_ready_takes_traffic_and_waits_all_the_same() {
        let published = json!({"ready": true, "serving": false, "terminating": false});
        let ending = json!({"ready": true, "serving": false, "terminating": true});
        let ready = json!({"ready": true, "serving": true, "terminating": false});
        let slices = [slice(&json!([
            of_pod("a", "10.0.0.1", &published),
            of_pod("b", "10.0.0.2", &ending),
            of_pod("c", "10.0.0.3", &ready),
            {"addresses": ["10.0.0.4"], "conditions": published},
        ]))];
        let unready: Vec<_> = slices[0].unready().map(|it| it.name).collect();
        assert_eq!(unready, ["a"]);
        let all = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
        for names in [&[][..], &["a"]] {
            let found = Endpoints::of(&slices, EndpointInput::Pods, &waiting(names));
            let targets = found.pods.iter().map(|it| it.address.to_string());
            assert_eq!(targets.collect::<Vec<_>>(), all);
            assert_eq!(found.awaited.len(), names.len());
        }
    }

    #[test]
    fn host_names_are_no_pods() {
        assert_eq!(
            addresses(&[slice(&json!([{"addresses": ["a.example.com"]}]))]),
            [""; 0]
        );
    }
}
