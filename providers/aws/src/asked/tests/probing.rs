use std::time::Duration;

use landfall_provider_api::{Endpoint, Protocol, TrafficPolicy};

use super::*;

#[test]
fn local_traffic_is_probed_where_nodes_tell_of_their_pods() {
    let mut local = web();
    local.traffic_policy = TrafficPolicy::Local {
        health_check_node_port: Some(31_000),
    };
    let health = asked(local.clone(), &[]).ports[0].health.clone();
    assert_eq!(health.protocol.as_deref(), Some("HTTP"));
    assert_eq!(
        (health.port.as_deref(), health.path.as_deref()),
        (Some("31000"), Some("/healthz"))
    );
    assert_eq!(
        (health.interval, health.timeout),
        (Some(Duration::from_secs(10)), Some(Duration::from_secs(6)))
    );
    assert_eq!((health.healthy, health.unhealthy), (Some(2), Some(2)));
    // Pods are asked themselves.
    let health = asked(local, &[("nlb-target-type", "ip")]).ports[0]
        .health
        .clone();
    assert_eq!(health.protocol.as_deref(), Some("TCP"));
}

#[test]
fn health_checks_are_what_is_said_of_them() {
    let all = [
        ("healthcheck-protocol", "https"),
        ("healthcheck-port", "8443"),
        ("healthcheck-path", "/ready"),
        ("healthcheck-interval", "30"),
        ("healthcheck-timeout", "7"),
        ("healthcheck-healthy-threshold", "5"),
        ("healthcheck-unhealthy-threshold", "4"),
        ("healthcheck-success-codes", "200,204,300-302"),
    ];
    let health = asked(web(), &all).ports[0].health.clone();
    assert_eq!(health.protocol.as_deref(), Some("HTTPS"));
    assert_eq!(
        (health.port.as_deref(), health.path.as_deref()),
        (Some("8443"), Some("/ready"))
    );
    assert_eq!(
        (health.interval, health.timeout),
        (Some(Duration::from_secs(30)), Some(Duration::from_secs(7)))
    );
    assert_eq!((health.healthy, health.unhealthy), (Some(5), Some(4)));
    assert_eq!(health.codes.as_deref(), Some("200,204,300-302"));
    let http = asked(web(), &[("healthcheck-protocol", "HTTP")]).ports[0]
        .health
        .clone();
    assert_eq!(
        (http.path.as_deref(), http.codes.as_deref()),
        (Some("/"), Some("200-399"))
    );
    let by_name = asked(web(), &[("healthcheck-port", "http")]).ports[0]
        .health
        .clone();
    assert_eq!(
        by_name.port.as_deref(),
        Some("22080"),
        "where nodes take it"
    );
    let mut pods = web();
    pods.endpoints = vec![Endpoint {
        port_name: "http".into(),
        protocol: Protocol::Tcp,
        address: "10.0.0.5".parse().unwrap(),
        port: 8080,
        node: None,
        zone: None,
    }];
    let of_pods = [("healthcheck-port", "http"), ("nlb-target-type", "ip")];
    assert_eq!(
        asked(pods, &of_pods).ports[0].health.port.as_deref(),
        Some("8080")
    );
}
