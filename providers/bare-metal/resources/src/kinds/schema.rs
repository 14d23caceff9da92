//! What of the schemas a Rust type cannot say: bounds, patterns, and rules in CEL with messages.
//!
//! Everything here has bounds, since the API server refuses definitions whose rules might take long.
//! The functions `ip` and `cidr` of CEL need Kubernetes 1.31.

mod addresses;
mod bgp;
mod speaker;

pub(super) use addresses::{
    address, excluded_addresses, ipv4_address, ipv6_address, peer_address, pool_addresses,
    status_ranges,
};
pub(super) use bgp::{communities, community_aliases, peer_asn, peer_rules};
pub(super) use speaker::{
    reported_address, reported_addresses, reported_count, reported_error, reported_interfaces,
    reported_key_id, reported_mac, reported_port, reported_subnets,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The schema of `T` itself: for fields that may be absent but not null, which is what CEL's `has` tells
/// apart best.
pub(super) fn present<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Joins the lines that a paragraph of documentation was written in: whoever shows it breaks it anew.
pub(super) fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|it| it.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    transform_subschemas(&mut join_lines, schema);
}

/// Conditions, one per type.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<Vec<Condition>>();
    schema.insert("x-kubernetes-list-type".into(), json!("map"));
    schema.insert("x-kubernetes-list-map-keys".into(), json!(["type"]));
    schema
}

/// A label selector with bounds, and with the rules that Kubernetes checks for its own kinds only.
pub(super) fn selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "description": "Labels that must be there with these values.",
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": {"type": "string", "maxLength": 63},
            },
            "matchExpressions": {
                "description": "Conditions on labels, all of which must hold, beside matchLabels.",
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "maxItems": 64,
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {
                            "description": "The label.",
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 317,
                        },
                        "operator": {
                            "description": "In: the label has one of the values. NotIn: it has none of them, or is not there. Exists: it is there. DoesNotExist: it is not there.",
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "description": "The values, for In and NotIn only.",
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "maxItems": 256,
                            "items": {"type": "string", "maxLength": 63},
                        },
                    },
                    "x-kubernetes-validations": [{
                        "rule": "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0",
                        "message": "In and NotIn need values; Exists and DoesNotExist take none",
                    }],
                },
            },
        },
    })
}

/// The name of an object that must not be in a namespace, or in the same one.
pub(super) fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 253,
        "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    })
}

/// Names of objects, in any order, none twice.
pub(super) fn object_names(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 1000,
        "x-kubernetes-list-type": "set",
        "items": object_name(generator),
    })
}

/// The name of a network interface.
pub(super) fn interface(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 15, "pattern": "^[^/:%*?\\s]+$"})
}

/// Names of interfaces, or patterns.
pub(super) fn interfaces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 31, "pattern": "^[^/:%\\s]+$"},
    })
}

/// Six digits and sixteen characters: no such duration is too long for CEL to count in nanoseconds.
macro_rules! is_duration {
    ($field:expr) => {
        concat!($field, ".matches('^([0-9]{1,6}(ms|s|m|h))+$')")
    };
}
use is_duration;
const IS_DURATION: &str = is_duration!("self");
const WHOLE_SECONDS: &str = "!self.contains('ms')";

/// A duration, and a rule that holds for it. Other rules may ask [`IS_DURATION`] first.
fn duration_that(rule: &str, message: &str) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 2,
        "maxLength": 16,
        "x-kubernetes-validations": [
            {
                "rule": IS_DURATION,
                "message": "a number with a unit is needed, such as 300ms, 90s, 5m or 1h",
            },
            {"rule": format!("!{IS_DURATION} || ({rule})"), "message": message},
        ],
    })
}

/// `reuseAfter` of a pool.
pub(super) fn reuse_after(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        "duration(self) <= duration('168h')",
        "at most 168h, which is a week",
    )
}

/// `holdTime` of a peer.
pub(super) fn hold_time(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        &format!(
            "duration(self) <= duration('0s') || (duration(self) >= duration('3s') && duration(self) <= duration('65535s') && {WHOLE_SECONDS})"
        ),
        "0s, or whole seconds from 3s to 65535s (RFC 4271 §4.2)",
    )
}

/// `keepaliveTime` of a peer.
pub(super) fn keepalive_time(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        &format!(
            "duration(self) >= duration('1s') && duration(self) <= duration('65535s') && {WHOLE_SECONDS}"
        ),
        "whole seconds from 1s to 65535s",
    )
}

/// `connectRetryTime` of a peer.
pub(super) fn connect_retry_time(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        "duration(self) >= duration('1s') && duration(self) <= duration('65535s')",
        "from 1s to 65535s",
    )
}

/// `restartTime`: twelve bits of seconds (RFC 4724 §3).
pub(super) fn restart_time(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        &format!(
            "duration(self) >= duration('1s') && duration(self) <= duration('4095s') && {WHOLE_SECONDS}"
        ),
        "whole seconds from 1s to 4095s (RFC 4724 §3)",
    )
}

/// An interval of BFD.
pub(super) fn bfd_interval(_: &mut SchemaGenerator) -> Schema {
    duration_that(
        "duration(self) >= duration('10ms') && duration(self) <= duration('60s')",
        "from 10ms to 60s",
    )
}
