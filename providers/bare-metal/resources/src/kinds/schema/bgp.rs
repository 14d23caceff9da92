//! What BGP adds: numbers of autonomous systems, communities, and the rules between a peer's fields.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A number of a peer's autonomous system, or what it has to be.
pub(in crate::kinds) fn peer_asn(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "x-kubernetes-validations": [{
            "rule": "type(self) == int ? self >= 1 && self <= 4294967295 : self in ['Internal', 'External']",
            "message": "a number from 1 to 4294967295, Internal or External is needed",
        }],
    })
}

/// Communities are written as numbers, or by a name.
const COMMUNITY: &str = "([0-9]{1,5}:[0-9]{1,5}|large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10})";
const NAME: &str = "[a-z]([-a-z0-9.]{0,61}[a-z0-9])?";

fn community(pattern: &str) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 63,
        "pattern": pattern,
        "x-kubernetes-validations": [
            {
                "rule": "!self.matches('^[0-9]{1,5}:[0-9]{1,5}$') || self.split(':').all(part, int(part) <= 65535)",
                "message": "both parts of a community are at most 65535; for larger numbers write large:65000:1:2",
            },
            {
                "rule": "!self.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$') || self.substring(6).split(':').all(part, int(part) <= 4294967295)",
                "message": "each part of a large community is at most 4294967295",
            },
        ],
    })
}

/// Communities of a route: an UPDATE has room for more, but nobody means them.
pub(in crate::kinds) fn communities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 63,
        "x-kubernetes-list-type": "set",
        "items": community(&format!("^({COMMUNITY}|{NAME})$")),
    })
}

/// Names of communities and what they stand for.
pub(in crate::kinds) fn community_aliases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 256,
        "additionalProperties": community(&format!("^{COMMUNITY}$")),
        "x-kubernetes-validations": [{
            "rule": format!("self.all(name, name.matches('^{NAME}$'))"),
            "message": "names begin with a lower-case letter and have lower-case letters, digits, - and . in them",
        }],
    })
}

/// What holds between the fields of a `BGPPeer`.
pub(in crate::kinds) fn peer_rules() -> Value {
    let whole = "has(self.address) && isIP(self.address)";
    let link_local = format!(
        "{whole} && ip(self.address).family() == 6 && ip(self.address).isLinkLocalUnicast()"
    );
    let times = concat!(
        super::is_duration!("self.holdTime"),
        " && ",
        super::is_duration!("self.keepaliveTime")
    );
    json!([
        {
            "rule": "has(self.address) || has(self.interface)",
            "message": "name the router's address, or the interface that it is found on",
        },
        {
            "rule": format!("!({link_local}) || has(self.interface)"),
            "message": "a link-local address needs the interface that it is on",
            "fieldPath": ".address",
        },
        {
            "rule": format!("!has(self.interface) || !has(self.address) || ({link_local})"),
            "message": "interface goes with a link-local address, or with no address",
            "fieldPath": ".interface",
        },
        {
            "rule": "!has(self.address) || !isCIDR(self.address) || self.passive",
            "message": "a network can only be waited for: set passive, or name one address",
            "fieldPath": ".address",
        },
        {
            "rule": format!("!has(self.sourceAddress) || !({whole} && isIP(self.sourceAddress)) || ip(self.address).family() == ip(self.sourceAddress).family()"),
            "message": "sourceAddress must be of the family of address",
            "fieldPath": ".sourceAddress",
        },
        {
            "rule": "!has(self.sourceAddress) || !has(self.address) || !isCIDR(self.address) || !isIP(self.sourceAddress) || cidr(self.address).ip().family() == ip(self.sourceAddress).family()",
            "message": "sourceAddress must be of the family of address",
            "fieldPath": ".sourceAddress",
        },
        {
            "rule": format!("!has(self.keepaliveTime) || !({times}) || duration(self.keepaliveTime) <= duration(self.holdTime)"),
            "message": "keepaliveTime must not be longer than holdTime; with holdTime 0s there is none",
            "fieldPath": ".keepaliveTime",
        },
        {
            "rule": "!(has(self.multihop) && self.ttlSecurity)",
            "message": "ttlSecurity lets no router be between, multihop does: choose one",
            "fieldPath": ".multihop",
        },
        {
            "rule": "!has(self.multihop) || !has(self.interface)",
            "message": "a peer that is found on an interface is not several hops away",
            "fieldPath": ".multihop",
        },
        {
            "rule": "!has(self.bfd) || !self.bfd.multihop || !has(self.interface)",
            "message": "a peer that is found on an interface is not several hops away",
            "fieldPath": ".bfd.multihop",
        },
        {
            "rule": "!has(self.multihop) || (self.peerASN != 'Internal' && self.peerASN != self.localASN)",
            "message": "multihop is for external peers: internal ones may be anywhere",
            "fieldPath": ".multihop",
        },
    ])
}
