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
    let line = |(port, route): (Frontend, Route)| {
        let Frontend { address, protocol } = port;
        match route {
            Route::Forward(Endpoints {
                addresses,
                keeps_client,
                allowed,
            }) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let source = if keeps_client { "client" } else { "node" };
                let to = addresses.join(" ");
                let who = match allowed.as_slice() {
                    [] => String::new(),
                    ranges => format!(" from {ranges:?}"),
                };
                format!("{address} {protocol:?} → {to} as {source}{who}")
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
fn a_pod_of_two_families_is_one_endpoint() {
    let local = json!({"externalTrafficPolicy": "Local", "healthCheckNodePort": 31000});
    let pod = |address| slice(&[(address, "node-2", true, true)]);
    let slices = [pod("127.200.130.1"), pod("fd00:10:244::7fc8:8201")].concat();
    insta::assert_snapshot!(shown(&service(&local), &slices), @r"
    127.200.128.1:31000 Tcp health 0
    127.200.128.2:30080 Tcp → 127.200.130.1:8080 as client
    127.200.128.2:31000 Tcp health 1
    ");
}

#[test]
fn endpoints_of_the_other_family_are_spoken_to_from_whichever_address() {
    let [v4, v6, pod]: [IpAddr; 3] =
        ["127.0.0.9", "::1", "127.200.130.1"].map(|it| it.parse().unwrap());
    for (keeps_client, client, node, expected) in [
        (true, v4, v4, "127.0.0.9"),
        (false, v6, v6, "0.0.0.0"),
        (true, v6, v6, "0.0.0.0"),
    ] {
        let endpoints = Endpoints {
            addresses: Vec::new(),
            keeps_client,
            allowed: Vec::new(),
        };
        assert_eq!(endpoints.source(client, node, pod).to_string(), expected);
    }
}

#[test]
fn endpoints_take_turns() {
    let endpoint = |port| SocketAddr::from(([127, 200, 129, 1], port));
    let endpoints = Endpoints {
        addresses: vec![endpoint(1), endpoint(2), endpoint(3)],
        keeps_client: false,
        allowed: Vec::new(),
    };
    let order: Vec<_> = endpoints.in_turn(4).collect();
    assert_eq!(order, [endpoint(2), endpoint(3), endpoint(1)]);
}

#[test]
fn a_load_balancers_address_is_taken_in_where_it_stays_the_destination() {
    let mut service = service(&json!({"loadBalancerSourceRanges": ["127.0.0.0/8"]}));
    let ingress = json!({"loadBalancer": {"ingress": [
        {"ip": "127.10.0.1", "ipMode": "VIP"},
        {"ip": "127.10.0.2", "ipMode": "Proxy"},
    ]}});
    service.status = serde_json::from_value(ingress).unwrap();
    let slices = slice(&[("127.200.129.1", "node-1", true, true)]);
    let shown = shown(&service, &slices);
    let lines: Vec<_> = shown.lines().filter(|it| it.contains("127.10.")).collect();
    assert_eq!(
        lines,
        ["127.10.0.1:80 Tcp → 127.200.129.1:8080 as node from [127.0.0.0/8]"]
    );
}

#[test]
fn source_ranges_restrict_only_the_families_that_they_name() {
    let endpoints = Endpoints {
        addresses: Vec::new(),
        keeps_client: false,
        allowed: vec!["10.0.0.0/8".parse().unwrap()],
    };
    for (client, may) in [("10.1.2.3", true), ("127.0.0.1", false), ("::1", true)] {
        assert_eq!(endpoints.admits(client.parse().unwrap()), may, "{client}");
    }
}
