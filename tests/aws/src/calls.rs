//! What was asked, and what became of it: the diary of the stand-in.

use std::time::Duration;

use crate::Map;
use crate::request::Service;

/// A call that arrived.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Call {
    /// The service that it was for.
    pub service: Service,
    /// AWS's name of the action, as `CreateLoadBalancer`.
    pub action: String,
    /// When it was carried out, on the stand-in's clock since its start.
    pub when: Duration,
    /// Its parameters. `.member.` of lists is left out of their names; the body of JSON stands
    /// under the name `json`.
    pub parameters: Map,
    /// The access key id that it was signed with; empty if it was not signed.
    pub key: String,
    /// Whether its action is one that may change anything.
    pub mutating: bool,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was carried out and answered.
    Answered,
    /// It was answered with this code.
    Refused(String),
    /// It was carried out, and the connection cut; the code if it was refused.
    Lost(Option<String>),
    /// It was carried out, and answered with nonsense.
    Garbled,
    /// It was not carried out and never answered.
    HeldBefore,
    /// It was carried out but never answered; the code if it was refused.
    HeldAfter(Option<String>),
}
