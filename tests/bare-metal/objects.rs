//! Services as stories make them, and what their statuses say.

use serde_json::{Value, json};

/// A Service of type LoadBalancer without pods.
pub fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    })
}

/// The same with annotations of ours: `address-pool`.
pub fn annotated(name: &str, annotations: &[(&str, &str)]) -> Value {
    let mut service = service(name);
    for (name, value) in annotations {
        service["metadata"]["annotations"][format!("landfall.dev/{name}")] = json!(value);
    }
    service
}

/// A condition of an object; null if it has none of this type.
pub fn condition<'a>(object: &'a Value, type_: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions
        .find(|it| it["type"] == type_)
        .unwrap_or(&Value::Null)
}

/// The addresses that a Service's status names.
pub fn addresses(service: &Value) -> Vec<&str> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let ingress = ingress.into_iter().flatten();
    ingress.filter_map(|it| it["ip"].as_str()).collect()
}
