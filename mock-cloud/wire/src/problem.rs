//! Problem documents (RFC 9457): the body of every answer that is not a success.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Media type of a problem document.
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// What stands before the code in [`Problem::kind`].
const PREFIX: &str = "urn:landfall:problem:";

/// Codes that a client may want to tell apart.
pub mod code {
    /// 400: the body, the id or the query is not valid; `errors` says where.
    pub const INVALID: &str = "invalid";
    /// 401: no bearer token, or not the right one.
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// 404: there is no such load balancer.
    pub const NOT_FOUND: &str = "not-found";
    /// 409: no address of the pool is free. `Retry-After` says when one will be, if that is known.
    pub const POOL_EXHAUSTED: &str = "pool-exhausted";
    /// 409: the requested address belongs to another load balancer. `Retry-After` as above.
    pub const ADDRESS_TAKEN: &str = "address-taken";
    /// 409: the load balancer has another address than the one requested, and keeps it for life.
    pub const ADDRESS_FIXED: &str = "address-fixed";
    /// 409: the cloud gives no more load balancers or listeners to anybody.
    pub const QUOTA_EXCEEDED: &str = "quota-exceeded";
    /// 412: the load balancer is not the one that `If-Match` names, or there is one although
    /// `If-None-Match: *` wants none.
    pub const PRECONDITION_FAILED: &str = "precondition-failed";
    /// 413: the body is larger than the server reads.
    pub const TOO_LARGE: &str = "too-large";
    /// 503: the server is about to stop.
    pub const STOPPING: &str = "stopping";
}

/// Why a call did not do what was asked (RFC 9457 §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Kind of problem: `urn:landfall:problem:` and a code.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The kind of problem, for people.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// This very problem and what to do about it, for people.
    #[serde(default)]
    pub detail: String,
    /// JSON pointer (RFC 6901) to the first part of the body that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Every part of the body that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One part of a body that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to it.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem of a kind, without a field.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{PREFIX}{code}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            field: None,
            errors: Vec::new(),
        }
    }

    /// Says which parts of the body are wrong.
    #[must_use]
    pub fn at(mut self, errors: Vec<FieldError>) -> Self {
        self.field = errors.first().map(|error| error.field.clone());
        self.errors = errors;
        self
    }

    /// The code in `type`; one of [`code`] from this server.
    pub fn code(&self) -> &str {
        self.kind.strip_prefix(PREFIX).unwrap_or(&self.kind)
    }
}

/// What a missing `type` means (RFC 9457 §4.2.1).
fn about_blank() -> String {
    "about:blank".to_owned()
}
