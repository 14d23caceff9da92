//! What speakers report. Programs write it, so there are bounds, and no rules that would take time.

use schemars::{Schema, SchemaGenerator, json_schema};

/// An address of either family.
pub(in crate::kinds) fn reported_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 2, "maxLength": 45})
}

/// At most one address of each family.
pub(in crate::kinds) fn reported_addresses(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 2,
        "x-kubernetes-list-type": "atomic",
        "items": reported_address(generator),
    })
}

/// A UDP port.
pub(in crate::kinds) fn reported_port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535})
}

/// How many there are of something.
pub(in crate::kinds) fn reported_count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int64", "minimum": 0})
}

/// A MAC address: 02:00:00:00:00:01.
pub(in crate::kinds) fn reported_mac(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"})
}

/// A digest of a key.
pub(in crate::kinds) fn reported_key_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "maxLength": 64})
}

/// Names of interfaces.
pub(in crate::kinds) fn reported_interfaces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "x-kubernetes-list-type": "atomic",
        "items": {"type": "string", "minLength": 1, "maxLength": 15},
    })
}

/// Networks with their prefix lengths.
pub(in crate::kinds) fn reported_subnets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 256,
        "x-kubernetes-list-type": "atomic",
        "items": {"type": "string", "minLength": 4, "maxLength": 49},
    })
}

/// What went wrong, for people.
pub(in crate::kinds) fn reported_error(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 512})
}
