//! Values that cannot be followed.

use super::CERTIFICATE as CERT;

/// Annotations, the one that is at fault (its suffix, or the path of a field), and what its message says.
pub(super) type Row = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

pub(super) const ROWS: &[Row] = &[
    // Unknown words and wrong types.
    (
        &[("nlb-target-type", "pod")],
        "nlb-target-type",
        "none of: instance, ip",
    ),
    (&[("type", "nlb")], "type", "none of: external, nlb-ip"),
    (
        &[("scheme", "public")],
        "scheme",
        "none of: internal, internet-facing",
    ),
    (&[("internal", "yes")], "internal", "none of: true, false"),
    (
        &[("ip-address-type", "ipv6")],
        "ip-address-type",
        "none of: ipv4, dualstack",
    ),
    (
        &[("name", "-web")],
        "name",
        "cannot be a load balancer's name",
    ),
    (
        &[("name", "internal-web")],
        "name",
        "cannot be a load balancer's name",
    ),
    (
        &[("name", "a-name-that-is-much-longer-than-32-letters")],
        "name",
        "at most 32",
    ),
    (
        &[("enable-prefix-for-ipv6-source-nat", "true")],
        "enable-prefix-for-ipv6-source-nat",
        "none of: on, off",
    ),
    (
        &[("inbound-sg-rules-on-private-link-traffic", "1")],
        "inbound-sg-rules-on-private-link-traffic",
        "on, off",
    ),
    (
        &[("disable-nlb-sg", "maybe")],
        "disable-nlb-sg",
        "true, false",
    ),
    (
        &[("manage-backend-security-group-rules", "on")],
        "manage-backend-security-group-rules",
        "true, false",
    ),
    (
        &[("enable-icmp-for-path-mtu-discovery", "true")],
        "enable-icmp-for-path-mtu-discovery",
        "on, off",
    ),
    (
        &[("cross-zone-load-balancing-enabled", "on")],
        "cross-zone-load-balancing-enabled",
        "true, false",
    ),
    (
        &[("access-log-enabled", "1")],
        "access-log-enabled",
        "true, false",
    ),
    (
        &[("enable-tcp-udp-listener", "x")],
        "enable-tcp-udp-listener",
        "true, false",
    ),
    (
        &[("attributes", "deletion_protection.enabled")],
        "attributes",
        "key=value",
    ),
    (
        &[("attributes", "deletion_protection.enabled=yes")],
        "attributes",
        "true or false",
    ),
    (
        &[("attributes", "dns_record.client_routing_policy=near")],
        "attributes",
        "none of: any_availability_zone",
    ),
    (&[("attributes", "a=1,a=2")], "attributes", "twice"),
    (
        &[("minimum-load-balancer-capacity", "3000")],
        "minimum-load-balancer-capacity",
        "key=value",
    ),
    (
        &[("minimum-load-balancer-capacity", "Units=3000")],
        "minimum-load-balancer-capacity",
        "CapacityUnits=N",
    ),
    (
        &[("minimum-load-balancer-capacity", "CapacityUnits=x")],
        "minimum-load-balancer-capacity",
        "CapacityUnits=N",
    ),
    (
        &[("target-node-labels", "pool")],
        "target-node-labels",
        "key=value",
    ),
    (
        &[("additional-resource-tags", "aws:x=1")],
        "additional-resource-tags",
        "not a Service's to give",
    ),
    (
        &[("additional-resource-tags", "landfall.dev/part=1")],
        "additional-resource-tags",
        "not a Service's to give",
    ),
    (
        &[("security-group-prefix-lists", "list")],
        "security-group-prefix-lists",
        "pl-…",
    ),
    (&[("subnets", "a,a")], "subnets", "twice"),
    (&[("subnets", ",")], "subnets", "names nothing"),
    // Addresses.
    (
        &[("eip-allocations", "eipalloc-1")],
        "eip-allocations",
        "scheme: internet-facing",
    ),
    (
        &[
            ("scheme", "internet-facing"),
            ("eip-allocations", "1.2.3.4"),
        ],
        "eip-allocations",
        "allocation id",
    ),
    (
        &[
            ("scheme", "internet-facing"),
            ("subnets", "a,b"),
            ("eip-allocations", "eipalloc-1"),
        ],
        "eip-allocations",
        "one for each",
    ),
    (
        &[("private-ipv4-addresses", "10.0.0")],
        "private-ipv4-addresses",
        "not an IPv4 address",
    ),
    (
        &[
            ("scheme", "internet-facing"),
            ("private-ipv4-addresses", "10.0.0.1"),
        ],
        "private-ipv4-addresses",
        "make the scheme",
    ),
    (
        &[
            ("subnets", "a"),
            ("private-ipv4-addresses", "10.0.0.1,10.0.1.1"),
        ],
        "private-ipv4-addresses",
        "one for each",
    ),
    (
        &[("ipv6-addresses", "2001:db8::1")],
        "ipv6-addresses",
        "ip-address-type: dualstack",
    ),
    (
        &[
            ("ip-address-type", "dualstack"),
            ("ipv6-addresses", "10.0.0.1"),
        ],
        "ipv6-addresses",
        "not an IPv6 address",
    ),
    (
        &[("enable-prefix-for-ipv6-source-nat", "on")],
        "enable-prefix-for-ipv6-source-nat",
        "dualstack",
    ),
    (
        &[
            ("ip-address-type", "dualstack"),
            ("enable-prefix-for-ipv6-source-nat", "off"),
        ],
        "enable-prefix-for-ipv6-source-nat",
        "must be on for UDP",
    ),
    (
        &[("source-nat-ipv6-prefixes", "auto_assigned")],
        "source-nat-ipv6-prefixes",
        "source-nat: on",
    ),
    (
        &[
            ("ip-address-type", "dualstack"),
            ("source-nat-ipv6-prefixes", "2001:db8::/64"),
        ],
        "source-nat-ipv6-prefixes",
        "neither auto_assigned nor an IPv6 /80",
    ),
    // Who may connect.
    (
        &[("source-ranges", "everybody")],
        "load-balancer-source-ranges",
        "not a range",
    ),
    (
        &[("source-ranges", "2001:db8::/32")],
        "load-balancer-source-ranges",
        "ip-address-type: dualstack",
    ),
    (
        &[("disable-nlb-sg", "true"), ("security-groups", "sg-1")],
        "disable-nlb-sg",
        "one of them must go",
    ),
    (
        &[
            ("disable-nlb-sg", "true"),
            ("security-group-prefix-lists", "pl-1"),
        ],
        "disable-nlb-sg",
        "kept out",
    ),
    // TLS.
    (
        &[("ssl-cert", "web.pem")],
        "ssl-cert",
        "ARN of a certificate",
    ),
    (&[("ssl-ports", "443")], "ssl-ports", "needs a certificate"),
    (
        &[("ssl-cert", CERT), ("ssl-ports", "*")],
        "ssl-ports",
        "neither the name nor the number",
    ),
    (
        &[("ssl-cert", CERT), ("ssl-ports", "8443")],
        "ssl-ports",
        "neither the name nor the number",
    ),
    (
        &[("ssl-cert", CERT), ("ssl-ports", "dns")],
        "ssl-ports",
        "is not TCP",
    ),
    (
        &[("backend-protocol", "http")],
        "backend-protocol",
        "none of: ssl, tcp",
    ),
    (
        &[("alpn-policy", "h2")],
        "alpn-policy",
        "none of: None, HTTP1Only",
    ),
    // Target groups and listeners.
    (
        &[("target-group-attributes.81", "a=b")],
        "target-group-attributes.81",
        "no port of the Service",
    ),
    (
        &[("target-group-attributes.80", "a")],
        "target-group-attributes.80",
        "key=value",
    ),
    (
        &[("target-group-attributes", "proxy_protocol_v2.enabled=on")],
        "target-group-attributes",
        "true or false",
    ),
    (
        &[(
            "target-group-attributes",
            "deregistration_delay.timeout_seconds=4000",
        )],
        "target-group-attributes",
        "from 0 to 3600",
    ),
    (
        &[(
            "target-group-attributes.53",
            "preserve_client_ip.enabled=false",
        )],
        "target-group-attributes",
        "UDP",
    ),
    (&[("proxy-protocol", "80")], "proxy-protocol", "not *"),
    (
        &[("proxy-protocol-per-target-group", "80,81")],
        "proxy-protocol-per-target-group",
        "no port of the Service",
    ),
    (
        &[("listener-attributes.TCP-81", "a=b")],
        "listener-attributes.TCP-81",
        "there is no listener",
    ),
    (
        &[("listener-attributes.UDP-80", "a=b")],
        "listener-attributes.UDP-80",
        "there is: UDP-53, TCP-80, TCP-443",
    ),
    (
        &[("listener-attributes.TCP-80", "tcp.idle_timeout.seconds=59")],
        "listener-attributes.TCP-80",
        "from 60 to 6000",
    ),
];
