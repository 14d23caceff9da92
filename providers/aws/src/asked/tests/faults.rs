use std::time::Duration;

use landfall_provider_api::{Affinity, Endpoint, Family, Protocol};

use super::CERTIFICATE as CERT;
use super::*;
use super::{probing_rows, rows};

#[test]
fn each_fault_names_its_annotation_and_what_would_be_right() {
    for (annotations, at, says) in rows::ROWS.iter().chain(probing_rows::ROWS) {
        let faults = faults(web(), annotations);
        let found = faults.iter().find(|it| it.annotation.ends_with(at));
        let Some(fault) = found else {
            panic!("{annotations:?}: nothing is said of {at}: {faults:?}")
        };
        assert!(
            fault.message.contains(says),
            "{annotations:?}: {}",
            fault.message
        );
        assert_eq!(faults.len(), 1, "{annotations:?}: {faults:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let annotations = [
        ("scheme", "public"),
        ("healthcheck-port", "0"),
        ("ssl-cert", "web.pem"),
    ];
    let faults = faults(web(), &annotations);
    assert_eq!(faults.len(), 3, "{faults:?}");
    let error = crate::asked::invalid(faults);
    let text = error.to_string();
    assert!(
        annotations.iter().all(|(suffix, _)| text.contains(suffix)),
        "{text}"
    );
}

#[test]
fn families_that_contradict_are_refused() {
    let mut ipv6 = service(&[("", Protocol::Tcp, 80)]);
    ipv6.families = vec![Family::IPv6];
    let annotations = [("ip-address-type", "ipv4")];
    assert!(
        faults(ipv6.clone(), &annotations)[0]
            .message
            .contains("needs IPv6")
    );
    ipv6.families = vec![Family::IPv4, Family::IPv6];
    ipv6.family_policy = FamilyPolicy::RequireDualStack;
    assert!(faults(ipv6, &annotations)[0].message.contains("needs IPv6"));
}

#[test]
fn one_number_is_one_listener() {
    let both = service(&[("tcp", Protocol::Tcp, 53), ("udp", Protocol::Udp, 53)]);
    let refused = faults(both.clone(), &[("enable-tcp-udp-listener", "false")]);
    assert!(
        refused[0].message.contains("one listener for a number"),
        "{refused:?}"
    );
    let mut apart = both.clone();
    apart.ports[1].node_port = Some(30_999);
    let refused = faults(apart.clone(), &[]);
    assert_eq!(refused[0].annotation, "spec.ports[].nodePort");
    assert!(super::Asked::parse(&with(apart, &[("nlb-target-type", "ip")])).is_ok());
    let refused = faults(both, &[("ssl-cert", CERT)]);
    assert!(
        refused[0].message.contains("TLS and UDP at once"),
        "{refused:?}"
    );
}

#[test]
fn tls_keeps_no_client_on_one_target() {
    let mut sticky = service(&[("", Protocol::Tcp, 443)]);
    sticky.affinity = Affinity::ClientIp(Duration::from_secs(1));
    let refused = faults(sticky, &[("ssl-cert", CERT)]);
    assert_eq!(refused[0].annotation, "spec.sessionAffinity");
}

#[test]
fn a_probe_of_pods_needs_one_port() {
    let mut pods = web();
    let pod = |last: u8, port| Endpoint {
        port_name: "http".into(),
        protocol: Protocol::Tcp,
        address: [10, 0, 0, last].into(),
        port,
        node: None,
        zone: None,
    };
    pods.endpoints = vec![pod(1, 8080), pod(2, 8081)];
    let annotations = [("nlb-target-type", "ip"), ("healthcheck-port", "http")];
    assert!(
        faults(pods, &annotations)[0]
            .message
            .contains("several ports")
    );
}

proptest::proptest! {
    #[test]
    fn no_value_of_any_annotation_does_harm(suffix in 0..rows::ROWS.len(), value in "[ -~]{0,40}") {
        let (annotations, ..) = rows::ROWS[suffix];
        let annotations: Vec<_> = annotations.iter().map(|(name, _)| (*name, value.as_str())).collect();
        let _ = super::Asked::parse(&with(web(), &annotations));
    }
}
