//! Node ports and cluster IPs: given, asked for, shared, kept, and given back.

use landfall_mock_cluster::Cluster;
use serde_json::json;

use crate::raw::{Raw, SERVICES, service};

const WEB: &str = "/api/v1/namespaces/default/services/web";

#[tokio::test]
async fn local_traffic_has_a_health_check_port() {
    let raw = Raw::new();
    raw.web(json!({ "allocateLoadBalancerNodePorts": false }))
        .await;
    let policy = |policy: &str| json!({ "spec": { "externalTrafficPolicy": policy } });
    let local = raw.merge(WEB, policy("Local")).await.expect(200).body;
    let first = local["spec"]["healthCheckNodePort"].as_u64().unwrap();
    let change = json!({ "spec": { "healthCheckNodePort": first + 1 } });
    let refused = raw.merge(WEB, change).await.expect(422);
    assert!(refused.message().contains("field is immutable"));
    let cluster = raw.merge(WEB, policy("Cluster")).await.expect(200).body;
    assert!(cluster["spec"]["healthCheckNodePort"].is_null());
    let again = raw.merge(WEB, policy("Local")).await.expect(200).body;
    assert_ne!(again["spec"]["healthCheckNodePort"], first);
    let node_port = json!({ "type": "NodePort", "externalTrafficPolicy": "Local" });
    let node_port = raw
        .post(SERVICES, service("np", node_port))
        .await
        .expect(201)
        .body;
    assert!(node_port["spec"]["healthCheckNodePort"].is_null());
}

#[tokio::test]
async fn node_ports_can_be_declined_and_had_later() {
    let raw = Raw::new();
    let web = raw
        .web(json!({ "allocateLoadBalancerNodePorts": false }))
        .await
        .body;
    assert!(web["spec"]["ports"][0]["nodePort"].is_null());
    let allocate = |flag: bool| json!({ "spec": { "allocateLoadBalancerNodePorts": flag } });
    let given = raw.merge(WEB, allocate(true)).await.expect(200).body;
    assert!(given["spec"]["ports"][0]["nodePort"].is_u64());
    let kept = raw.merge(WEB, allocate(false)).await.expect(200).body;
    assert_eq!(kept["spec"]["ports"], given["spec"]["ports"]);
    let remove = json!([{ "op": "remove", "path": "/spec/ports/0/nodePort" }]);
    let cleared = raw.json_patch(WEB, remove).await.expect(200).body;
    assert!(cleared["spec"]["ports"][0]["nodePort"].is_null());
}

#[tokio::test]
async fn node_ports_are_shared_by_protocol_taken_once_and_found_in_range() {
    let raw = Raw::new();
    let both = json!({ "ports": [
        { "name": "t", "port": 53, "protocol": "TCP" },
        { "name": "u", "port": 53, "protocol": "UDP" },
        { "name": "s", "port": 54, "protocol": "SCTP" },
    ] });
    let web = raw.web(both).await.body;
    let port = |index: usize| web["spec"]["ports"][index]["nodePort"].clone();
    assert_eq!(port(0), port(1));
    assert_ne!(port(0), port(2));
    let asked = |port: u32| {
        service(
            "two",
            json!({ "ports": [{ "port": 80, "nodePort": port }] }),
        )
    };
    let taken = u32::try_from(port(0).as_u64().unwrap()).unwrap();
    let answer = raw.post(SERVICES, asked(taken)).await.expect(422);
    assert!(
        answer
            .message()
            .contains("provided port is already allocated")
    );
    let answer = raw.post(SERVICES, asked(80)).await.expect(422);
    let range = "provided port is not in the valid range. The range of valid ports is 30000-32767";
    assert!(answer.message().contains(range), "{}", answer.message());
    raw.post(SERVICES, asked(30001)).await.expect(201);
}

