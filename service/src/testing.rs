//! Builders for the tests of this crate: objects that read as sentences.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Service};
use landfall_provider_api::{Capabilities, ClusterId, Family, Inputs, Protocol};
use serde_json::{Value, json};

use crate::claim::{Claim, Claims, Class};
use crate::marks::{CLASS, FINALIZER, PROVISIONED, SERVING};
use crate::parse::Surroundings;

/// A Service as the API server would have stored it, UID `uid-1`, one TCP port.
#[derive(Clone)]
pub(crate) struct ServiceBuilder(Value);

pub(crate) fn service() -> ServiceBuilder {
    ServiceBuilder(json!({
        "metadata": {"namespace": "default", "name": "web", "uid": "uid-1", "resourceVersion": "7"},
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "externalTrafficPolicy": "Cluster",
            "sessionAffinity": "None",
        },
    }))
}

impl ServiceBuilder {
    pub(crate) fn of_type(self, type_: &str) -> Self {
        self.spec("type", json!(type_))
    }

    pub(crate) fn class(self, class: &str) -> Self {
        self.spec("loadBalancerClass", json!(class))
    }

    pub(crate) fn spec(mut self, field: &str, value: Value) -> Self {
        self.0["spec"][field] = value;
        self
    }

    pub(crate) fn annotation(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][name] = json!(value);
        self
    }

    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][name] = json!(value);
        self
    }

    pub(crate) fn generation(mut self, generation: i64) -> Self {
        self.0["metadata"]["generation"] = json!(generation);
        self
    }

    pub(crate) fn uid(mut self, uid: &str) -> Self {
        self.0["metadata"]["uid"] = json!(uid);
        self
    }

    /// With finalizer, annotation and condition, held for this class.
    pub(crate) fn marked(self, class: &str) -> Self {
        self.condition("False", "Pending", "the load balancer is being made")
            .annotation(CLASS, class)
            .with_finalizer()
    }

    /// With the condition Provisioned, and no other.
    pub(crate) fn condition(mut self, status: &str, reason: &str, message: &str) -> Self {
        self.0["status"]["conditions"] = json!([condition(PROVISIONED, status, reason, message)]);
        self
    }

    /// With the condition Serving, beside Provisioned.
    pub(crate) fn serving(mut self, status: &str, reason: &str, message: &str) -> Self {
        let provisioned = self.0["status"]["conditions"][0].take();
        let serving = condition(SERVING, status, reason, message);
        self.0["status"]["conditions"] = json!([provisioned, serving]);
        self
    }

    pub(crate) fn ingress(mut self, ingress: &Value) -> Self {
        self.0["status"]["loadBalancer"] = json!({ "ingress": ingress });
        self
    }

    /// With this finalizer beside those that it has.
    pub(crate) fn and_finalizer(mut self, name: &str) -> Self {
        let mut finalizers = self.0["metadata"]["finalizers"].take();
        match finalizers.as_array_mut() {
            Some(finalizers) => finalizers.push(json!(name)),
            None => finalizers = json!([name]),
        }
        self.0["metadata"]["finalizers"] = finalizers;
        self
    }

    pub(crate) fn with_finalizer(mut self) -> Self {
        self.0["metadata"]["finalizers"] = json!([FINALIZER]);
        self
    }

    pub(crate) fn without_finalizer(mut self) -> Self {
        self.0["metadata"]["finalizers"] = json!([]);
        self
    }

    pub(crate) fn terminating_since(mut self, time: &str) -> Self {
        self.0["metadata"]["deletionTimestamp"] = json!(time);
        self
    }
}

impl From<ServiceBuilder> for Service {
    fn from(builder: ServiceBuilder) -> Self {
        serde_json::from_value(builder.0).unwrap()
    }
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// A Node with these fields.
pub(crate) fn node(name: &str, mut fields: Value) -> Node {
    fields["metadata"]["name"] = json!(name);
    serde_json::from_value(fields).unwrap()
}

/// What a provider of TCP, IPv4 and node ports can do.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        protocols: vec![Protocol::Tcp],
        families: vec![Family::IPv4],
        node_ports: true,
        source_ranges: false,
        client_affinity: false,
        outside_effects: true,
        inputs: Inputs {
            nodes: true,
            ..Inputs::default()
        },
    }
}

/// Providers of these classes; `true` marks the default.
pub(crate) fn claims(classes: &[(&str, bool)]) -> Claims {
    let claim = |&(class, default): &(&str, bool)| Claim {
        class: Class::new(class),
        default,
        predecessor: None,
        aside: false,
        capabilities: capabilities(),
    };
    Claims::new(classes.iter().map(claim).collect())
}

/// A cluster of one node.
pub(crate) fn around() -> Surroundings {
    let status = json!({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]});
    Surroundings {
        cluster: ClusterId {
            name: "demo".into(),
            uid: "cluster-uid".into(),
        },
        nodes: crate::nodes::targets(&[node("node-1", json!({ "status": status }))], false),
        namespace_labels: Arc::default(),
        slices: Vec::new(),
        waiting: Arc::default(),
    }
}
