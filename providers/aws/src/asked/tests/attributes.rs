use std::time::Duration;

use landfall_provider_api::Affinity;

use super::*;

#[test]
fn attributes_are_those_that_are_declared() {
    let asked = asked(
        web(),
        &[
            (
                "attributes",
                "deletion_protection.enabled=true, load_balancing.cross_zone.enabled=false",
            ),
            ("cross-zone-load-balancing-enabled", "true"),
            ("access-log-enabled", "true"),
            ("access-log-s3-bucket-name", "logs"),
            ("access-log-s3-bucket-prefix", "web"),
            ("listener-attributes.TCP-80", "tcp.idle_timeout.seconds=400"),
            ("minimum-load-balancer-capacity", "CapacityUnits=3000"),
            ("inbound-sg-rules-on-private-link-traffic", "off"),
            ("target-node-labels", "pool=web"),
            ("additional-resource-tags", "team=a, empty="),
        ],
    );
    let expected = map(&[
        ("access_logs.s3.bucket", "logs"),
        ("access_logs.s3.enabled", "true"),
        ("access_logs.s3.prefix", "web"),
        ("deletion_protection.enabled", "true"),
        ("load_balancing.cross_zone.enabled", "true"),
    ]);
    assert_eq!(asked.attributes, expected);
    let attributes: Vec<_> = asked.ports.iter().map(|it| it.attributes.clone()).collect();
    assert_eq!(
        attributes,
        [
            map(&[]),
            map(&[("tcp.idle_timeout.seconds", "400")]),
            map(&[])
        ]
    );
    assert_eq!(
        (asked.capacity, asked.private_link_rules),
        (Some(3000), Some(false))
    );
    assert_eq!(asked.node_labels, map(&[("pool", "web")]));
    assert_eq!(asked.tags, map(&[("team", "a"), ("empty", "")]));
}

#[test]
fn what_is_said_of_a_port_goes_before_what_is_said_of_all() {
    let asked = asked(
        web(),
        &[
            (
                "target-group-attributes",
                "deregistration_delay.timeout_seconds=30,stickiness.enabled=true",
            ),
            (
                "target-group-attributes.80",
                "deregistration_delay.timeout_seconds=5,stickiness.enabled=",
            ),
            ("proxy-protocol-per-target-group", "80,443"),
        ],
    );
    let attributes: Vec<_> = asked
        .ports
        .iter()
        .map(|it| it.group_attributes.clone())
        .collect();
    let of = |delay, proxy| {
        map(&[
            ("deregistration_delay.timeout_seconds", delay),
            ("proxy_protocol_v2.enabled", proxy),
            ("stickiness.enabled", "true"),
        ])
    };
    assert_eq!(
        attributes,
        [of("30", "false"), of("5", "true"), of("30", "true")]
    );
    let everywhere = super::asked(
        web(),
        &[
            ("proxy-protocol", "*"),
            ("proxy-protocol-per-target-group", "80"),
        ],
    );
    let proxy = map(&[("proxy_protocol_v2.enabled", "true")]);
    assert!(
        everywhere
            .ports
            .iter()
            .all(|it| it.group_attributes == proxy)
    );
}

#[test]
fn a_client_stays_where_it_is_by_its_address() {
    let mut sticky = web();
    sticky.affinity = Affinity::ClientIp(Duration::from_hours(3));
    let kept = map(&[
        ("stickiness.enabled", "true"),
        ("stickiness.type", "source_ip"),
    ]);
    assert!(
        asked(sticky, &[])
            .ports
            .iter()
            .all(|it| it.group_attributes == kept)
    );
}

#[test]
fn what_a_tls_listener_cannot_have_is_named() {
    let tls = [
        ("ssl-cert", CERTIFICATE),
        ("ssl-ports", "443"),
        (
            "listener-attributes.TLS-443",
            "tcp.idle_timeout.seconds=400",
        ),
    ];
    let named = [format!("{PREFIX}listener-attributes.TLS-443")];
    assert_eq!(asked(web(), &tls).ignored, named);
}
