//! Addresses, and lists of them.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// What never is the address of a load balancer. Parsing has the same list.
const NEVER: &str =
    "['0.0.0.0/32', '255.255.255.255/32', '224.0.0.0/4', '::/128', 'ff00::/8'].map(net, cidr(net))";

/// An address within another one, as in `::ffff:192.0.2.1`.
const NESTED: &str = "self.matches(':[^-]*[.]')";

/// An item of a pool's addresses. The rules follow each other from the form to what it means; those
/// that a fault does not concern say nothing. Which end of an IPv6 range is lower, CEL cannot tell.
fn entry() -> Value {
    let [first, last] = ["self.split('-')[0]", "self.split('-')[1]"];
    let range = format!("self.split('-').size() == 2 && isIP({first}) && isIP({last})");
    let both_ipv4 = format!("ip({first}).family() == 4 && ip({last}).family() == 4");
    let number = "int(o[0]) * 16777216 + int(o[1]) * 65536 + int(o[2]) * 256 + int(o[3])";
    let numbers = format!("[{first}.split('.'), {last}.split('.')].map(o, {number})");
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 87,
        "x-kubernetes-validations": [
            {
                "rule": format!("self.contains('%') || {NESTED} || isIP(self) || isCIDR(self) || ({range})"),
                "message": "neither a network (192.0.2.0/24) nor a range (192.0.2.10-192.0.2.20) nor an address (192.0.2.10)",
            },
            {
                "rule": "!self.contains('%')",
                "message": "addresses of a pool have no zone: leave out the % and what follows it",
            },
            {
                "rule": format!("!{NESTED}"),
                "message": "IPv4 addresses are written by themselves, not inside an IPv6 address",
            },
            {
                "rule": "!isCIDR(self) || cidr(self) == cidr(self).masked()",
                "message": HOST_BITS,
            },
            {
                "rule": format!("!({range}) || ip({first}).family() == ip({last}).family()"),
                "message": "both ends of a range must be of one family",
            },
            {
                "rule": format!("!({range} && {both_ipv4}) || [{numbers}].all(n, n[0] <= n[1])"),
                "message": "the range is reversed: its first address is above its last",
            },
            {
                "rule": format!("!isIP(self) || {NEVER}.all(net, !net.containsIP(ip(self)))"),
                "message": "no Service can have this address: it is unspecified, multicast or the limited broadcast",
            },
            {
                "rule": format!("!isCIDR(self) || {NEVER}.all(net, !net.containsCIDR(cidr(self)))"),
                "message": "no Service can have addresses of this network: they are unspecified, multicast or the limited broadcast",
            },
        ],
    })
}

/// CEL counts `string()` as endless, so the network that was meant cannot be named.
const HOST_BITS: &str =
    "bits are set beyond the prefix length: write the network's first address, or a range";

/// `addresses` of a pool.
pub(in crate::kinds) fn pool_addresses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 1000,
        "x-kubernetes-list-type": "atomic",
        "items": entry(),
    })
}

/// `exclude` of a pool.
pub(in crate::kinds) fn excluded_addresses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 1000,
        "x-kubernetes-list-type": "atomic",
        "items": entry(),
    })
}

/// Ranges that a status shows.
pub(in crate::kinds) fn status_ranges(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 1000,
        "x-kubernetes-list-type": "atomic",
        "items": {"type": "string"},
    })
}

fn address_that(rule: &str, message: &str) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 45,
        "x-kubernetes-validations": [{"rule": rule, "message": message}],
    })
}

/// One address of either family, that an interface can have.
pub(in crate::kinds) fn address(_: &mut SchemaGenerator) -> Schema {
    address_that(
        &format!("isIP(self) && {NEVER}.all(net, !net.containsIP(ip(self)))"),
        "an IPv4 or IPv6 address is needed, such as 192.0.2.10 or 2001:db8::10, without a zone and not inside another; neither unspecified, multicast nor broadcast",
    )
}

/// One IPv4 address, or a number written like one.
pub(in crate::kinds) fn ipv4_address(_: &mut SchemaGenerator) -> Schema {
    address_that(
        "isIP(self) && ip(self).family() == 4 && !ip(self).isUnspecified()",
        "an IPv4 address is needed, such as 192.0.2.1, and not 0.0.0.0",
    )
}

/// One IPv6 address.
pub(in crate::kinds) fn ipv6_address(_: &mut SchemaGenerator) -> Schema {
    address_that(
        "isIP(self) && ip(self).family() == 6 && !ip(self).isUnspecified()",
        "an IPv6 address is needed, such as 2001:db8::1, without a zone, and not ::",
    )
}

/// A peer's address, or the network that passive peers are in.
pub(in crate::kinds) fn peer_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": 49,
        "x-kubernetes-validations": [
            {
                "rule": format!("isCIDR(self) || (isIP(self) && {NEVER}.all(net, !net.containsIP(ip(self))))"),
                "message": "an IPv4 or IPv6 address is needed, such as 192.0.2.1 or 2001:db8::1, without a zone; with passive also a network",
            },
            {
                "rule": "!isCIDR(self) || cidr(self) == cidr(self).masked()",
                "message": HOST_BITS,
            },
        ],
    })
}
