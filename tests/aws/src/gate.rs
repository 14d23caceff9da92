//! Stopping the world: from a chosen call on, calls hang without an answer. Pure.

use serde::{Deserialize, Serialize};

/// Which side of the change the world stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The n-th call is not carried out.
    Before,
    /// The n-th call is carried out, but not answered.
    After,
}

/// What the gate says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is carried out and answered.
    Open,
    /// It is neither carried out nor answered.
    HeldBefore,
    /// It is carried out and not answered.
    HeldAfter,
}

/// Which calls pass.
#[derive(Debug, Default)]
pub(crate) enum Gate {
    /// All.
    #[default]
    Open,
    /// The call after so many others is the one to stop at.
    Counting(usize, When),
    /// None.
    Stopped,
}

impl Gate {
    /// Stops at the n-th call from now; the first is 1.
    pub(crate) fn stop_at(&mut self, n: usize, when: When) {
        *self = Self::Counting(n.max(1), when);
    }

    pub(crate) fn open(&mut self) {
        *self = Self::Open;
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped)
    }

    /// Counts a call.
    pub(crate) fn pass(&mut self) -> Pass {
        match self {
            Self::Open => Pass::Open,
            Self::Stopped => Pass::HeldBefore,
            Self::Counting(left, when) if *left <= 1 => {
                let pass = match when {
                    When::Before => Pass::HeldBefore,
                    When::After => Pass::HeldAfter,
                };
                *self = Self::Stopped;
                pass
            }
            Self::Counting(left, _) => {
                *left -= 1;
                Pass::Open
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_stops_at_the_chosen_call_and_stays_stopped() {
        let mut gate = Gate::default();
        gate.stop_at(2, When::After);
        let passes = [(); 4].map(|()| gate.pass());
        let wanted = [
            Pass::Open,
            Pass::HeldAfter,
            Pass::HeldBefore,
            Pass::HeldBefore,
        ];
        assert_eq!(passes, wanted);
    }
}