#[tokio::test]
async fn the_node_port_range_runs_out_and_fills_again() {
    // A real range is shared with everybody.
    let raw = Raw::of(Cluster::new());
    for number in 0..2768 {
        raw.post(SERVICES, service(&format!("s{number}"), json!({})))
            .await
            .expect(201);
    }
    let full = raw
        .post(SERVICES, service("full", json!({})))
        .await
        .expect(500);
    assert_eq!(
        full.message(),
        "Internal error occurred: failed to allocate a nodePort: range is full"
    );
    raw.get(&format!("{SERVICES}/full")).await.expect(404);
    raw.delete(&format!("{SERVICES}/s7")).await.expect(200);
    raw.post(SERVICES, service("again", json!({})))
        .await
        .expect(201);
}

#[tokio::test]
async fn cluster_ips_can_be_asked_for() {
    let raw = Raw::new();
    let asked = |name: &str, address: &str| service(name, json!({ "clusterIP": address }));
    let web = raw
        .post(SERVICES, asked("web", "10.96.0.10"))
        .await
        .expect(201)
        .body;
    assert_eq!(web["spec"]["clusterIPs"], json!(["10.96.0.10"]));
    let taken = raw
        .post(SERVICES, asked("b", "10.96.0.10"))
        .await
        .expect(422);
    assert!(taken.message().contains("provided IP is already allocated"));
    raw.post(SERVICES, asked("b", "192.0.2.1"))
        .await
        .expect(422);
    let change = raw
        .merge(WEB, json!({ "spec": { "clusterIP": "10.96.0.11" } }))
        .await;
    assert_eq!(change.status, 422, "{}", change.body);
    let none = raw.post(SERVICES, asked("b", "None")).await.expect(422);
    assert!(
        none.message()
            .contains("may not be set to 'None' for LoadBalancer services")
    );
    raw.delete(WEB).await.expect(200);
    raw.post(SERVICES, asked("c", "10.96.0.10"))
        .await
        .expect(201);
}

#[tokio::test]
async fn dual_stack() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let policy = |policy: &str| json!({ "spec": { "ipFamilyPolicy": policy } });
    let first = raw.get(WEB).await.body["spec"]["clusterIP"].clone();
    let both = raw
        .merge(WEB, policy("PreferDualStack"))
        .await
        .expect(200)
        .body;
    assert_eq!(both["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
    assert_eq!(both["spec"]["clusterIPs"][0], first);
    assert!(
        both["spec"]["clusterIPs"][1]
            .as_str()
            .unwrap()
            .starts_with("fd00:10:96::")
    );
    let one = raw.merge(WEB, policy("SingleStack")).await.expect(200).body;
    assert_eq!(one["spec"]["clusterIPs"], json!([first]));
    assert_eq!(one["spec"]["ipFamilies"], json!(["IPv4"]));
    let primary = raw
        .merge(WEB, json!({ "spec": { "ipFamilies": ["IPv6"] } }))
        .await
        .expect(422);
    let expected = "expected an IPv6 value as indicated by `ipFamilies[0]`";
    assert!(
        primary.message().contains(expected),
        "{}",
        primary.message()
    );
    let contradiction = json!({ "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4", "IPv6"] });
    raw.post(SERVICES, service("x", contradiction))
        .await
        .expect(422);
    let six = json!({ "ipFamilies": ["IPv6"] });
    let six = raw
        .post(SERVICES, service("six", six))
        .await
        .expect(201)
        .body;
    assert!(six["spec"]["clusterIP"].as_str().unwrap().contains(':'));
    let require = raw
        .post(
            SERVICES,
            service("r", json!({ "ipFamilyPolicy": "RequireDualStack" })),
        )
        .await;
    assert_eq!(
        require.body["spec"]["clusterIPs"].as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_put_without_allocated_values_keeps_them() {
    let raw = Raw::new();
    let before = raw.web(json!({})).await.body;
    let mut body = service(
        "web",
        json!({ "ports": [{ "port": 80, "targetPort": 8080 }] }),
    );
    body["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
    let after = raw.put(WEB, &body).await.expect(200).body;
    assert_eq!(after["spec"]["clusterIPs"], before["spec"]["clusterIPs"]);
    assert_eq!(
        after["spec"]["ports"][0]["nodePort"],
        before["spec"]["ports"][0]["nodePort"]
    );
    assert_eq!(after["spec"]["ports"][0]["targetPort"], 8080);
}
