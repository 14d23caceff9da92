use super::*;
use serde_json::{Value, json};

fn nodes() -> Vec<(String, IpAddr)> {
    let node = |number: u8| {
        (
            format!("node-{number}"),
            IpAddr::from([127, 200, 128, number]),
        )
    };
    vec![node(1), node(2)]
}

fn service(fields: &Value) -> Service {
    let mut service = json!({"spec": {"ports": [
        {"name": "http", "port": 80, "nodePort": 30080, "protocol": "TCP"},
        {"name": "sctp", "port": 81, "nodePort": 30081, "protocol": "SCTP"},
    ]}});
    for (name, value) in fields.as_object().unwrap() {
        service["spec"][name] = value.clone();
    }
    serde_json::from_value(service).unwrap()
}

/// A slice whose ports are all 8080, of endpoints (address, node, ready, serving).
fn slice(endpoints: &[(&str, &str, bool, bool)]) -> Vec<Arc<EndpointSlice>> {
    let endpoint = |(address, node, ready, serving): &(&str, &str, bool, bool)| {
        json!({
            "addresses": [address], "nodeName": node,
            "conditions": {"ready": ready, "serving": serving, "terminating": !ready && *serving},
        })
    };
    let endpoints: Vec<_> = endpoints.iter().map(endpoint).collect();
    let slice = json!({
        "addressType": "IPv4", "endpoints": endpoints,
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "quic", "port": 8080, "protocol": "UDP"},
            {"name": "sctp", "port": 8080, "protocol": "SCTP"},
        ],
    });
    vec![Arc::new(serde_json::from_value(slice).unwrap())]
}

/// The routes, a line each.
fn shown(service: &Service, slices: &[Arc<EndpointSlice>]) -> String {
    let line = |(port, route): (NodePort, Route)| {
        let NodePort { address, protocol } = port;
        match route {
            Route::Forward(Endpoints {
                addresses,
                keeps_client,
            }) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let source = if keeps_client { "client" } else { "node" };
                format!(
                    "{address} {protocol:?} → {} as {source}",
                    addresses.join(" ")
                )
            }
            Route::Health { local_endpoints } => {
                format!("{address} {protocol:?} health {local_endpoints}")
            }
        }
    };
    let lines: Vec<_> = routes(service, slices, &nodes())
        .into_iter()
        .map(line)
        .collect();
    lines.join("\n")
}

#[test]
fn with_cluster_policy_every_node_leads_to_every_ready_endpoint() {
    let slices = slice(&[
        ("127.200.129.1", "node-1", true, true),
        ("127.200.130.1", "node-2", true, true),
        ("127.200.130.2", "node-2", false, true),
    ]);
    insta::assert_snapshot!(shown(&service(&json!({})), &slices), @r"
    127.200.128.1:30080 Tcp → 127.200.129.1:8080 127.200.130.1:8080 as node
    127.200.128.2:30080 Tcp → 127.200.129.1:8080 127.200.130.1:8080 as node
    ");
}

#[test]
fn with_local_policy_a_node_leads_to_its_own_and_tells_how_many() {
    let local = json!({"externalTrafficPolicy": "Local", "healthCheckNodePort": 31000});
    let slices = slice(&[("127.200.130.1", "node-2", true, true)]);
    insta::assert_snapshot!(shown(&service(&local), &slices), @r"
    127.200.128.1:31000 Tcp health 0
    127.200.128.2:30080 Tcp → 127.200.130.1:8080 as client
    127.200.128.2:31000 Tcp health 1
    ");
}

#[test]
fn endpoints_that_end_serve_only_while_there_are_no_others() {
    let ending = slice(&[
        ("127.200.129.1", "node-1", false, true),
        ("127.200.129.2", "node-1", false, false),
    ]);
    insta::assert_snapshot!(shown(&service(&json!({})), &ending), @r"
    127.200.128.1:30080 Tcp → 127.200.129.1:8080 as node
    127.200.128.2:30080 Tcp → 127.200.129.1:8080 as node
    ");
}

#[test]
fn without_endpoints_nothing_listens() {
    assert_eq!(shown(&service(&json!({})), &slice(&[])), "");
}

#[test]
fn one_number_may_be_a_port_of_both_protocols() {
    let both = json!({"ports": [
        {"name": "http", "port": 443, "nodePort": 30443, "protocol": "TCP"},
        {"name": "quic", "port": 443, "nodePort": 30443, "protocol": "UDP"},
    ], "externalTrafficPolicy": "Local"});
    let slices = slice(&[("127.200.130.1", "node-2", true, true)]);
    insta::assert_snapshot!(shown(&service(&both), &slices), @r"
    127.200.128.2:30443 Tcp → 127.200.130.1:8080 as client
    127.200.128.2:30443 Udp → 127.200.130.1:8080 as client
    ");
}

#[test]
fn endpoints_take_turns() {
    let endpoint = |port| SocketAddr::from(([127, 200, 129, 1], port));
    let endpoints = Endpoints {
        addresses: vec![endpoint(1), endpoint(2), endpoint(3)],
        keeps_client: false,
    };
    let order: Vec<_> = endpoints.in_turn(4).collect();
    assert_eq!(order, [endpoint(2), endpoint(3), endpoint(1)]);
}
