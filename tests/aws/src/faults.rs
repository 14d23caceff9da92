//! Faults on demand: which calls go wrong, how, and how often. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::request::{Request, Service};

/// An order to let calls go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The action that it applies to; all if absent.
    #[serde(default)]
    pub action: Option<String>,
    /// What happens.
    pub effect: Effect,
    /// How often; each time if absent.
    #[serde(default)]
    pub times: Times,
    /// How many calls it has looked at.
    #[serde(skip)]
    seen: u32,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// It is not carried out, and answered with an error.
    Refuse {
        /// AWS's code.
        code: String,
        /// The sentence beside it.
        message: String,
        /// HTTP status.
        status: u16,
    },
    /// It is carried out, and the connection cut before an answer.
    LoseAnswer,
    /// It waits this many milliseconds of real time before anything else.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// It is carried out, and answered with status 200 and a body that is no XML.
    Garble,
}

/// How often a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Times {
    /// To the next call only.
    Once,
    /// To so many calls.
    N(u32),
    /// To each call.
    #[default]
    Always,
    /// To each n-th call.
    EveryNth(u32),
}

impl Fault {
    /// Calls of this action are answered with an error, and not carried out.
    pub fn refuse(action: &str, code: &str, message: &str, status: u16) -> Self {
        Self::new(Some(action), refuse(code, message, status))
    }

    /// Calls of every action are answered with an error, and not carried out.
    pub fn refuse_any(code: &str, message: &str, status: u16) -> Self {
        Self::new(None, refuse(code, message, status))
    }

    /// Calls of this action are carried out, and their connection is cut before an answer.
    pub fn lose_answer(action: &str) -> Self {
        Self::new(Some(action), Effect::LoseAnswer)
    }

    /// Calls of this action wait, in real time, before anything else.
    pub fn delay(action: &str, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::new(Some(action), Effect::Delay { millis })
    }

    /// Calls of this action are carried out, and answered with nonsense.
    pub fn garble(action: &str) -> Self {
        Self::new(Some(action), Effect::Garble)
    }

    /// How often; without this, each time.
    #[must_use]
    pub fn times(mut self, times: Times) -> Self {
        self.times = times;
        self
    }

    fn new(action: Option<&str>, effect: Effect) -> Self {
        Self {
            action: action.map(str::to_owned),
            effect,
            times: Times::Always,
            seen: 0,
        }
    }

    /// Whether it applies to this call, which it counts.
    fn applies(&mut self, action: &str) -> bool {
        if self.action.as_deref().is_some_and(|it| it != action) {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        match self.times {
            Times::Once => self.seen == 1,
            Times::N(n) => self.seen <= n,
            Times::Always => true,
            Times::EveryNth(n) => n > 0 && self.seen.is_multiple_of(n),
        }
    }
}

fn refuse(code: &str, message: &str, status: u16) -> Effect {
    Effect::Refuse {
        code: code.to_owned(),
        message: message.to_owned(),
        status,
    }
}

/// The faults that are in force, and what is denied.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
    denied: BTreeSet<String>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub(crate) fn deny(&mut self, action: &str) {
        self.denied.insert(action.to_owned());
    }

    pub(crate) fn mend(&mut self) {
        *self = Self::default();
    }

    /// How long a call of this action waits first. Delays add up.
    pub(crate) fn delay(&mut self, action: &str) -> Duration {
        let mut whole = Duration::ZERO;
        for rule in &mut self.rules {
            if let Effect::Delay { millis } = rule.effect
                && rule.applies(action)
            {
                whole += Duration::from_millis(millis);
            }
        }
        whole
    }

    /// What else happens to a call of this action: the first rule that applies.
    pub(crate) fn effect(&mut self, action: &str) -> Option<Effect> {
        let rules = self.rules.iter_mut();
        let mut rules = rules.filter(|it| !matches!(it.effect, Effect::Delay { .. }));
        rules.find_map(|it| it.applies(action).then(|| it.effect.clone()))
    }

    /// What AWS says if nobody allowed this action.
    pub(crate) fn denial(&self, request: &Request, account: &str) -> Option<Refusal> {
        let whole = format!("{}:{}", request.service.prefix(), request.action);
        if !self.denied.contains(&request.action) && !self.denied.contains(&whole) {
            return None;
        }
        let text = format!(
            "User: arn:aws:sts::{account}:assumed-role/landfall/strict is not authorized to perform: \
             {whole} on resource: * because no identity-based policy allows the {whole} action"
        );
        Some(match request.service {
            Service::Ec2 => {
                let text = format!("You are not authorized to perform this operation. {text}");
                Refusal::with(403, "UnauthorizedOperation", text)
            }
            Service::Tagging => Refusal::new("AccessDeniedException", text),
            Service::Elb | Service::Sts => Refusal::with(403, "AccessDenied", text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_applies_as_often_as_it_says() {
        let table = [
            (Times::Once, [true, false, false, false]),
            (Times::N(2), [true, true, false, false]),
            (Times::Always, [true, true, true, true]),
            (Times::EveryNth(2), [false, true, false, true]),
        ];
        for (times, wanted) in table {
            let mut fault = Fault::garble("A").times(times);
            assert!(!fault.applies("B"));
            assert_eq!(wanted.map(|_| fault.applies("A")), wanted, "{times:?}");
        }
    }
}
