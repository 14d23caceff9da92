//! Builders for the tests of this crate: objects that read as sentences.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Service};
use landfall_provider_api::{self as api, Capabilities, ClusterId, Family, Protocol};
use serde_json::{Value, json};

use crate::claim::{Claim, Claims, Class};
use crate::marks::{FINALIZER, PROVISIONED};

/// A Service as the API server would have stored it, UID `uid-1`, one TCP port.
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

    pub(crate) fn generation(mut self, generation: i64) -> Self {
        self.0["metadata"]["generation"] = json!(generation);
        self
    }

    pub(crate) fn uid(mut self, uid: &str) -> Self {
        self.0["metadata"]["uid"] = json!(uid);
        self
    }

    /// With finalizer and condition.
    pub(crate) fn ours(self) -> Self {
        self.condition("False", "Pending", "the load balancer is being made")
            .with_finalizer()
    }

    pub(crate) fn condition(mut self, status: &str, reason: &str, message: &str) -> Self {
        self.0["status"]["conditions"] = json!([{
            "type": PROVISIONED, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]);
        self
    }

    pub(crate) fn ingress(mut self, ingress: &Value) -> Self {
        self.0["status"]["loadBalancer"] = json!({ "ingress": ingress });
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
    }
}

/// Providers of these classes; `true` marks the default.
pub(crate) fn claims(classes: &[(&str, bool)]) -> Claims {
    let claim = |&(class, default): &(&str, bool)| Claim {
        class: Class::new(class),
        default,
        capabilities: capabilities(),
    };
    Claims::new(classes.iter().map(claim).collect())
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId {
        name: "demo".into(),
        uid: "cluster-uid".into(),
    }
}

pub(crate) fn nodes() -> Arc<[api::Node]> {
    crate::nodes::targets(&[node(
        "node-1",
        json!({"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}),
    )])
}
