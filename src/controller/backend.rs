//! The providers, as the controller uses them: each with its class, each begun before it is
//! asked for anything, each call with a deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_provider_api::{
    Error, Inputs, LoadBalancer, LoadBalancerId, Outcome, Owned, Provider, Snapshot,
};
use landfall_service::{Claim, Claims, Class, Failure, Predecessor};
use tokio::sync::watch;

use super::metrics::{Metrics, Operation};
use super::{Registration, backoff};
use landfall_watch::Health;

/// Time that a provider has to answer one call.
const DEADLINE: Duration = Duration::from_secs(30);

/// The providers of this process, by class.
pub(super) struct Backends(BTreeMap<Class, Backend>);

/// One provider.
pub(super) struct Backend {
    pub(super) class: Class,
    /// Whether it also takes Services without a class.
    pub(super) default: bool,
    /// Whose Services it takes over.
    predecessor: Option<Predecessor>,
    aside: Option<watch::Receiver<Option<String>>>,
    pub(super) provider: Arc<dyn Provider>,
    /// From one comparison of all that it holds to the next.
    pub(super) drift_interval: Duration,
    /// How long something must have belonged to nobody before it is released.
    pub(super) sweep_after: Duration,
    begun: watch::Sender<Begun>,
    metrics: Metrics,
    health: Health,
}

/// How far a provider has come.
#[derive(Debug, Clone)]
enum Begun {
    /// Its first start is under way.
    Starting,
    /// It could not be started, and is being tried again.
    Failed(Failure),
    /// It has seen what is held.
    Ready,
}

impl Backends {
    pub(super) fn new(backends: impl IntoIterator<Item = Backend>) -> Self {
        let keyed = backends
            .into_iter()
            .map(|backend| (backend.class.clone(), backend));
        Self(keyed.collect())
    }

    pub(super) fn claims(&self) -> Claims {
        let claim = |backend: &Backend| Claim {
            class: backend.class.clone(),
            default: backend.default,
            predecessor: backend.predecessor.clone(),
            aside: backend.is_aside(),
            capabilities: backend.provider.capabilities(),
        };
        Claims::new(self.0.values().map(claim).collect())
    }

    /// What each of them looks at.
    pub(super) fn inputs(&self) -> Vec<Inputs> {
        let inputs = |backend: &Backend| backend.provider.capabilities().inputs;
        self.0.values().map(inputs).collect()
    }

    pub(super) fn get(&self, class: &Class) -> &Backend {
        self.0
            .get(class)
            .expect("every class in a plan is one of the claims, made of these")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Backend> {
        self.0.values()
    }
}

impl Backend {
    pub(super) fn new(registration: Registration, metrics: Metrics, health: Health) -> Self {
        let Registration {
            class,
            default,
            predecessor,
            aside,
            provider,
            drift_interval,
            sweep_after,
        } = registration;
        let begun = watch::Sender::new(Begun::Starting);
        Self {
            class,
            default,
            predecessor,
            aside,
            provider,
            drift_interval,
            sweep_after,
            begun,
            metrics,
            health,
        }
    }

    /// Why it leaves Services that are not of its own class to somebody else, while it does.
    pub(super) fn aside(&self) -> Option<watch::Receiver<Option<String>>> {
        self.aside.clone()
    }

    /// Whether it leaves Services that are not of its own class to somebody else.
    pub(super) fn is_aside(&self) -> bool {
        let aside = self.aside.as_ref();
        aside.is_some_and(|aside| aside.borrow().is_some())
    }

    /// It is to be started once more; until then it is asked for nothing.
    pub(super) fn begin_again(&self) {
        self.begun.send_replace(Begun::Starting);
    }

