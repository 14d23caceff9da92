//! Which Pods stand behind a Service, as endpoints: a pure function of the Service and its Pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::rollout::is_ready;
use crate::store::Object;

/// Endpoints that share ports, and so may share a slice.
#[derive(Debug, PartialEq)]
pub(super) struct Group {
    /// `IPv4` or `IPv6`.
    pub(super) address_type: String,
    /// The slice's ports, resolved.
    pub(super) ports: Value,
    /// The endpoints.
    pub(super) endpoints: Vec<Value>,
}

/// The groups of a Service: at least one for each of its families, even if it is empty.
pub(super) fn groups(
    service: &Value,
    pods: &[Arc<Object>],
    zone_of: impl Fn(&str) -> Option<String>,
) -> Vec<Group> {
    let families = service["spec"]["ipFamilies"].as_array();
    let mut groups = Vec::new();
    for family in families.into_iter().flatten().filter_map(Value::as_str) {
        let mut by_ports: BTreeMap<String, Group> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| !has_ended(&pod.value)) {
            let Some(address) = address(&pod.value, family) else {
                continue;
            };
            let ports = ports(service, &pod.value);
            let group = by_ports.entry(ports.to_string()).or_insert_with(|| Group {
                address_type: family.to_owned(),
                ports,
                endpoints: Vec::new(),
            });
            group
                .endpoints
                .push(endpoint(service, pod, &address, &zone_of));
        }
        if by_ports.is_empty() {
            groups.push(Group {
                address_type: family.to_owned(),
                ports: json!([]),
                endpoints: Vec::new(),
            });
        }
        groups.extend(by_ports.into_values());
    }
    groups
}

fn has_ended(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

fn address(pod: &Value, family: &str) -> Option<String> {
    let status = &pod["status"];
    let fits = |address: &&str| address.contains(':') == (family == "IPv6");
    status["podIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["ip"].as_str())
        .chain(status["podIP"].as_str())
        .find(fits)
        .map(str::to_owned)
}

fn endpoint(
    service: &Value,
    pod: &Object,
    address: &str,
    zone_of: impl Fn(&str) -> Option<String>,
) -> Value {
    let serving = is_ready(&pod.value);
    let terminating = pod.terminating();
    let always = service["spec"]["publishNotReadyAddresses"] == true;
    let mut endpoint = json!({
        "addresses": [address],
        "conditions": {
            "ready": always || (serving && !terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": pod.namespace(),
            "name": pod.name(),
            "uid": pod.uid(),
        },
    });
    if let Some(node) = pod.value["spec"]["nodeName"].as_str() {
        endpoint["nodeName"] = json!(node);
        if let Some(zone) = zone_of(node) {
            endpoint["zone"] = json!(zone);
        }
    }
    endpoint
}

/// The Service's ports as this Pod has them. A named target that the Pod lacks is left out.
fn ports(service: &Value, pod: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array();
    let resolved = ports.into_iter().flatten().filter_map(|port| {
        let number = match &port["targetPort"] {
            Value::Number(number) => json!(number),
            Value::String(name) => container_port(pod, name, &port["protocol"])?,
            _ => port["port"].clone(),
        };
        let mut slice_port = json!({
            "name": port["name"].as_str().unwrap_or_default(),
            "port": number,
            "protocol": port["protocol"],
        });
        if let Some(application) = port.get("appProtocol") {
            slice_port["appProtocol"] = application.clone();
        }
        Some(slice_port)
    });
    Value::Array(resolved.collect())
}

fn container_port(pod: &Value, name: &str, protocol: &Value) -> Option<Value> {
    pod["spec"]["containers"]
        .as_array()?
        .iter()
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .find(|port| port["name"] == name && port["protocol"] == *protocol)
        .map(|port| port["containerPort"].clone())
}

/// What of a Pod its endpoints show: when none of it changed, nothing is to be done.
pub(super) fn shown(pod: &Value) -> impl PartialEq {
    (
        pod["metadata"]["labels"].clone(),
        pod["metadata"]["deletionTimestamp"].is_null(),
        pod["status"]["podIP"].clone(),
        pod["status"]["podIPs"].clone(),
        pod["spec"]["nodeName"].clone(),
        is_ready(pod),
        has_ended(pod),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::groups;
    use crate::store::Object;

    fn pod(name: &str, address: &str, ready: bool, named_port: u16) -> Arc<Object> {
        let status = if ready { "True" } else { "False" };
        Arc::new(Object::new(
            json!({
                "metadata": { "name": name, "namespace": "default", "uid": name },
                "spec": { "nodeName": "n", "containers": [{ "ports": [{ "name": "web", "containerPort": named_port, "protocol": "TCP" }] }] },
                "status": { "podIP": address, "conditions": [{ "type": "Ready", "status": status }] },
            }),
            1,
            Arc::default(),
        ))
    }

    fn service(target: &Value) -> Value {
        json!({ "spec": { "ipFamilies": ["IPv4"], "ports": [{ "port": 80, "targetPort": target, "protocol": "TCP" }] } })
    }

    #[test]
    fn pods_with_other_named_ports_are_another_group() {
        let pods = [
            pod("a", "10.0.0.1", true, 8080),
            pod("b", "10.0.0.2", false, 8081),
        ];
        let named = groups(&service(&json!("web")), &pods, |_| None);
        assert_eq!(named.len(), 2);
        assert_eq!(named[0].ports[0]["port"], 8080);
        let numbered = groups(&service(&json!(8080)), &pods, |_| Some("z".to_owned()));
        assert_eq!(numbered.len(), 1);
        assert_eq!(numbered[0].endpoints[0]["conditions"]["ready"], true);
        assert_eq!(numbered[0].endpoints[1]["conditions"]["ready"], false);
        assert_eq!(numbered[0].endpoints[1]["zone"], "z");
    }

    #[test]
    fn no_pods_is_an_empty_group() {
        let none = groups(&service(&json!(80)), &[], |_| None);
        assert_eq!(none.len(), 1);
        assert!(none[0].endpoints.is_empty());
    }
}
