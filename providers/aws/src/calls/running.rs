//! How a call is made: it waits for its turn, is tried, counted, and perhaps tried again.

use std::time::Duration;

use aws_smithy_types::error::display::DisplayErrorContext;
use tokio::time::{Instant, sleep, timeout};

use super::actions::Action;
use super::pace::Pace;
use super::refusal::{self, Failure, Kind, Refusal};
use super::{Calls, Priority, Result};

impl Calls {
    /// Makes a call. `on` is what it is about, for the refusal. `attempt` makes one request; it is
    /// repeated while that cannot do anything twice and the pace has patience.
    pub(super) async fn call<T, A, F>(
        &self,
        action: &'static Action,
        priority: Priority,
        on: &str,
        mut attempt: A,
    ) -> Result<T>
    where
        T: Send,
        A: FnMut() -> F + Send,
        F: Future<Output = std::result::Result<T, Failure>> + Send,
    {
        let deadline = Instant::now() + self.0.pace.patience;
        let mut failed = 0;
        let mut renewed = false;
        loop {
            self.wait(action, priority, deadline)
                .await
                .map_err(|failure| Refusal::of(action, on, failure))?;
            let failure = match self.attempt(action, attempt()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let kind = refusal::kind(&failure, action.changes);
            if kind == Kind::Throttled {
                self.0.turns.throttled(action.family);
            }
            let mut again = refusal::may_repeat(&failure, action.changes);
            if kind == Kind::Credentials {
                // New ones may have been put there since; once is enough to know.
                self.0.credentials.forget();
                again &= !renewed;
                renewed = true;
            }
            let pause = pause(&self.0.pace, failed);
            failed += 1;
            if !again || Instant::now() + pause >= deadline {
                let refusal = Refusal::of(action, on, failure);
                tracing::debug!(action = action.name, on, attempts = failed, %refusal, "refused");
                return Err(refusal);
            }
            sleep(pause).await;
        }
    }

    async fn wait(
        &self,
        action: &'static Action,
        priority: Priority,
        deadline: Instant,
    ) -> std::result::Result<(), Failure> {
        if !self.0.pace.limited {
            return Ok(());
        }
        let began = Instant::now();
        let turn = self.0.turns.turn(action.family, priority, deadline).await;
        let waited = began.elapsed();
        self.0.counters.waited(action.family, priority, waited);
        turn.map(drop).map_err(|super::turns::NoTurn| {
            Failure::NoTurn(format!(
                "no turn within {} s: more calls are waiting than AWS takes",
                self.0.pace.patience.as_secs()
            ))
        })
    }

    async fn attempt<T, F>(
        &self,
        action: &'static Action,
        request: F,
    ) -> std::result::Result<T, Failure>
    where
        F: Future<Output = std::result::Result<T, Failure>> + Send,
    {
        let began = Instant::now();
        let limit = self.0.pace.attempt;
        // Before the request, so that one that ends here was surely not sent.
        let outcome = match timeout(limit, self.0.credentials.get()).await {
            Err(_) => Err(Failure::Credentials(format!(
                "none were found within {} s",
                limit.as_secs_f64()
            ))),
            Ok(Err(error)) => Err(Failure::Credentials(DisplayErrorContext(error).to_string())),
            // On the heap: a request of the SDK is a large future.
            Ok(Ok(_)) => timeout(limit, Box::pin(request)).await.unwrap_or_else(|_| {
                Err(Failure::Lost {
                    sent: true,
                    message: format!("no answer within {} s", limit.as_secs_f64()),
                })
            }),
        };
        let name = match &outcome {
            Ok(_) => "Ok",
            Err(failure) => refusal::kind(failure, action.changes).name(),
        };
        self.0.counters.ended(action, name, began.elapsed());
        outcome
    }
}

/// A random part of a time that doubles with each failure.
pub(super) fn pause(pace: &Pace, failed: u32) -> Duration {
    let doubled = pace.first_wait.saturating_mul(1 << failed.min(16));
    doubled.min(pace.longest_wait).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_and_stays_below_the_longest() {
        let pace = Pace::default();
        for failed in 0..40 {
            let most = pace.first_wait * (1 << failed.min(16));
            for _ in 0..20 {
                assert!(pause(&pace, failed) <= most.min(pace.longest_wait));
            }
        }
    }
}
