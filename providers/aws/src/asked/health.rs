//! How targets are probed.

use std::time::Duration;

use landfall_provider_api::{LoadBalancer, Port, TrafficPolicy};

use super::TargetType;
use super::reader::Reader;
use crate::calls::HealthCheck;

/// How AWS writes that each target is asked where its traffic goes.
const TRAFFIC_PORT: &str = "traffic-port";

/// What is asked for, of which nothing is left to AWS.
struct Probe {
    protocol: &'static str,
    port: String,
    path: Option<String>,
    interval: u32,
    timeout: u32,
    healthy: u32,
    unhealthy: u32,
    codes: Option<String>,
}

/// The health check of the target group for these ports of the Service.
pub(super) fn read(
    reader: &mut Reader<'_>,
    wanted: &LoadBalancer,
    target_type: TargetType,
) -> HealthCheck {
    let mut check = by_default(wanted, target_type);
    if let Some(protocol) = protocol(reader) {
        check.protocol = protocol;
    }
    if let Some(port) = port(reader, wanted, target_type) {
        check.port = port;
    }
    if let Some(interval) = reader.number("healthcheck-interval", 5, 300) {
        check.interval = interval;
    }
    if let Some(timeout) = reader.number("healthcheck-timeout", 2, 120) {
        check.timeout = timeout;
    }
    if let Some(count) = reader.number("healthcheck-healthy-threshold", 2, 10) {
        check.healthy = count;
    }
    if let Some(count) = reader.number("healthcheck-unhealthy-threshold", 2, 10) {
        check.unhealthy = count;
    }
    if check.timeout > check.interval {
        let message = format!(
            "{} s is longer than the interval of {} s",
            check.timeout, check.interval
        );
        reader.fault("healthcheck-timeout", message);
    }
    of_http(reader, &mut check);
    HealthCheck {
        protocol: Some(check.protocol.to_owned()),
        port: Some(check.port),
        path: check.path,
        interval: Some(Duration::from_secs(check.interval.into())),
        timeout: Some(Duration::from_secs(check.timeout.into())),
        healthy: Some(check.healthy),
        unhealthy: Some(check.unhealthy),
        codes: check.codes,
    }
}

/// The defaults of the AWS controller.
fn by_default(wanted: &LoadBalancer, target_type: TargetType) -> Probe {
    let local = match wanted.traffic_policy {
        TrafficPolicy::Local {
            health_check_node_port: Some(port),
        } if target_type == TargetType::Instance => Some(port),
        _ => None,
    };
    match local {
        Some(port) => Probe {
            protocol: "HTTP",
            port: port.to_string(),
            path: Some("/healthz".to_owned()),
            interval: 10,
            timeout: 6,
            healthy: 2,
            unhealthy: 2,
            codes: Some("200-399".to_owned()),
        },
        None => Probe {
            protocol: "TCP",
            port: TRAFFIC_PORT.to_owned(),
            path: None,
            interval: 10,
            timeout: 10,
            healthy: 3,
            unhealthy: 3,
            codes: None,
        },
    }
}

fn protocol(reader: &mut Reader<'_>) -> Option<&'static str> {
    const PROTOCOL: &str = "healthcheck-protocol";
    let value = reader.text(PROTOCOL)?;
    let protocol = match value.to_ascii_lowercase().as_str() {
        "tcp" => Some("TCP"),
        "http" => Some("HTTP"),
        "https" => Some("HTTPS"),
        _ => None,
    };
    if protocol.is_none() {
        reader.fault(PROTOCOL, format!("{value:?} is none of: TCP, HTTP, HTTPS"));
    }
    protocol
}

fn port(reader: &mut Reader<'_>, wanted: &LoadBalancer, target_type: TargetType) -> Option<String> {
    const PORT: &str = "healthcheck-port";
    let value = reader.text(PORT)?;
    if value == TRAFFIC_PORT {
        return Some(value.to_owned());
    }
    if value.bytes().all(|it| it.is_ascii_digit()) {
        let number = value.parse().ok().filter(|it: &u16| *it > 0);
        if number.is_none() {
            reader.fault(PORT, format!("{value} is not a port from 1 to 65535"));
        }
        return number.map(|it| it.to_string());
    }
    let Some(port) = wanted.ports.iter().find(|it| it.name == value) else {
        let names: Vec<_> = wanted.ports.iter().map(|it| it.name.as_str()).collect();
        let message = format!(
            "{value:?} is neither traffic-port, a number, nor a port of the Service: {}",
            names.join(", ")
        );
        reader.fault(PORT, message);
        return None;
    };
    let number = match target_type {
        TargetType::Instance => port.node_port,
        TargetType::Ip => pods_port(reader, wanted, port),
    };
    // Until it is known, each target is asked where its traffic goes.
    Some(number.map_or_else(|| TRAFFIC_PORT.to_owned(), |it| it.to_string()))
}

/// The one port by which all pods take the traffic of a Service's port.
fn pods_port(reader: &mut Reader<'_>, wanted: &LoadBalancer, port: &Port) -> Option<u16> {
    let pods = wanted.endpoints.iter();
    let mut numbers = pods
        .filter(|it| it.port_name == port.name && it.protocol == port.protocol)
        .map(|it| it.port);
    let first = numbers.next()?;
    if numbers.all(|it| it == first) {
        return Some(first);
    }
    let name = &port.name;
    let message =
        format!("pods take {name} on several ports, and a target group has one: give a number");
    reader.fault("healthcheck-port", message);
    None
}

/// Paths and codes, which only HTTP has.
fn of_http(reader: &mut Reader<'_>, check: &mut Probe) {
    const PATH: &str = "healthcheck-path";
    const CODES: &str = "healthcheck-success-codes";
    let (path, codes) = (reader.text(PATH), reader.text(CODES));
    if check.protocol == "TCP" {
        (check.path, check.codes) = (None, None);
        return;
    }
    if let Some(path) = path {
        if !path.starts_with('/') {
            reader.fault(PATH, format!("{path:?} does not begin with /"));
        }
        check.path = Some(path.to_owned());
    }
    if let Some(codes) = codes {
        if !codes.split(',').all(is_codes) {
            let message = format!("{codes:?} is not of the form 200, 200-399 or 200,204");
            reader.fault(CODES, message);
        }
        check.codes = Some(codes.to_owned());
    }
    check.path.get_or_insert_with(|| "/".to_owned());
    check.codes.get_or_insert_with(|| "200-399".to_owned());
}

/// One status code, or a range of them (200 to 599, says AWS of network load balancers).
fn is_codes(text: &str) -> bool {
    let code = |text: &str| {
        text.parse()
            .ok()
            .filter(|it: &u16| (200..=599).contains(it))
    };
    match text.split_once('-') {
        Some((first, last)) => {
            matches!((code(first), code(last)), (Some(first), Some(last)) if first <= last)
        }
        None => code(text).is_some(),
    }
}