    /// Starts the provider, however often that takes, and returns what the cluster owns there.
    /// `on_failure` is called when it is first known that it cannot be started yet: whoever found
    /// it starting waits for that. Fails only where it would be wrong to go on. `complete` waits
    /// until the cluster was read, and `snapshot` tells then what there is.
    pub(super) async fn begin<C: Future<Output = ()> + Send>(
        &self,
        complete: impl Fn() -> C + Sync,
        snapshot: impl Fn() -> Snapshot + Sync,
        on_failure: impl Fn(),
    ) -> Result<Vec<Owned>, Error> {
        for delay in backoff() {
            let awaited = async {
                complete().await;
                snapshot()
            };
            let begun = self.provider.begin(Box::pin(awaited));
            // The time until the cluster was read is not the provider's.
            let deadline = async {
                complete().await;
                tokio::time::sleep(DEADLINE).await;
            };
            let begun = self.call_until(deadline, Operation::Begin, begun).await;
            match self.noted(begun) {
                Ok(owned) => {
                    self.begun.send_replace(Begun::Ready);
                    tracing::info!(class = %self.class, owned = owned.len(), "provider is ready");
                    return Ok(owned);
                }
                Err(error @ Error::NameTaken { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(class = %self.class, %error, retry_in = ?delay, "provider cannot be used yet");
                    let before = self
                        .begun
                        .send_replace(Begun::Failed(Failure::from(&error)));
                    if matches!(before, Begun::Starting) {
                        on_failure();
                    }
                    tokio::time::sleep(delay).await;
                }
            }
        }
        unreachable!("the back-off has no end")
    }

    /// Reads all that the cluster owns there.
    pub(super) async fn owned(&self) -> Result<Vec<Owned>, Error> {
        let owned = self.call(Operation::Owned, self.provider.owned()).await;
        self.noted(owned)
    }

    /// Whether all could be read tells how the provider is.
    fn noted<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        let part = format!("provider {}", self.class);
        match &read {
            Ok(_) => self.health.well(&part),
            Err(error) => self.health.trouble(&part, error.to_string()),
        }
        read
    }

    /// `None` while the provider's first start is under way: its end wakes every Service.
    pub(super) async fn ensure(&self, wanted: &LoadBalancer) -> Option<Result<Outcome, Failure>> {
        match self.gate()? {
            Err(failure) => Some(Err(failure)),
            Ok(()) => Some(
                self.call(Operation::Ensure, self.provider.ensure(wanted))
                    .await
                    .map_err(|e| Failure::from(&e)),
            ),
        }
    }

    /// `None` as for [`ensure`](Self::ensure).
    pub(super) async fn release(&self, id: &LoadBalancerId) -> Option<Result<(), Failure>> {
        match self.gate()? {
            Err(failure) => Some(Err(failure)),
            Ok(()) => Some(
                self.call(Operation::Release, self.provider.release(id))
                    .await
                    .map_err(|e| Failure::from(&e)),
            ),
        }
    }

    /// Whether its first start is under way; its end wakes every Service.
    pub(super) fn is_starting(&self) -> bool {
        matches!(*self.begun.borrow(), Begun::Starting)
    }

    fn gate(&self) -> Option<Result<(), Failure>> {
        match &*self.begun.borrow() {
            Begun::Starting => None,
            Begun::Failed(failure) => Some(Err(failure.clone())),
            Begun::Ready => Some(Ok(())),
        }
    }

    /// A call, with its deadline, counted.
    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.call_until(tokio::time::sleep(DEADLINE), operation, call)
            .await
    }

    async fn call_until<T>(
        &self,
        deadline: impl Future<Output = ()>,
        operation: Operation,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let result = tokio::select! {
            result = call => result,
            () = deadline => {
                let seconds = DEADLINE.as_secs();
                Err(Error::unavailable(format!(
                    "the provider did not answer within {seconds} s"
                )))
            }
        };
        let outcome = result.as_ref().map_or_else(Error::reason, |_| "Ok");
        self.metrics
            .called(&self.class, operation, outcome, start.elapsed());
        result
    }
}
