//! Attributes of load balancers, target groups and listeners: keys, AWS's defaults, and values
//! that are allowed.

use std::time::Duration;

use serde_json::{Value, json};

use super::Elb;
use super::protocols::has_udp;
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number(u32, u32),
    NumberOrOff(u32, u32),
    OneOf(&'static [&'static str]),
}

type Key = (&'static str, &'static str, Kind);

const OF_LOAD_BALANCER: &[Key] = &[
    ("access_logs.s3.bucket", "", Kind::Text),
    ("access_logs.s3.enabled", "false", Kind::Flag),
    ("access_logs.s3.prefix", "", Kind::Text),
    ("deletion_protection.enabled", "false", Kind::Flag),
    (
        "dns_record.client_routing_policy",
        "any_availability_zone",
        Kind::OneOf(&[
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ]),
    ),
    ("ipv6.deny_all_igw_traffic", "false", Kind::Flag),
    ("load_balancing.cross_zone.enabled", "false", Kind::Flag),
    (
        "secondary_ips.auto_assigned.per_subnet",
        "0",
        Kind::Number(0, 7),
    ),
    ("zonal_shift.config.enabled", "false", Kind::Flag),
];

const OF_TARGET_GROUP: &[Key] = &[
    (
        "deregistration_delay.connection_termination.enabled",
        "false",
        Kind::Flag,
    ),
    (
        "deregistration_delay.timeout_seconds",
        "300",
        Kind::Number(0, 3600),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Kind::OneOf(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("preserve_client_ip.enabled", "true", Kind::Flag),
    ("proxy_protocol_v2.enabled", "false", Kind::Flag),
    ("stickiness.enabled", "false", Kind::Flag),
    ("stickiness.type", "source_ip", Kind::OneOf(&["source_ip"])),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
        Kind::NumberOrOff(1, 1000),
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
        Kind::NumberOrOff(1, 100),
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
        Kind::Number(1, 1000),
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        Kind::NumberOrOff(1, 100),
    ),
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "true",
        Kind::Flag,
    ),
    (
        "target_health_state.unhealthy.draining_interval_seconds",
        "0",
        Kind::Number(0, 360_000),
    ),
];

const OF_LISTENER: &[Key] = &[("tcp.idle_timeout.seconds", "350", Kind::Number(60, 6000))];

/// Keys that AWS knows, but not for Network Load Balancers.
const OF_OTHERS: &[&str] = &[
    "idle_timeout.timeout_seconds",
    "client_keep_alive.seconds",
    "connection_logs.s3.enabled",
    "routing.http.desync_mitigation_mode",
    "routing.http.drop_invalid_header_fields.enabled",
    "routing.http2.enabled",
    "waf.fail_open.enabled",
    "slow_start.duration_seconds",
    "stickiness.app_cookie.cookie_name",
    "stickiness.lb_cookie.duration_seconds",
    "load_balancing.algorithm.type",
    "target_failover.on_deregistration",
    "routing.http.response.server.enabled",
];

fn defaults(keys: &[Key]) -> Map {
    let keys = keys.iter();
    keys.map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) fn load_balancer_defaults(scheme: &str) -> Map {
    let mut map = defaults(OF_LOAD_BALANCER);
    let internal = (scheme == "internal").to_string();
    map.insert("ipv6.deny_all_igw_traffic".to_owned(), internal);
    map
}

pub(super) fn target_group_defaults(protocol: &str, target_type: &str) -> Map {
    let mut map = defaults(OF_TARGET_GROUP);
    let preserves = has_udp(protocol) || target_type == "instance";
    map.insert(
        "preserve_client_ip.enabled".to_owned(),
        preserves.to_string(),
    );
    if has_udp(protocol) {
        let key = "deregistration_delay.connection_termination.enabled";
        map.insert(key.to_owned(), "true".to_owned());
    }
    map
}

/// Only TCP has an idle timeout that can be set.
pub(super) fn listener_defaults(protocol: &str) -> Map {
    if protocol.starts_with("TCP") {
        defaults(OF_LISTENER)
    } else {
        Map::new()
    }
}

fn shown(map: &Map) -> Value {
    let map = map.iter();
    let list: Vec<_> = map
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({"Attributes": list})
}

pub(super) fn of_load_balancer(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    Ok(shown(&state.elb.load_balancer(arn)?.attributes))
}

pub(super) fn of_target_group(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?;
    Ok(shown(&state.elb.target_group(arn)?.attributes))
}

