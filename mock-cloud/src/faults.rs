//! Faults on demand: which calls go wrong, how, and how often. Pure.

use std::num::NonZeroU32;

use landfall_mock_cloud_wire::Interval;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operation::Operation;

/// An order to let calls go wrong: the body of `POST /admin/faults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// The operation that it applies to; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The load balancer that it applies to; all, and calls that name none, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What happens.
    pub fault: Fault,
    /// How many more calls it applies to; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub times: Option<NonZeroU32>,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// It is carried out, but only after a while. Rules of this kind add up.
    Latency {
        /// How long it waits.
        duration: Interval,
    },
    /// It is not carried out, and answered with a problem.
    #[serde(rename_all = "camelCase")]
    Error {
        /// HTTP status, 400 to 599.
        #[schema(minimum = 400, maximum = 599)]
        status: u16,
        /// Code in the problem's type: `pool-exhausted`, or anything else.
        code: String,
        /// The header `Retry-After`, word for word: seconds, a date, or nonsense.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// It is carried out, but the answer is lost.
    LostAfterChange {
        /// What the client sees instead.
        #[serde(default)]
        answer: LostAnswer,
    },
}

/// What a client sees of an answer that is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum LostAnswer {
    /// Status 502, as from a proxy that lost the server.
    #[default]
    BadGateway,
    /// The connection ends in the middle of the answer.
    Cut,
}

/// Orders that are in force, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FaultList {
    /// Each with the number of calls that it still applies to.
    pub faults: Vec<FaultRule>,
}

/// The orders in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FaultRule>);

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(crate) fn list(&self) -> FaultList {
        FaultList {
            faults: self.0.clone(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to this call, in this order. At most one, the last, decides how it is answered;
    /// older rules come first, and later ones that would decide too keep their turn.
    pub(crate) fn take(&mut self, operation: Operation, id: Option<&str>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut decided = false;
        self.0.retain_mut(|rule| {
            let decides = !matches!(rule.fault, Fault::Latency { .. });
            if !rule.applies_to(operation, id) || (decides && decided) {
                return true;
            }
            decided |= decides;
            faults.push(rule.fault.clone());
            match rule.times {
                None => true,
                Some(times) => {
                    rule.times = NonZeroU32::new(times.get() - 1);
                    rule.times.is_some()
                }
            }
        });
        faults.sort_by_key(|fault| !matches!(fault, Fault::Latency { .. }));
        faults
    }
}

impl FaultRule {
    fn applies_to(&self, operation: Operation, id: Option<&str>) -> bool {
        self.operation.is_none_or(|one| one == operation)
            && (self.id.is_none() || self.id.as_deref() == id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUT: Operation = Operation::PutLoadBalancer;

    fn rule(body: serde_json::Value) -> FaultRule {
        serde_json::from_value(body).unwrap()
    }

    fn error(code: &str, times: u32) -> FaultRule {
        let fault = json!({"kind": "error", "status": 503, "code": code});
        rule(json!({"operation": "PutLoadBalancer", "fault": fault, "times": times}))
    }

    fn latency() -> FaultRule {
        rule(json!({"fault": {"kind": "latency", "duration": "5ms"}}))
    }

    fn codes(faults: &[Fault]) -> Vec<&str> {
        faults
            .iter()
            .map(|fault| match fault {
                Fault::Error { code, .. } => code.as_str(),
                Fault::Latency { .. } => "latency",
                Fault::LostAfterChange { .. } => "lost",
            })
            .collect()
    }

    #[test]
    fn a_rule_applies_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.add(error("down", 2));
        assert_eq!(faults.take(Operation::GetLoadBalancer, None), []);
        for _ in 0..2 {
            assert_eq!(codes(&faults.take(PUT, Some("a"))), ["down"]);
        }
        assert_eq!(faults.take(PUT, Some("a")), []);
        assert_eq!(faults.list().faults, []);
    }

    #[test]
    fn a_rule_can_name_a_load_balancer() {
        let mut faults = Faults::default();
        let lost = json!({"kind": "lostAfterChange"});
        faults.add(rule(json!({"id": "a", "fault": lost})));
        assert_eq!(codes(&faults.take(PUT, Some("b"))), [""; 0]);
        assert_eq!(
            codes(&faults.take(Operation::ListLoadBalancers, None)),
            [""; 0]
        );
        assert_eq!(codes(&faults.take(PUT, Some("a"))), ["lost"]);
    }

    #[test]
    fn one_rule_decides_the_answer_and_the_others_wait() {
        let mut faults = Faults::default();
        faults.add(error("first", 1));
        faults.add(error("second", 1));
        faults.add(latency());
        assert_eq!(codes(&faults.take(PUT, None)), ["latency", "first"]);
        assert_eq!(codes(&faults.take(PUT, None)), ["latency", "second"]);
        assert_eq!(codes(&faults.take(PUT, None)), ["latency"]);
    }
}
