use std::time::Duration;

use landfall_provider_api::{Family, Protocol};

use super::CERTIFICATE as CERT;
use super::*;
use crate::asked::{Admitted, Groups, TargetType, Tls, Transport};
use crate::calls::{AddressType, Scheme};

const OTHER: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/two";

#[test]
fn without_annotations_it_is_an_internal_one_before_nodes() {
    let asked = asked(web(), &[]);
    assert_eq!(asked.target_type, TargetType::Instance);
    assert_eq!(
        (asked.scheme, asked.address_type),
        (None, AddressType::Ipv4)
    );
    let listeners: Vec<_> = asked
        .ports
        .iter()
        .map(|it| (it.port, it.protocol, it.node_port))
        .collect();
    assert_eq!(
        listeners,
        [
            (53, Transport::Udp, Some(22_053)),
            (80, Transport::Tcp, Some(22_080)),
            (443, Transport::Tcp, Some(22_443)),
        ]
    );
    let admitted = Admitted {
        ranges: vec!["0.0.0.0/0".parse().unwrap()],
        opens_targets: true,
        ..Admitted::default()
    };
    assert_eq!(asked.groups, Groups::Managed(admitted));
    assert!(
        asked
            .ports
            .iter()
            .all(|it| it.group_attributes.is_empty() && it.tls.is_none())
    );
    let health = &asked.ports[1].health;
    assert_eq!(health.protocol.as_deref(), Some("TCP"));
    assert_eq!(health.port.as_deref(), Some("traffic-port"));
    assert_eq!((health.path.as_ref(), health.codes.as_ref()), (None, None));
    assert_eq!(
        (health.interval, health.timeout),
        (Some(Duration::from_secs(10)), Some(Duration::from_secs(10)))
    );
    assert_eq!((health.healthy, health.unhealthy), (Some(3), Some(3)));
    assert!(asked.ignored.is_empty());
}

#[test]
fn targets_are_nodes_or_pods() {
    for (annotations, is) in [
        (&[("nlb-target-type", "ip")][..], TargetType::Ip),
        (&[("nlb-target-type", "instance")], TargetType::Instance),
        (&[("type", "nlb-ip")], TargetType::Ip),
        (&[("type", "external")], TargetType::Instance),
        (
            &[("type", "external"), ("nlb-target-type", "ip")],
            TargetType::Ip,
        ),
    ] {
        assert_eq!(asked(web(), annotations).target_type, is, "{annotations:?}");
    }
}

#[test]
fn the_scheme_goes_before_the_deprecated_annotation() {
    for (annotations, is) in [
        (&[("scheme", "internet-facing")][..], Scheme::InternetFacing),
        (&[("scheme", "internal")], Scheme::Internal),
        (&[("internal", "true")], Scheme::Internal),
        (&[("internal", "false")], Scheme::InternetFacing),
        (
            &[("internal", "true"), ("scheme", "internet-facing")],
            Scheme::InternetFacing,
        ),
    ] {
        assert_eq!(
            asked(web(), annotations).scheme,
            Some(is),
            "{annotations:?}"
        );
    }
}

#[test]
fn both_families_are_served_if_one_of_the_service_s_is_ipv6() {
    let tcp = || service(&[("", Protocol::Tcp, 80)]);
    let mut both = tcp();
    both.families = vec![Family::IPv4, Family::IPv6];
    let of_both = asked(both.clone(), &[]);
    assert_eq!(
        (of_both.address_type, of_both.family),
        (AddressType::DualStack, Family::IPv4)
    );
    let Groups::Managed(admitted) = of_both.groups else {
        panic!("it has no group of ours")
    };
    assert_eq!(admitted.ranges.len(), 2, "both families are let in");
    let mut ipv6 = tcp();
    ipv6.families = vec![Family::IPv6];
    let of_ipv6 = asked(ipv6, &[]);
    assert_eq!(
        (of_ipv6.address_type, of_ipv6.family),
        (AddressType::DualStack, Family::IPv6)
    );
    // Where both are only preferred, one is enough.
    both.family_policy = FamilyPolicy::PreferDualStack;
    let declared = asked(both, &[("ip-address-type", "ipv4")]);
    assert_eq!(declared.address_type, AddressType::Ipv4);
    let declared = asked(tcp(), &[("ip-address-type", "dualstack")]);
    assert_eq!(declared.address_type, AddressType::DualStack);
}

#[test]
fn udp_over_both_families_has_a_prefix_for_source_nat() {
    assert_eq!(asked(web(), &[]).source_nat, None);
    assert_eq!(
        asked(web(), &[("ip-address-type", "dualstack")]).source_nat,
        Some(true)
    );
    let with_prefixes = asked(
        web(),
        &[
            ("ip-address-type", "dualstack"),
            ("enable-prefix-for-ipv6-source-nat", "on"),
            ("subnets", "subnet-a, subnet-b"),
            (
                "source-nat-ipv6-prefixes",
                "auto_assigned,2001:db8:0:1::/80",
            ),
        ],
    );
    assert_eq!(
        with_prefixes.source_nat_prefixes,
        ["auto_assigned", "2001:db8:0:1::/80"]
    );
}

