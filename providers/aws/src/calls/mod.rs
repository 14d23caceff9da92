//! All that speaks to AWS: credentials, requests, answers, refusals, how fast and how often.
//!
//! Each call takes and gives plain values of ours; no type of the SDK and no XML leaves this
//! module. It never decides what a Service needs, and remembers nothing of what AWS holds.

mod actions;
mod arn;
mod budget;
mod connect;
mod credentials;
mod ec2;
mod elb;
mod explain;
mod imds;
mod metrics;
mod naming;
mod pace;
mod reach;
mod refusal;
mod running;
mod signed;
mod tagging;
mod turns;

use std::collections::BTreeMap;

#[cfg(test)]
pub(crate) use actions::ACTIONS;
pub(crate) use arn::Arn;
pub(crate) use budget::{Priority, budgets};
pub(crate) use connect::{Calls, Settings, connect};
pub(crate) use ec2::*;
pub(crate) use elb::*;
pub(crate) use metrics::Counters;
pub(crate) use pace::Pace;
pub(crate) use refusal::{Kind as RefusalKind, Refusal};
pub(crate) use tagging::{Kind, TagFilter, Tagged};

/// Tags of a resource: key and value. A key without a value has an empty one, as in AWS.
pub(crate) type Tags = BTreeMap<String, String>;

/// Attributes of a load balancer, a target group or a listener, as AWS names and writes them.
pub(crate) type Attributes = BTreeMap<String, String>;

/// What a call gives.
pub(crate) type Result<T> = std::result::Result<T, Refusal>;

#[cfg(test)]
mod tests;

/// What a removal came to: gone already is success.
fn or_gone<T>(removed: Result<T>) -> Result<()> {
    match removed {
        Err(refusal) if refusal.is_not_found() => Ok(()),
        removed => removed.map(drop),
    }
}
