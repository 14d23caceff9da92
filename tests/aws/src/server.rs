//! What all callers share: the account, its clock, the faults and the diary; and the one step that
//! a call goes through. It holds no lock while anything waits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::answer::{Answer, Refusal, body};
use crate::calls::{Call, Outcome};
use crate::clock::Clock;
use crate::faults::{Effect, Faults};
use crate::gate::{Gate, Pass};
use crate::options::Options;
use crate::request::{Request, Service};
use crate::state::State;
use crate::throttle::{Throttles, refusal};

/// What a mutex guards.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) throttles: Throttles,
    pub(crate) gate: Gate,
    pub(crate) calls: Vec<Call>,
    pub(crate) latency: Duration,
    answered: u64,
    /// How often held calls were dropped.
    pub(crate) drops: u64,
}

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is answered.
    Answer {
        status: u16,
        kind: &'static str,
        body: String,
        id: String,
    },
    /// Its connection is cut.
    Cut,
    /// It hangs until held calls have been dropped more often than this.
    Hold(u64),
}

/// The core, and what waits for it.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// Whether the world has stopped.
    pub(crate) stopped: watch::Sender<bool>,
    /// How often held calls were dropped.
    pub(crate) drops: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        let clock = Clock::new(options.frozen);
        let core = Core {
            latency: options.latency,
            state: State::new(options, clock.epoch()),
            clock,
            faults: Faults::default(),
            throttles: Throttles::default(),
            gate: Gate::default(),
            calls: vec![],
            answered: 0,
            drops: 0,
        };
        Self {
            core: Mutex::new(core),
            stopped: watch::Sender::new(false),
            drops: watch::Sender::new(0),
        }
    }

    /// The core. A test that panicked while it held it leaves it as it was.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a call waits before it is carried out.
    pub(crate) fn wait(&self, request: &Request) -> Duration {
        let mut core = self.core();
        core.latency + core.faults.delay(&request.action)
    }

    /// Carries a call out.
    pub(crate) fn carry_out(&self, request: &Request) -> Verdict {
        let mut core = self.core();
        let verdict = core.carry_out(request);
        let stopped = core.gate.is_stopped();
        drop(core);
        self.stopped
            .send_if_modified(|it| std::mem::replace(it, stopped) != stopped);
        verdict
    }

    /// Closes the connections of held calls.
    pub(crate) fn drop_held(&self) {
        let mut core = self.core();
        core.drops += 1;
        self.drops.send_replace(core.drops);
    }

    /// Lets calls through again, and closes the connections of those that were held.
    pub(crate) fn go_on(&self) {
        self.core().gate.open();
        self.stopped.send_replace(false);
        self.drop_held();
    }
}

impl Core {
    fn carry_out(&mut self, request: &Request) -> Verdict {
        let pass = self.gate.pass();
        if pass == Pass::HeldBefore {
            self.record(request, Outcome::HeldBefore);
            return Verdict::Hold(self.drops);
        }
        let effect = self.faults.effect(&request.action);
        let answer = self.answer(request, effect.as_ref());
        let code = answer.as_ref().err().map(|it| it.code.clone());
        let outcome = match (pass, &effect, &code) {
            (Pass::HeldAfter, ..) => Outcome::HeldAfter(code),
            (_, Some(Effect::LoseAnswer), _) => Outcome::Lost(code),
            (_, Some(Effect::Garble), _) => Outcome::Garbled,
            (_, _, Some(code)) => Outcome::Refused(code.clone()),
            (_, _, None) => Outcome::Answered,
        };
        self.record(request, outcome);
        match (pass, effect) {
            (Pass::HeldAfter, _) => Verdict::Hold(self.drops),
            (_, Some(Effect::LoseAnswer)) => Verdict::Cut,
            (_, Some(Effect::Garble)) => {
                self.written(request.service, Some("garbled <&"), "", &Ok(true.into()))
            }
            _ => self.written(request.service, None, &request.action, &answer),
        }
    }

    fn answer(&mut self, request: &Request, effect: Option<&Effect>) -> Answer {
        if let Some(Effect::Refuse {
            code,
            message,
            status,
        }) = effect
        {
            return Err(Refusal::with(*status, code, message.clone()));
        }
        let now = self.clock.now();
        if !self.throttles.pass(&request.action, now) {
            return Err(refusal(request.service));
        }
        if let Some(denial) = self.faults.denial(request, &self.state.options.account) {
            return Err(denial);
        }
        self.state.handle(request, now)
    }

    /// An answer as it goes over the wire.
    pub(crate) fn written(
        &mut self,
        service: Service,
        instead: Option<&str>,
        action: &str,
        answer: &Answer,
    ) -> Verdict {
        self.answered += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.answered);
        let kind = match service {
            Service::Tagging => "application/x-amz-json-1.1",
            _ => "text/xml;charset=UTF-8",
        };
        let text = instead.map(str::to_owned);
        Verdict::Answer {
            status: answer.as_ref().map_or_else(|it| it.status, |_| 200),
            kind,
            body: text.unwrap_or_else(|| body(service, action, answer, &id)),
            id,
        }
    }

    fn record(&mut self, request: &Request, outcome: Outcome) {
        let mut parameters = request.parameters.as_map().clone();
        if !request.json.is_null() {
            parameters.insert("json".to_owned(), request.json.to_string());
        }
        let credential = request.credential.as_ref();
        self.calls.push(Call {
            service: request.service,
            action: request.action.clone(),
            when: self.clock.now(),
            parameters,
            key: credential.map(|it| it.key.clone()).unwrap_or_default(),
            mutating: request.changes(),
            outcome,
        });
    }
}
