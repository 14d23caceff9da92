//! The operations of the API by name, as calls are counted and faults are ordered.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An operation of the API; the same as the `operationId` in its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Operation {
    /// `PUT /v1/load-balancers/{id}`
    PutLoadBalancer,
    /// `GET /v1/load-balancers/{id}`
    GetLoadBalancer,
    /// `GET /v1/load-balancers`
    ListLoadBalancers,
    /// `DELETE /v1/load-balancers/{id}`
    DeleteLoadBalancer,
    /// `GET /v1/capabilities`
    GetCapabilities,
    /// `GET /v1/changes`
    WatchChanges,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
