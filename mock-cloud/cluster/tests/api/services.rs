//! Services: defaults, allocation, what a change of type wipes, and what is refused.

use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES, service};

const WEB: &str = "/api/v1/namespaces/default/services/web";
const STATUS: &str = "/api/v1/namespaces/default/services/web/status";

#[tokio::test]
async fn defaults() {
    let raw = Raw::new();
    let web = raw.web(json!({})).await.body;
    let node_port = web["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    assert!((30000..=32767).contains(&node_port));
    let address = web["spec"]["clusterIP"].as_str().unwrap();
    assert!(address.starts_with("10.96."));
    assert_eq!(
        web["spec"],
        json!({
            "type": "LoadBalancer",
            "ports": [{ "port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": node_port }],
            "selector": { "app": "web" },
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
            "allocateLoadBalancerNodePorts": true,
        })
    );
    assert!(web["metadata"]["generation"].is_null());
    let plain = raw
        .post(SERVICES, service("plain", json!({ "type": "ClusterIP" })))
        .await
        .body;
    for absent in [
        "externalTrafficPolicy",
        "allocateLoadBalancerNodePorts",
        "loadBalancerClass",
    ] {
        assert!(plain["spec"][absent].is_null(), "{absent}");
    }
    assert!(plain["spec"]["ports"][0]["nodePort"].is_null());
    let sticky = service("sticky", json!({ "sessionAffinity": "ClientIP" }));
    let sticky = raw.post(SERVICES, sticky).await.body;
    assert_eq!(
        sticky["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"],
        10800
    );
}

#[tokio::test]
async fn a_change_of_type_wipes_what_was_the_load_balancers() {
    let raw = Raw::new();
    raw.web(json!({ "externalTrafficPolicy": "Local", "loadBalancerClass": "a/b", "loadBalancerIP": "192.0.2.9" }))
        .await;
    raw.merge(WEB, json!({ "metadata": { "finalizers": ["a/b"] } }))
        .await
        .expect(200);
    let status = json!({ "status": {
        "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] },
        "conditions": [{ "type": "X", "status": "True" }],
    } });
    raw.merge(STATUS, status).await.expect(200);
    let before = raw.get(WEB).await.body;
    assert!(before["spec"]["healthCheckNodePort"].is_u64());
    let after = raw
        .merge(WEB, json!({ "spec": { "type": "ClusterIP" } }))
        .await
        .expect(200)
        .body;
    for wiped in [
        "loadBalancerClass",
        "healthCheckNodePort",
        "allocateLoadBalancerNodePorts",
        "externalTrafficPolicy",
    ] {
        assert!(after["spec"][wiped].is_null(), "{wiped}");
    }
    assert!(after["spec"]["ports"][0]["nodePort"].is_null());
    assert_eq!(after["status"]["loadBalancer"], json!({}));
    assert_eq!(after["metadata"]["finalizers"], json!(["a/b"]));
    assert_eq!(
        after["status"]["conditions"],
        before["status"]["conditions"]
    );
    assert_eq!(after["spec"]["loadBalancerIP"], "192.0.2.9");
    assert_eq!(after["spec"]["clusterIP"], before["spec"]["clusterIP"]);
    let back = raw
        .merge(WEB, json!({ "spec": { "type": "LoadBalancer" } }))
        .await
        .expect(200)
        .body;
    assert!(back["spec"]["ports"][0]["nodePort"].is_u64());
    let name = json!({ "spec": { "type": "ExternalName", "externalName": "a.b" } });
    let name = raw.merge(WEB, name).await.expect(200).body;
    assert!(name["spec"]["clusterIP"].is_null(), "{}", name["spec"]);
}

#[tokio::test]
async fn to_node_port_keeps_ports_and_policy() {
    let raw = Raw::new();
    let before = raw.web(json!({})).await.body;
    let after = raw
        .merge(WEB, json!({ "spec": { "type": "NodePort" } }))
        .await
        .expect(200)
        .body;
    assert_eq!(after["spec"]["ports"], before["spec"]["ports"]);
    assert_eq!(after["spec"]["externalTrafficPolicy"], "Cluster");
}

#[tokio::test]
async fn source_ranges_must_go_before_the_type_changes() {
    let raw = Raw::new();
    raw.web(json!({ "loadBalancerSourceRanges": ["10.0.0.0/8"] }))
        .await;
    let answer = raw
        .merge(WEB, json!({ "spec": { "type": "ClusterIP" } }))
        .await
        .expect(422);
    let expected =
        "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'";
    assert!(answer.message().contains(expected), "{}", answer.message());
}

#[tokio::test]
async fn the_class_is_settled_with_the_type() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let once = "may not change once set";
    let class = |class: Value| json!({ "spec": { "loadBalancerClass": class } });
    let set = raw.merge(WEB, class(json!("a/b"))).await.expect(422);
    assert!(set.message().contains(once));
    raw.merge(WEB, json!({ "spec": { "type": "NodePort" } }))
        .await
        .expect(200);
    let through = json!({ "spec": { "type": "LoadBalancer", "loadBalancerClass": "a/b" } });
    raw.merge(WEB, through).await.expect(200);
    for change in [json!("a/c"), Value::Null] {
        assert!(
            raw.merge(WEB, class(change))
                .await
                .expect(422)
                .message()
                .contains(once)
        );
    }
}