pub(super) fn of_listener(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    Ok(shown(&state.elb.listener(arn)?.attributes))
}

/// The attributes that a request sets, checked one by one.
fn asked(parameters: &Parameters, keys: &[Key], noun: &str) -> Result<Map, Refusal> {
    let (asked, twice) = parameters.pairs("Attributes");
    if asked.is_empty() || twice {
        let text = "Attributes must be given, each once";
        return Err(Refusal::validation(text));
    }
    for (key, value) in &asked {
        let Some((_, _, kind)) = keys.iter().find(|it| it.0 == key) else {
            if OF_OTHERS.contains(&key.as_str()) {
                let text = format!(
                    "{noun} attribute key '{key}' is not supported on load balancers with type 'network'"
                );
                return Err(Refusal::configuration(text));
            }
            let text = format!("{noun} attribute key '{key}' is not recognized");
            return Err(Refusal::validation(text));
        };
        let number = |least, most| {
            value
                .parse()
                .is_ok_and(|it: u32| (least..=most).contains(&it))
        };
        let fits = match kind {
            Kind::Text => true,
            Kind::Flag => ["true", "false"].contains(&value.as_str()),
            Kind::Number(least, most) => number(*least, *most),
            Kind::NumberOrOff(least, most) => value == "off" || number(*least, *most),
            Kind::OneOf(words) => words.contains(&value.as_str()),
        };
        if !fits {
            let text = format!("{noun} attribute value '{value}' for the key '{key}' is not valid");
            return Err(Refusal::validation(text));
        }
    }
    Ok(asked)
}

pub(super) fn modify_load_balancer(
    state: &mut State,
    parameters: &Parameters,
    _: Duration,
) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    let it = state.elb.load_balancer(arn)?;
    let mut map = it.attributes.clone();
    map.extend(asked(parameters, OF_LOAD_BALANCER, "Load balancer")?);
    if map["access_logs.s3.enabled"] == "true" && map["access_logs.s3.bucket"].is_empty() {
        let text =
            "The value of 'access_logs.s3.bucket' cannot be empty while access logs are enabled";
        return Err(Refusal::configuration(text));
    }
    it.attributes.clone_from(&map);
    Ok(shown(&map))
}

pub(super) fn modify_target_group(
    state: &mut State,
    parameters: &Parameters,
    _: Duration,
) -> Answer {
    let arn = parameters.need("TargetGroupArn")?;
    let it = state.elb.target_group(arn)?;
    let asked = asked(parameters, OF_TARGET_GROUP, "Target group")?;
    let said = |key: &str, value: &str| asked.get(key).is_some_and(|it| it == value);
    let refuse = |text: String| Err(Refusal::configuration(text));
    if has_udp(&it.protocol) && said("preserve_client_ip.enabled", "false") {
        let text = format!(
            "Client IP preservation cannot be disabled for the protocol {}",
            it.protocol
        );
        return refuse(text);
    }
    if it.protocol == "TLS" && said("stickiness.enabled", "true") {
        return refuse("Stickiness is not supported for the protocol TLS".to_owned());
    }
    let mut map = it.attributes.clone();
    map.extend(asked);
    let ending = "target_health_state.unhealthy.connection_termination.enabled";
    let draining = "target_health_state.unhealthy.draining_interval_seconds";
    if map[draining] != "0" && map[ending] == "true" {
        return refuse(format!("{draining} needs {ending}=false"));
    }
    it.attributes.clone_from(&map);
    Ok(shown(&map))
}

pub(super) fn modify_listener(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    let it = state.elb.listener(arn)?;
    let asked = asked(parameters, OF_LISTENER, "Listener")?;
    if let Some(key) = asked.keys().find(|it2| !it.attributes.contains_key(*it2)) {
        let text = format!(
            "Listener attribute '{key}' is not supported for the protocol {}",
            it.protocol
        );
        return Err(Refusal::configuration(text));
    }
    it.attributes.extend(asked);
    Ok(shown(&it.attributes))
}

impl Elb {
    /// The longest that a target of a group drains.
    pub(super) fn draining(&self, group: &str) -> Duration {
        let group = self.target_groups.get(group);
        let seconds =
            group.and_then(|it| it.attributes.get("deregistration_delay.timeout_seconds"));
        Duration::from_secs(seconds.and_then(|it| it.parse().ok()).unwrap_or(300))
    }
}
