//! Faults on demand: which calls go wrong, how, and how often. Pure.

use std::num::NonZeroU32;
use std::time::Instant;

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
    /// How long it is in force, from when it is ordered; until all are cleared if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Interval>,
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
    /// It waits until the faults are cleared, and is carried out then; or its client leaves.
    Hang {},
    /// It is not carried out once there were too many: 429 with `Retry-After`.
    Throttle {
        /// Calls that are carried out in each period.
        calls: u32,
        /// The period; the first one begins with the order.
        per: Interval,
    },
    /// It is not carried out: 503, code `outage`. Streams of changes end when it is ordered.
    Outage {},
    /// Of a PUT or a DELETE only a part is done, and the answer is 500, code `half-way`: only the
    /// first listeners are made, or left.
    HalfWay {
        /// How many listeners there are then at most.
        listeners: usize,
    },
    /// A GET, of one or of all, answers what was there when this was ordered.
    StaleReads {},
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
pub(crate) struct Faults(Vec<InForce>);

#[derive(Debug)]
struct InForce {
    rule: FaultRule,
    since: Instant,
    /// Throttling: the period of the last call, and the calls in it.
    period: (u128, u32),
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) fault: Fault,
    /// Seconds that a client who is throttled is told to wait; 0 for others.
    pub(crate) wait: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule, now: Instant) {
        self.0.push(InForce {
            rule,
            since: now,
            period: (0, 0),
        });
    }

    pub(crate) fn list(&mut self, now: Instant) -> FaultList {
        self.0.retain(|one| !one.is_over(now));
        FaultList {
            faults: self.0.iter().map(|one| one.rule.clone()).collect(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to this call, in this order. At most one, the last, decides how it is answered;
    /// older rules come first, and later ones that would decide too keep their turn.
    pub(crate) fn take(
        &mut self,
        operation: Operation,
        id: Option<&str>,
        now: Instant,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut decided = false;
        self.0.retain_mut(|one| {
            if one.is_over(now) {
                return false;
            }
            let decides = one.rule.fault.decides();
            if !one.rule.applies_to(operation, id) || (decides && decided) {
                return true;
            }
            let Some(wait) = one.turn(now) else {
                return true;
            };
            decided |= decides;
            verdicts.push(Verdict {
                fault: one.rule.fault.clone(),
                wait,
            });
            match one.rule.times {
                None => true,
                Some(times) => {
                    one.rule.times = NonZeroU32::new(times.get() - 1);
                    one.rule.times.is_some()
                }
            }
        });
        verdicts.sort_by_key(|verdict| verdict.fault.decides());
        verdicts
    }
}

impl InForce {
    fn is_over(&self, now: Instant) -> bool {
        let lasting = self.rule.lasting;
        lasting.is_some_and(|time| now.saturating_duration_since(self.since) >= time.0)
    }

    /// Whether it is this call's turn to go wrong, and how long its client is to wait then. Of what
    /// is throttled, only those calls that are too many.
    fn turn(&mut self, now: Instant) -> Option<u64> {
        let Fault::Throttle { calls, per } = &self.rule.fault else {
            return Some(0);
        };
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        let per = per.0.as_millis().max(1);
        let number = elapsed / per;
        if self.period.0 != number {
            self.period = (number, 0);
        }
        self.period.1 = self.period.1.saturating_add(1);
        let left = per - elapsed % per;
        (self.period.1 > *calls).then(|| u64::try_from(left.div_ceil(1000)).unwrap_or(u64::MAX))
    }
}

impl Fault {
    /// Whether it decides how a call is answered; others only delay it.
    fn decides(&self) -> bool {
        !matches!(self, Self::Latency { .. } | Self::Hang {})
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

    fn codes(verdicts: &[Verdict]) -> Vec<&str> {
        verdicts
            .iter()
            .map(|verdict| match &verdict.fault {
                Fault::Error { code, .. } => code.as_str(),
                Fault::Latency { .. } => "latency",
                Fault::LostAfterChange { .. } => "lost",
                Fault::Throttle { .. } => "throttle",
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn too_many_calls_in_a_period_are_throttled_until_the_next() {
        let (mut faults, began) = (Faults::default(), Instant::now());
        let at = |millis| began + std::time::Duration::from_millis(millis);
        let throttle = json!({"kind": "throttle", "calls": 2, "per": "3s"});
        faults.add(rule(json!({"fault": throttle})), began);
        for (time, wait) in [
            (0, None),
            (10, None),
            (20, Some(3)),
            (2500, Some(1)),
            (3000, None),
            (3001, None),
            (3002, Some(3)),
        ] {
            let verdicts = faults.take(PUT, None, at(time));
            assert_eq!(verdicts.first().map(|one| one.wait), wait, "{time}");
            assert_eq!(verdicts.len(), usize::from(wait.is_some()), "{time}");
        }
    }

    #[test]
    fn a_rule_can_end_by_itself() {
        let (mut faults, began) = (Faults::default(), Instant::now());
        let at = |millis| began + std::time::Duration::from_millis(millis);
        let fault = json!({"kind": "error", "status": 503, "code": "down"});
        faults.add(rule(json!({"fault": fault, "lasting": "1s"})), began);
        assert_eq!(codes(&faults.take(PUT, None, at(999))), ["down"]);
        assert_eq!(faults.list(at(999)).faults.len(), 1);
        assert_eq!(codes(&faults.take(PUT, None, at(1000))), [""; 0]);
        assert_eq!(faults.list(at(1000)).faults.len(), 0);
    }

    #[test]
    fn a_rule_applies_as_often_as_it_says() {
        let mut faults = Faults::default();
        let now = Instant::now();
        faults.add(error("down", 2), now);
        assert_eq!(faults.take(Operation::GetLoadBalancer, None, now), []);
        for _ in 0..2 {
            assert_eq!(codes(&faults.take(PUT, Some("a"), now)), ["down"]);
        }
        assert_eq!(faults.take(PUT, Some("a"), now), []);
        assert_eq!(faults.list(now).faults, []);
    }

    #[test]
    fn a_rule_can_name_a_load_balancer() {
        let mut faults = Faults::default();
        let now = Instant::now();
        let lost = json!({"kind": "lostAfterChange"});
        faults.add(rule(json!({"id": "a", "fault": lost})), now);
        assert_eq!(codes(&faults.take(PUT, Some("b"), now)), [""; 0]);
        assert_eq!(
            codes(&faults.take(Operation::ListLoadBalancers, None, now)),
            [""; 0]
        );
        assert_eq!(codes(&faults.take(PUT, Some("a"), now)), ["lost"]);
    }

    #[test]
    fn one_rule_decides_the_answer_and_the_others_wait() {
        let mut faults = Faults::default();
        let now = Instant::now();
        faults.add(error("first", 1), now);
        faults.add(error("second", 1), now);
        faults.add(latency(), now);
        assert_eq!(codes(&faults.take(PUT, None, now)), ["latency", "first"]);
        assert_eq!(codes(&faults.take(PUT, None, now)), ["latency", "second"]);
        assert_eq!(codes(&faults.take(PUT, None, now)), ["latency"]);
    }
}
