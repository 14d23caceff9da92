//! Whether what arrives at a load balancer gets through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether what arrives at a load balancer gets through, as far as the cloud knows: what has held
/// for a while, not what the last check showed. The entity tag does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    /// In a word.
    pub state: ServingState,
    /// Why, CamelCase; empty for [`ServingState::Yes`]. `NoTargets`: a listener has none.
    /// `TargetsUnhealthy`: of a listener's, none is healthy. `NotChecked`: a first check is under
    /// way. `NoHealthCheck`: a listener's are not checked.
    #[serde(default)]
    pub code: String,
    /// Why, for people.
    #[serde(default)]
    pub message: String,
    /// Of two words about one load balancer, the one with the higher number is newer.
    pub sequence: u64,
}

/// Whether what arrives gets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ServingState {
    /// Every listener has a target that is healthy.
    Yes,
    /// A listener has none.
    No,
    /// The cloud does not know, or not yet.
    Unknown,
}

/// Whether what arrives at this load balancer gets through is another now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServingChange {
    /// The client's name for it.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How it is now.
    pub serving: Serving,
}
