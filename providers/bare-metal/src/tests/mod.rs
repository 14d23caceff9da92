//! What Services ask for and are told, without pools, API server or clock.

mod asking;
mod metallb;
mod naming;
mod routing;
mod speakers;
mod state;
mod story;
mod telling;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use landfall_provider_api::{
    Affinity, ClusterId, Family, FamilyPolicy, LoadBalancer, LoadBalancerId, Port, Protocol,
    ServiceName, TrafficPolicy,
};

use crate::state::State;

/// One that gives addresses, and holds none.
fn begun() -> State {
    let mut state = State::default();
    state.begin(Vec::new(), Instant::now());
    state
}

/// A load balancer that asks for nothing in particular.
fn wanted(families: &[Family]) -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId {
            cluster: ClusterId {
                name: "test".into(),
                uid: "c".into(),
            },
            service_uid: "0b0e6a8e-7c3d-4c7e-9d52-0c4a2f5a1e01".into(),
        },
        service: ServiceName {
            namespace: "default".into(),
            name: "web".into(),
        },
        created: SystemTime::UNIX_EPOCH,
        ports: vec![Port {
            name: String::new(),
            protocol: Protocol::Tcp,
            port: 80,
            node_port: None,
        }],
        families: families.to_vec(),
        family_policy: FamilyPolicy::SingleStack,
        requested_addresses: Vec::new(),
        source_ranges: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        affinity: Affinity::None,
        nodes: Arc::from([]),
        endpoint_nodes: BTreeSet::new(),
        endpoints: Vec::new(),
        labels: BTreeMap::new(),
        awaited: BTreeSet::new(),
        namespace_labels: Arc::default(),
        annotations: BTreeMap::new(),
    }
}