#[tokio::test]
async fn faults_are_told_all_at_once_by_field() {
    let rows = [
        (json!({ "ports": [] }), "spec.ports: Required value"),
        (
            json!({ "ports": [{ "port": 0 }] }),
            "spec.ports[0].port: Invalid value: 0",
        ),
        (
            json!({ "ports": [{ "port": 1 }, { "port": 2 }] }),
            "spec.ports[1].name: Required value",
        ),
        (
            json!({ "ports": [{ "name": "a", "port": 1 }, { "name": "b", "port": 1 }] }),
            "spec.ports[1]: Duplicate value",
        ),
        (
            json!({ "ports": [{ "port": 1, "protocol": "X" }] }),
            r#"Unsupported value: "X": supported values: "SCTP", "TCP", "UDP""#,
        ),
        (
            json!({ "loadBalancerSourceRanges": ["10.0.0.1/8"] }),
            "must not have bits set beyond the prefix length",
        ),
        (
            json!({ "loadBalancerSourceRanges": ["010.0.0.0/8"] }),
            "must not have leading 0s",
        ),
        (
            json!({ "loadBalancerClass": "" }),
            "spec.loadBalancerClass: Invalid value",
        ),
        (
            json!({ "loadBalancerClass": "A/b" }),
            "spec.loadBalancerClass: Invalid value",
        ),
        (
            json!({ "loadBalancerClass": "example.com/a b" }),
            "spec.loadBalancerClass: Invalid value",
        ),
        (
            json!({ "type": "ClusterIP", "loadBalancerClass": "a/b" }),
            "may only be used when `type` is 'LoadBalancer'",
        ),
        (
            json!({ "type": "X" }),
            r#"spec.type: Unsupported value: "X""#,
        ),
        (
            json!({ "externalTrafficPolicy": "X" }),
            "spec.externalTrafficPolicy: Unsupported value",
        ),
        (
            json!({ "type": "ClusterIP", "externalTrafficPolicy": "Local" }),
            "externally-accessible",
        ),
        (
            json!({ "sessionAffinity": "X" }),
            "spec.sessionAffinity: Unsupported value",
        ),
        (
            json!({ "healthCheckNodePort": 30001 }),
            "spec.healthCheckNodePort: Invalid value: 30001",
        ),
    ];
    let raw = Raw::new();
    for (spec, message) in rows {
        let answer = raw.post(SERVICES, service("bad", spec.clone())).await;
        assert_eq!(
            (answer.status, &answer.body["reason"]),
            (422, &json!("Invalid")),
            "{spec}"
        );
        assert!(
            answer.message().contains(message),
            "{spec}: {}",
            answer.message()
        );
        assert!(
            !answer.body["details"]["causes"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    let two = json!({ "ports": [{ "port": 0, "protocol": "X" }] });
    let answer = raw.post(SERVICES, service("bad", two)).await.expect(422);
    assert_eq!(
        answer.body["details"]["causes"].as_array().unwrap().len(),
        3,
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn what_the_real_server_takes() {
    let raw = Raw::new();
    let rows = [
        json!({ "loadBalancerSourceRanges": [" 10.0.0.0/8 "] }),
        json!({ "loadBalancerIP": "bad" }),
        json!({ "loadBalancerIP": "192.0.2.1,2001:db8::1" }),
        json!({ "loadBalancerClass": "a" }),
        json!({ "selector": null }),
        json!({ "trafficDistribution": "PreferClose" }),
    ];
    for (index, spec) in rows.into_iter().enumerate() {
        let answer = raw
            .post(SERVICES, service(&format!("s{index}"), spec.clone()))
            .await;
        assert_eq!(answer.status, 201, "{spec}: {}", answer.body);
    }
    let close = service("close", json!({ "trafficDistribution": "PreferClose" }));
    let close = raw.post(SERVICES, close).await.expect(201);
    assert!(
        close.warnings[0].contains("PreferSameZone"),
        "{:?}",
        close.warnings
    );
    let digits = service("1-web", json!({}));
    raw.post(SERVICES, digits).await.expect(201);
    raw.post(SERVICES, service("a.b", json!({})))
        .await
        .expect(422);
}
