//! Values of health checks that cannot be followed.

use super::rows::Row;

pub(super) const ROWS: &[Row] = &[
    // Health checks.
    (
        &[("healthcheck-protocol", "grpc")],
        "healthcheck-protocol",
        "none of: TCP, HTTP, HTTPS",
    ),
    (
        &[("healthcheck-port", "0")],
        "healthcheck-port",
        "from 1 to 65535",
    ),
    (
        &[("healthcheck-port", "70000")],
        "healthcheck-port",
        "from 1 to 65535",
    ),
    (
        &[("healthcheck-port", "metrics")],
        "healthcheck-port",
        "http, https, dns",
    ),
    (
        &[("healthcheck-interval", "4")],
        "healthcheck-interval",
        "from 5 to 300",
    ),
    (
        &[("healthcheck-timeout", "1")],
        "healthcheck-timeout",
        "from 2 to 120",
    ),
    (
        &[("healthcheck-timeout", "20")],
        "healthcheck-timeout",
        "longer than the interval",
    ),
    (
        &[("healthcheck-healthy-threshold", "1")],
        "healthcheck-healthy-threshold",
        "from 2 to 10",
    ),
    (
        &[("healthcheck-unhealthy-threshold", "11")],
        "healthcheck-unhealthy-threshold",
        "from 2 to 10",
    ),
    (
        &[
            ("healthcheck-protocol", "http"),
            ("healthcheck-path", "ready"),
        ],
        "healthcheck-path",
        "begin with /",
    ),
    (
        &[
            ("healthcheck-protocol", "http"),
            ("healthcheck-success-codes", "99"),
        ],
        "healthcheck-success-codes",
        "form",
    ),
    (
        &[
            ("healthcheck-protocol", "http"),
            ("healthcheck-success-codes", "300-200"),
        ],
        "healthcheck-success-codes",
        "form",
    ),
    (
        &[("nlb-target-type", "ip"), ("target-node-labels", "a=b")],
        "target-node-labels",
        "targets are pods",
    ),
];
