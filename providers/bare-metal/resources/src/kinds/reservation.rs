//! `AddressReservation`: an address that outlives the Services that use it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// An address kept for Services of a namespace. What it asks for cannot be changed.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "landfall.dev",
    version = "v1alpha1",
    kind = "AddressReservation",
    namespaced,
    status = "AddressReservationStatus",
    derive = "PartialEq",
    category = "landfall",
    shortname = "reservation",
    shortname = "reservations",
    doc = "An address that is kept for this namespace, also while no Service uses it. A Service of the namespace asks for it by the annotation landfall.dev/reservation, and when it is deleted, the address stays reserved.",
    crates(kube_core = "::kube_core"),
    printcolumn(
        name = "Address",
        type_ = "string",
        json_path = ".status.address",
        description = "The address that is kept"
    ),
    printcolumn(
        name = "Pool",
        type_ = "string",
        json_path = ".status.pool",
        description = "The pool that it is from"
    ),
    printcolumn(
        name = "Service",
        type_ = "string",
        json_path = ".status.service",
        description = "The Service that uses it now"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether an address is kept"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.address) != has(self.pool)",
        "message": "name either an address or a pool to take one from",
    },
    {
        "rule": "!has(self.family) || has(self.pool)",
        "message": "family goes with pool: an address has its family already",
        "fieldPath": ".family",
    },
    {
        "rule": "self == oldSelf",
        "message": "a reservation cannot be changed, or the Service that uses it would lose its address; make another one",
    },
]))]
#[schemars(transform = schema::join_lines)]
pub struct AddressReservationSpec {
    /// The address to keep. It must be in a pool whose selectors let this namespace in. Exactly one of
    /// `address` and `pool` must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::address")]
    pub address: Option<String>,

    /// The name of an AddressPool to take an address from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::object_name")]
    pub pool: Option<String>,

    /// The family of the address that is taken from `pool`. Default: IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<IpFamily>")]
    pub family: Option<IpFamily>,
}

/// IPv4 or IPv6, as Services spell it.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Deserialize,
    Serialize,
    JsonSchema,
)]
pub enum IpFamily {
    /// IPv4.
    #[default]
    #[serde(rename = "IPv4")]
    Ipv4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    Ipv6,
}

impl IpFamily {
    /// The family of an address.
    pub fn of(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() {
            Self::Ipv4
        } else {
            Self::Ipv6
        }
    }
}

impl std::fmt::Display for IpFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// What was reserved, and who uses it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::join_lines)]
pub struct AddressReservationStatus {
    /// The address that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<String>")]
    pub address: Option<String>,

    /// The pool that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<String>")]
    pub pool: Option<String>,

    /// The name of the Service of this namespace that uses it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::present::<String>")]
    pub service: Option<String>,

    /// Ready: whether an address is kept, and if not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
