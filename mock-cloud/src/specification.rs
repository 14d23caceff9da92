//! What makes a wanted load balancer valid, apart from what the cloud has to give. No I/O.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use landfall_mock_cloud_wire::{
    Affinity, Family, FieldError, HealthCheck, HealthCheckProtocol, Interval, ListenerSpec,
    LoadBalancerSpec, Protocol,
};

const MOST_TAGS: usize = 50;
const MOST_LISTENERS: usize = 256;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;
const LONGEST_NAME: usize = 253;
const MOST_RANGES: usize = 1000;
const LONGEST_PATH: usize = 1024;
const MOST_CHECKS: u32 = 10;
/// Shorter periods than this cost more than they tell, and longer ones never end.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_hours(24);

/// Everything that is wrong with it; empty if it is valid.
pub(crate) fn errors(spec: &LoadBalancerSpec) -> Vec<FieldError> {
    let mut errors = Errors(Vec::new());
    tags(spec, &mut errors);
    requested_addresses(spec, &mut errors);
    clients(spec, &mut errors);
    listeners(spec, &mut errors);
    errors.0
}

/// A JSON pointer from its parts (RFC 6901 §3).
pub(crate) fn pointer<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().fold(String::new(), |pointer, part| {
        pointer + "/" + &part.replace('~', "~0").replace('/', "~1")
    })
}

struct Errors(Vec<FieldError>);

impl Errors {
    fn add<'a>(&mut self, at: impl IntoIterator<Item = &'a str>, message: impl Into<String>) {
        self.0.push(FieldError {
            field: pointer(at),
            message: message.into(),
        });
    }
}

fn tags(spec: &LoadBalancerSpec, errors: &mut Errors) {
    if spec.tags.len() > MOST_TAGS {
        errors.add(["tags"], format!("has more than {MOST_TAGS} tags"));
    }
    for (key, value) in &spec.tags {
        let length = key.chars().count();
        if length == 0 || length > LONGEST_KEY || key.contains('=') {
            let rule = format!("has a key that is not 1 to {LONGEST_KEY} characters without `=`");
            errors.add(["tags", key], rule);
        }
        if value.chars().count() > LONGEST_VALUE {
            let rule = format!("has a value of more than {LONGEST_VALUE} characters");
            errors.add(["tags", key], rule);
        }
    }
}

fn requested_addresses(spec: &LoadBalancerSpec, errors: &mut Errors) {
    let mut families = BTreeSet::new();
    for (index, address) in spec.requested_addresses.iter().enumerate() {
        if !families.insert(address.is_ipv4()) {
            let at = ["requestedAddresses", &index.to_string()];
            errors.add(at, "is a second address of its family; ask for one");
        }
        if !spec.families.is_empty() && !spec.families.contains(&Family::of(*address)) {
            let at = ["requestedAddresses", &index.to_string()];
            errors.add(at, "is of a family that `families` does not name");
        }
    }
    let mut families = BTreeSet::new();
    for (index, family) in spec.families.iter().enumerate() {
        if !families.insert(family) {
            errors.add(["families", &index.to_string()], "is named twice");
        }
    }
}

fn clients(spec: &LoadBalancerSpec, errors: &mut Errors) {
    if spec.source_ranges.len() > MOST_RANGES {
        let message = format!("has more than {MOST_RANGES} nets");
        errors.add(["sourceRanges"], message);
    }
    if let Affinity::ClientIp { timeout } = &spec.affinity {
        period(&["affinity", "timeout"], Some(*timeout), errors);
    }
}

fn period(at: &[&str], given: Option<Interval>, errors: &mut Errors) {
    if given.is_some_and(|given| !(SHORTEST..=LONGEST).contains(&given.0)) {
        errors.add(at.iter().copied(), "must be from 10ms to 24 hours");
    }
}

fn listeners(spec: &LoadBalancerSpec, errors: &mut Errors) {
    if spec.listeners.len() > MOST_LISTENERS {
        let message = format!("has more than {MOST_LISTENERS} listeners");
        errors.add(["listeners"], message);
    }
    let mut seen = BTreeSet::new();
    for (index, listener) in spec.listeners.iter().enumerate() {
        let index = index.to_string();
        let at = ["listeners", &index, "port"];
        if listener.port == 0 {
            errors.add(at, "must be 1 to 65535");
        } else if !seen.insert((listener.protocol, listener.port)) {
            let taken = format!(
                "{} {} is an earlier listener's already",
                listener.protocol, listener.port
            );
            errors.add(at, taken);
        }
        let at = ["listeners", &index, "idleTimeout"];
        if listener.protocol == Protocol::Udp {
            period(&at, listener.idle_timeout, errors);
        } else if listener.idle_timeout.is_some() {
            errors.add(at, "is for UDP only; leave it out");
        }
        if let Some(check) = &listener.health_check {
            health_check(&index, check, errors);
        }
        targets(&index, listener, errors);
    }
}

fn health_check(listener: &str, check: &HealthCheck, errors: &mut Errors) {
    let at = |field| ["listeners", listener, "healthCheck", field];
    if check.port == Some(0) {
        errors.add(at("port"), "must be 1 to 65535");
    }
    period(&at("interval"), check.interval, errors);
    for (field, threshold) in [
        ("healthyThreshold", check.healthy_threshold),
        ("unhealthyThreshold", check.unhealthy_threshold),
    ] {
        if threshold.is_some_and(|checks| !(1..=MOST_CHECKS).contains(&checks)) {
            errors.add(at(field), format!("must be 1 to {MOST_CHECKS}"));
        }
    }
    let Some(path) = &check.path else {
        return;
    };
    // What is asked for is written into a request as it stands.
    let fits = path.starts_with('/') && path.bytes().all(|c| c.is_ascii_graphic());
    if check.protocol != HealthCheckProtocol::Http {
        errors.add(at("path"), "is for HTTP only; leave it out");
    } else if !fits || path.len() > LONGEST_PATH {
        let rule = format!("must be `/` and up to {LONGEST_PATH} visible ASCII characters");
        errors.add(at("path"), rule);
    }
}