#[test]
fn addresses_stand_beside_subnets() {
    let public = asked(
        web(),
        &[
            ("scheme", "internet-facing"),
            ("subnets", "a,b"),
            ("eip-allocations", "eipalloc-1,eipalloc-2"),
        ],
    );
    assert_eq!(
        public.subnets.as_deref(),
        Some(&["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(public.allocations, ["eipalloc-1", "eipalloc-2"]);
    let private = asked(web(), &[("private-ipv4-addresses", "10.0.0.9")]);
    assert_eq!(
        private.private_ipv4,
        ["10.0.0.9".parse::<std::net::Ipv4Addr>().unwrap()]
    );
    let ipv6 = asked(
        web(),
        &[
            ("ip-address-type", "dualstack"),
            ("ipv6-addresses", "2001:db8::9"),
        ],
    );
    assert_eq!(
        ipv6.ipv6,
        ["2001:db8::9".parse::<std::net::Ipv6Addr>().unwrap()]
    );
}

#[test]
fn tcp_and_udp_of_one_number_are_one_listener() {
    let mut both = service(&[("tcp", Protocol::Tcp, 53), ("udp", Protocol::Udp, 53)]);
    both.ports[1].node_port = both.ports[0].node_port;
    for annotations in [&[][..], &[("enable-tcp-udp-listener", "true")]] {
        let asked = asked(both.clone(), annotations);
        let [port] = asked.ports.as_slice() else {
            panic!("{:?}", asked.ports)
        };
        assert_eq!(
            (port.protocol, port.group_protocol),
            (Transport::TcpUdp, Transport::TcpUdp)
        );
        assert_eq!(port.names, ["tcp", "udp"]);
    }
}

#[test]
fn tls_has_certificates_a_policy_and_alpn() {
    let both = format!("{CERT},{OTHER}");
    let of_all = asked(web(), &[("ssl-cert", &both)]);
    let tls = Tls {
        certificates: vec![CERT.into(), OTHER.into()],
        policy: "ELBSecurityPolicy-2016-08".into(),
        alpn: None,
    };
    let is = |asked: &Asked, number: u16| {
        let port = asked.ports.iter().find(|it| it.port == number).unwrap();
        (port.protocol, port.group_protocol, port.tls.clone())
    };
    assert_eq!(
        is(&of_all, 80),
        (Transport::Tls, Transport::Tcp, Some(tls.clone()))
    );
    assert_eq!(
        is(&of_all, 443),
        (Transport::Tls, Transport::Tcp, Some(tls))
    );
    assert_eq!(is(&of_all, 53), (Transport::Udp, Transport::Udp, None));
    for ports in ["https", "443"] {
        let of_one = asked(
            web(),
            &[
                ("ssl-cert", CERT),
                ("ssl-ports", ports),
                ("backend-protocol", "ssl"),
                (
                    "ssl-negotiation-policy",
                    "ELBSecurityPolicy-TLS13-1-2-2021-06",
                ),
                ("alpn-policy", "HTTP2Preferred"),
            ],
        );
        assert_eq!(is(&of_one, 80), (Transport::Tcp, Transport::Tcp, None));
        let tls = Tls {
            certificates: vec![CERT.into()],
            policy: "ELBSecurityPolicy-TLS13-1-2-2021-06".into(),
            alpn: Some("HTTP2Preferred".into()),
        };
        assert_eq!(
            is(&of_one, 443),
            (Transport::Tls, Transport::Tls, Some(tls))
        );
    }
}

#[test]
fn groups_are_ours_or_theirs_or_none() {
    let own = asked(web(), &[("security-groups", "sg-1, front")]);
    let names = vec!["sg-1".to_owned(), "front".to_owned()];
    let of = |opens_targets| Groups::Own {
        names: names.clone(),
        opens_targets,
    };
    assert_eq!(own.groups, of(false));
    let managing = [
        ("security-groups", "sg-1, front"),
        ("manage-backend-security-group-rules", "true"),
    ];
    assert_eq!(asked(web(), &managing).groups, of(true));
    assert_eq!(
        asked(web(), &[("disable-nlb-sg", "true")]).groups,
        Groups::None {
            opens_targets: true
        }
    );
    let ours = asked(
        web(),
        &[
            ("security-group-prefix-lists", "pl-1"),
            ("enable-icmp-for-path-mtu-discovery", "on"),
            ("manage-backend-security-group-rules", "false"),
        ],
    );
    let admitted = Admitted {
        ranges: Vec::new(),
        prefix_lists: vec!["pl-1".into()],
        icmp: true,
        opens_targets: false,
    };
    assert_eq!(ours.groups, Groups::Managed(admitted));
}

#[test]
fn the_spec_s_source_ranges_go_before_the_annotation_s() {
    let ranges = |asked: Asked| match asked.groups {
        Groups::Managed(admitted) => admitted.ranges.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let annotated = [("source-ranges", "192.0.2.0/24, 198.51.100.7/24")];
    assert_eq!(
        ranges(asked(web(), &annotated)),
        ["192.0.2.0/24", "198.51.100.0/24"]
    );
    let mut said = web();
    said.source_ranges = vec!["203.0.113.0/24".parse().unwrap()];
    assert_eq!(ranges(asked(said, &annotated)), ["203.0.113.0/24"]);
}

#[test]
fn what_is_not_supported_is_named() {
    let mut service = web();
    service.requested_addresses = vec!["192.0.2.1".parse().unwrap()];
    let asked = asked(
        service,
        &[
            ("quic-enabled-ports", "443"),
            ("multi-cluster-target-group", "true"),
            ("actions.TCP-80", "{}"),
            ("scheme", "internal"),
        ],
    );
    let prefixed = |it: &str| format!("{PREFIX}{it}");
    let named = [
        prefixed("actions.TCP-80"),
        prefixed("multi-cluster-target-group"),
        prefixed("quic-enabled-ports"),
        "spec.loadBalancerIP".to_owned(),
    ];
    assert_eq!(asked.ignored, named);
}

#[test]
fn an_empty_annotation_is_none() {
    assert_eq!(
        asked(web(), &[("scheme", " "), ("subnets", "")]),
        asked(web(), &[])
    );
}
