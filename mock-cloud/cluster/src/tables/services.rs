//! `kubectl get services`.

use serde_json::{Value, json};

use super::{Column, age, column, name, or_none, pairs, wide};

pub(super) const COLUMNS: [Column; 7] = [
    column("Name"),
    column("Type"),
    column("Cluster-IP"),
    column("External-IP"),
    column("Port(s)"),
    column("Age"),
    wide("Selector"),
];

pub(super) fn cells(service: &Value) -> Vec<Value> {
    let spec = &service["spec"];
    vec![
        name(service),
        spec["type"].clone(),
        or_none(spec["clusterIP"].as_str().unwrap_or_default()),
        json!(external(service)),
        or_none(&ports(&spec["ports"])),
        age::of(service),
        or_none(&pairs(&spec["selector"])),
    ]
}

fn external(service: &Value) -> String {
    let spec = &service["spec"];
    let mut addresses: Vec<&str> = Vec::new();
    if spec["type"] == "LoadBalancer" {
        let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
        for entry in ingress.into_iter().flatten() {
            addresses.extend(entry["ip"].as_str().or(entry["hostname"].as_str()));
        }
    }
    if let Some(list) = spec["externalIPs"].as_array() {
        addresses.extend(list.iter().filter_map(Value::as_str));
    }
    match spec["type"].as_str() {
        Some("ExternalName") => spec["externalName"].as_str().unwrap_or_default().to_owned(),
        Some("LoadBalancer") if addresses.is_empty() => "<pending>".to_owned(),
        _ if addresses.is_empty() => "<none>".to_owned(),
        _ => addresses.join(","),
    }
}

fn ports(list: &Value) -> String {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_u64() {
                Some(node_port) => format!("{}:{node_port}/{protocol}", port["port"]),
                None => format!("{}/{protocol}", port["port"]),
            }
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{external, ports};

    #[test]
    fn the_external_address() {
        let pending = json!({ "spec": { "type": "LoadBalancer" } });
        assert_eq!(external(&pending), "<pending>");
        let served = json!({
            "spec": { "type": "LoadBalancer" },
            "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }, { "hostname": "a.b" }] } },
        });
        assert_eq!(external(&served), "192.0.2.1,a.b");
        assert_eq!(
            external(&json!({ "spec": { "type": "ClusterIP" } })),
            "<none>"
        );
    }

    #[test]
    fn the_ports() {
        let list = json!([{ "port": 80, "nodePort": 30080, "protocol": "TCP" }, { "port": 53, "protocol": "UDP" }]);
        assert_eq!(ports(&list), "80:30080/TCP,53/UDP");
    }
}