fn targets(listener: &str, spec: &ListenerSpec, errors: &mut Errors) {
    for (index, target) in spec.targets.iter().enumerate() {
        let index = index.to_string();
        let mut wrong = |field, message: &str| {
            errors.add(["listeners", listener, "targets", &index, field], message);
        };
        if target.port == 0 {
            wrong("port", "must be 1 to 65535");
        }
        if target.name.is_empty() || target.name.len() > LONGEST_NAME {
            wrong("name", "must be 1 to 253 characters");
        }
        let broadcast = matches!(target.address, IpAddr::V4(v4) if v4.is_broadcast());
        if target.address.is_unspecified() || target.address.is_multicast() || broadcast {
            wrong("address", "must be the address of one machine");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(body: Value) -> Vec<String> {
        let spec: LoadBalancerSpec = serde_json::from_value(body).unwrap();
        errors(&spec).into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_plain_load_balancer_is_valid() {
        let none: Vec<String> = Vec::new();
        assert_eq!(fields(json!({})), none);
        let target = json!({"name": "n1", "address": "127.0.0.2", "port": 30080});
        let listener = json!({"protocol": "TCP", "port": 80, "targets": [target]});
        let requested = json!(["127.200.0.9", "fd00::1"]);
        let body = json!({"tags": {"a/b": "c"}, "requestedAddresses": requested,
                          "listeners": [listener]});
        assert_eq!(fields(body), none);
    }

    #[test]
    fn every_error_is_told_at_once() {
        let target = json!({"name": "", "address": "0.0.0.0", "port": 0});
        let found = fields(json!({
            "tags": {"a=/b": "x".repeat(257)},
            "requestedAddresses": ["127.200.0.1", "127.200.0.2"],
            "listeners": [
                {"protocol": "TCP", "port": 0, "targets": [target]},
                {"protocol": "TCP", "port": 80},
                {"protocol": "TCP", "port": 80},
            ],
        }));
        let expected = [
            "/tags/a=~1b",
            "/tags/a=~1b",
            "/requestedAddresses/1",
            "/listeners/0/port",
            "/listeners/0/targets/0/port",
            "/listeners/0/targets/0/name",
            "/listeners/0/targets/0/address",
            "/listeners/2/port",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_concerns_clients_and_checks_is_checked() {
        let listener = |protocol: &str, more: Value| {
            let mut listener = json!({"protocol": protocol, "port": 80});
            listener
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"listeners": [listener]})
        };
        let check = |more: Value| {
            let mut check = json!({"protocol": "HTTP"});
            check
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            listener("TCP", json!({"healthCheck": check}))
        };
        for (body, expected) in [
            (json!({"families": ["IPv6", "IPv6"]}), "/families/1"),
            (
                json!({"families": ["IPv6"], "requestedAddresses": ["10.0.0.1"]}),
                "/requestedAddresses/0",
            ),
            (
                json!({"affinity": {"type": "clientIp", "timeout": "0s"}}),
                "/affinity/timeout",
            ),
            (
                json!({"affinity": {"type": "clientIp", "timeout": "1500m"}}),
                "/affinity/timeout",
            ),
            (
                listener("TCP", json!({"idleTimeout": "1s"})),
                "/listeners/0/idleTimeout",
            ),
            (
                listener("UDP", json!({"idleTimeout": "1ms"})),
                "/listeners/0/idleTimeout",
            ),
            (check(json!({"port": 0})), "/listeners/0/healthCheck/port"),
            (
                check(json!({"interval": "0s"})),
                "/listeners/0/healthCheck/interval",
            ),
            (
                check(json!({"healthyThreshold": 0})),
                "/listeners/0/healthCheck/healthyThreshold",
            ),
            (
                check(json!({"unhealthyThreshold": 11})),
                "/listeners/0/healthCheck/unhealthyThreshold",
            ),
            (check(json!({"path": "x"})), "/listeners/0/healthCheck/path"),
            (
                check(json!({"path": "/a b"})),
                "/listeners/0/healthCheck/path",
            ),
            (
                check(json!({"protocol": "TCP", "path": "/"})),
                "/listeners/0/healthCheck/path",
            ),
        ] {
            assert_eq!(fields(body.clone()), [expected], "{body}");
        }
        let both = json!({"listeners": [{"protocol": "TCP", "port": 53}, {"protocol": "UDP", "port": 53}]});
        assert!(fields(both).is_empty());
        assert!(fields(check(json!({"path": "/healthz", "port": 30000}))).is_empty());
    }

    #[test]
    fn there_is_an_end_to_everything() {
        let tags: serde_json::Map<_, _> = (0..51).map(|i| (i.to_string(), json!(""))).collect();
        assert_eq!(fields(json!({"tags": tags})), ["/tags"]);
        let listeners: Vec<_> = (1..=257)
            .map(|port| json!({"protocol": "TCP", "port": port}))
            .collect();
        assert_eq!(fields(json!({"listeners": listeners})), ["/listeners"]);
    }
}
