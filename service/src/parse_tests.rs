use super::*;
use crate::testing::{ServiceBuilder, around, capabilities, node, service};
use landfall_provider_api::EndpointInput;
use serde_json::json;

fn parsed(service: ServiceBuilder) -> Parsed {
    parse(&service.into(), &capabilities(), &around()).unwrap()
}

/// The faults of a Service, a line each.
fn faults(service: ServiceBuilder, capabilities: &Capabilities) -> Vec<String> {
    let faults = parse(&service.into(), capabilities, &around()).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_plain_service_asks_for_a_plain_load_balancer() {
    let Parsed { wanted, refused } = parsed(service());
    assert_eq!(wanted.id.to_string(), "demo/cluster-uid/uid-1");
    assert_eq!(wanted.service.to_string(), "default/web");
    assert_eq!(wanted.families, [Family::IPv4]);
    assert_eq!(wanted.traffic_policy, TrafficPolicy::Cluster);
    assert_eq!(wanted.affinity, Affinity::None);
    assert_eq!(wanted.nodes, around().nodes);
    assert!(refused.is_empty() && wanted.requested_addresses.is_empty());
    let [port] = wanted.ports.as_slice() else {
        panic!("one port")
    };
    assert_eq!(
        (port.port, port.node_port, port.protocol),
        (80, Some(30080), Protocol::Tcp)
    );
}

#[test]
fn a_port_that_cannot_be_served_is_refused_alone() {
    let Parsed { wanted, refused } = parsed(service().spec(
        "ports",
        json!([
            {"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30080},
            {"name": "b", "port": 80, "protocol": "UDP", "nodePort": 30080},
            {"name": "c", "port": 81, "protocol": "TCP"},
        ]),
    ));
    assert_eq!(wanted.ports.len(), 1);
    let reasons: Vec<_> = refused
        .iter()
        .map(|f| (f.port, f.protocol, f.reason.as_str()))
        .collect();
    assert_eq!(
        reasons,
        [
            (80, Protocol::Udp, "landfall.dev/ProtocolNotSupported"),
            (81, Protocol::Tcp, "landfall.dev/NodePortMissing"),
        ]
    );
}

#[test]
fn what_cannot_be_is_named_with_its_field() {
    let table = [
        (
            "no ports",
            service().spec("ports", json!([])),
            "spec.ports: there is none",
        ),
        (
            "only ports that are refused",
            service().spec(
                "ports",
                json!([{"port": 5, "protocol": "SCTP", "nodePort": 30001}]),
            ),
            "spec.ports: port 5: the provider does not forward SCTP",
        ),
        (
            "a family that the provider lacks",
            service().spec("ipFamilies", json!(["IPv6"])),
            "spec.ipFamilies: the provider has no IPv6 addresses",
        ),
        (
            "an address that is none",
            service().spec("loadBalancerIP", json!("bad")),
            "spec.loadBalancerIP: \"bad\" is not an IP address",
        ),
        (
            "an address of another family",
            service().spec("loadBalancerIP", json!("2001:db8::1")),
            "spec.loadBalancerIP: 2001:db8::1 is of a family",
        ),
        (
            "a range that is none",
            service().spec("loadBalancerSourceRanges", json!(["10.0.0.0/33"])),
            "spec.loadBalancerSourceRanges: \"10.0.0.0/33\" is not",
        ),
        (
            "ranges that the provider would ignore",
            service().spec("loadBalancerSourceRanges", json!(["10.0.0.0/8"])),
            "spec.loadBalancerSourceRanges: the provider cannot restrict",
        ),
        (
            "affinity that the provider would ignore",
            service().spec("sessionAffinity", json!("ClientIP")),
            "spec.sessionAffinity: the provider cannot keep",
        ),
    ];
    for (what, service, expected) in table {
        let faults = faults(service, &capabilities());
        assert!(
            faults.iter().any(|f| f.starts_with(expected)),
            "{what}: {faults:?}"
        );
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let service = service()
        .spec("loadBalancerIP", json!("bad"))
        .spec("sessionAffinity", json!("ClientIP"))
        .spec("ipFamilies", json!(["IPv6"]));
    assert_eq!(faults(service, &capabilities()).len(), 3);
}

#[test]
fn two_families_are_halved_only_where_that_is_tolerated() {
    let dual = |policy: &str| {
        service()
            .spec("ipFamilies", json!(["IPv4", "IPv6"]))
            .spec("ipFamilyPolicy", json!(policy))
    };
    assert_eq!(
        parsed(dual("PreferDualStack")).wanted.families,
        [Family::IPv4]
    );
    assert_eq!(
        faults(dual("RequireDualStack"), &capabilities()),
        ["spec.ipFamilies: the provider has no IPv6 addresses"]
    );
}

#[test]
fn what_a_capable_provider_is_told() {
    let able = Capabilities {
        source_ranges: true,
        client_affinity: true,
        ..capabilities()
    };
    let service = service()
        .spec("loadBalancerSourceRanges", json!([" 10.0.0.0/8 "]))
        .spec("sessionAffinity", json!("ClientIP"))
        .spec(
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 60}}),
        )
        .spec("externalTrafficPolicy", json!("Local"))
        .spec("healthCheckNodePort", json!(31000))
        .spec("loadBalancerIP", json!("192.0.2.1"));
    let wanted = parse(&service.into(), &able, &around()).unwrap().wanted;
    assert_eq!(wanted.source_ranges, ["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(wanted.affinity, Affinity::ClientIp(Duration::from_mins(1)));
    assert_eq!(
        wanted.requested_addresses,
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(
        wanted.traffic_policy,
        TrafficPolicy::Local {
            health_check_node_port: Some(31000)
        }
    );
}

/// With one pod, which is not ready.
fn unready_slice() -> Slice {
    let pod = json!({"kind": "Pod", "name": "pod", "uid": "pod-uid"});
    let slice = json!({
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{
            "addresses": ["10.0.0.9"], "conditions": {"ready": false}, "targetRef": pod,
        }],
    });
    Slice::from(&serde_json::from_value(slice).unwrap())
}

#[test]
fn a_provider_is_handed_what_it_looks_at_and_no_more() {
    let object = || {
        service()
            .label("tier", "web")
            .annotation("example.com/size", "small")
            .annotation("other.example.com/size", "large")
    };
    let labelled = json!({"metadata": {"labels": {"pool": "web"}}});
    let around = || Surroundings {
        nodes: crate::nodes::targets(&[node("node-1", labelled.clone())], true),
        namespace_labels: Arc::new([("team".to_owned(), "a".to_owned())].into()),
        slices: vec![Arc::new(unready_slice())],
        waiting: Arc::new(["pod-uid".to_owned()].into()),
        ..around()
    };
    let mut able = capabilities();
    let of = |able: &Capabilities| parse(&object().into(), able, &around()).unwrap().wanted;
    able.inputs = Inputs::default();
    let blind = of(&able);
    assert!(blind.nodes.is_empty() && blind.labels.is_empty() && blind.annotations.is_empty());
    assert!(blind.namespace_labels.is_empty());
    able.inputs.endpoints = EndpointInput::Pods;
    let hasty = of(&able);
    assert!(hasty.endpoints.is_empty() && hasty.awaited.is_empty());
    able.inputs.readiness_gates = true;
    let patient = of(&able);
    assert_eq!((patient.endpoints.len(), patient.awaited.len()), (1, 1));
    able.inputs = Inputs {
        nodes: true,
        labels: true,
        namespace_labels: true,
        annotations: &["example.com/"],
        ..Inputs::default()
    };
    let seeing = of(&able);
    assert_eq!(seeing.nodes.len(), 1);
    assert!(seeing.nodes[0].labels.is_empty());
    assert_eq!(seeing.labels["tier"], "web");
    assert_eq!(seeing.namespace_labels["team"], "a");
    able.inputs.node_labels = true;
    assert_eq!(of(&able).nodes[0].labels["pool"], "web");
    assert_eq!(seeing.annotations.len(), 1);
    assert_eq!(seeing.annotations["example.com/size"], "small");
}
