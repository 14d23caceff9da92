//! The service controller: watch, plan, act, publish.
//!
//! One key is one Service. Whatever concerns it (its own change, a change of nodes, a provider's
//! word, a retry) goes through that key, and a key is worked on by one worker at a time.

mod act;
mod backend;
mod dispatch;
mod events;
mod gated;
mod indexed;
mod memory;
mod metrics;
mod namespaces;
mod publish;
mod queue;
mod slices;
mod sweep;
mod watches;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::{Api, Client};
use landfall_events::Events;
use landfall_provider_api::{ClusterId, Error, Held, Provider, Snapshot};
use landfall_service::{Class, Predecessor, created, load_balancer_id, name_of, parse};
use landfall_watch::{Health, explain};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lease::Gate;
use act::Context;
use backend::{Backend, Backends};
use dispatch::{Dispatcher, Note};
use memory::backoff;
pub use metrics::Metrics;
use publish::Publisher;
use watches::Watches;

/// The namespace whose UID tells clusters apart.
const IDENTITY_NAMESPACE: &str = "kube-system";

/// Longest pause before the API server is asked again which cluster this is: nothing works before.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A provider and what it claims.
pub struct Registration {
    /// The class that it owns.
    pub class: Class,
    /// Whether it also takes Services without a class; at most one does.
    pub default: bool,
    /// Another implementation, whose Services it takes over.
    pub predecessor: Option<Predecessor>,
    /// Why it leaves Services that are not of its own class to somebody else, while it does; `None` if
    /// it never does.
    pub aside: Option<watch::Receiver<Option<String>>>,
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// From one comparison of all that it holds to the next.
    pub drift_interval: Duration,
    /// How long something must have belonged to no Service before it is released.
    pub sweep_after: Duration,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("class", &self.class)
            .field("default", &self.default)
            .finish_non_exhaustive()
    }
}

/// Which cluster this is: its UID is read from the API server, however long that takes.
pub async fn identify(client: &Client, name: &str, health: &Health) -> ClusterId {
    let part = format!("namespace {IDENTITY_NAMESPACE}");
    let namespaces = Api::<Namespace>::all(client.clone());
    for delay in backoff().map(|delay| delay.min(LONGEST_PAUSE)) {
        match namespaces.get(IDENTITY_NAMESPACE).await {
            Ok(Namespace { metadata, .. }) => {
                let uid = metadata.uid.unwrap_or_default();
                health.well(&part);
                return ClusterId {
                    name: name.to_owned(),
                    uid,
                };
            }
            Err(error) => {
                let error = explain(&error);
                health.trouble(&part, format!("cannot be read: {error}"));
                tracing::warn!(error, retry_in = ?delay, "cannot read the namespace {IDENTITY_NAMESPACE} from the API server");
                tokio::time::sleep(delay).await;
            }
        }
    }
    unreachable!("the back-off has no end")
}

/// What a controller is made of.
#[derive(Debug)]
pub struct Setup {
    /// This cluster.
    pub cluster: ClusterId,
    /// UID that it had before it was restored, if what bears it is to be taken over.
    pub adopts: Option<String>,
    /// Its providers.
    pub registrations: Vec<Registration>,
    /// Services worked on at once.
    pub concurrency: usize,
    /// Nothing is written and no provider asked before it opens.
    pub gate: Gate,
    /// Where it counts.
    pub metrics: Metrics,
    /// Where it says what keeps it from its work.
    pub health: Health,
}

/// Why a controller ends by itself.
#[derive(Debug, thiserror::Error)]
#[error("the provider of class {class} cannot be used: {error}")]
pub struct Refused {
    class: Class,
    #[source]
    error: Error,
}

/// Runs the controller until `stop` is cancelled.
pub async fn run(client: Client, setup: Setup, stop: CancellationToken) -> Result<(), Refused> {
    let Setup {
        cluster,
        adopts,
        registrations,
        concurrency,
        mut gate,
        metrics,
        health,
    } = setup;
    let (notes, inbox) = mpsc::unbounded_channel();
    let (events, write_events) = Events::new(&client);
    let backends = Backends::new(
        registrations
            .into_iter()
            .map(|it| Backend::new(it, metrics.clone(), health.clone())),
    );
    let inputs = backends.inputs();
    let (watches, watching) = Watches::new(&client, cluster, &inputs, &notes, &health, &gate);
    let context = Arc::new(Context {
        claims: watch::Sender::new(Arc::new(backends.claims())),
        backends,
        watches,
        publisher: Publisher::new(client),
        events,
        gate: gate.clone(),
        metrics: metrics.clone(),
    });

    let complete = async {
        context.watches.complete().await;
        health.well(Health::CACHES);
        std::future::pending::<()>().await;
    };
    let work = async {
        if stop.run_until_cancelled(gate.opened()).await.is_none() {
            return Ok(());
        }
        metrics.leader.set(1);
        // What providers hold is read while the cluster still is.
        let attended = context
            .backends
            .iter()
            .map(|backend| attend(&context, backend, adopts.as_deref(), notes.clone()));
        let dispatched = async {
            let complete = context.watches.complete();
            if stop.run_until_cancelled(complete).await.is_some() {
                let dispatcher = Dispatcher::new(context.clone(), inbox, concurrency);
                dispatcher.run(stop.clone()).await;
            }
        };
        tokio::select! {
            () = dispatched => Ok(()),
            refused = try_join_all(attended) => refused.map(|_| ()),
        }
    };
    tokio::select! {
        _ = async { tokio::join!(join_all(watching), write_events) } => Ok(()),
        () = complete => Ok(()),
        outcome = work => outcome,
    }
}

/// Starts a provider, then passes on what it has to tell and what it holds. Ends only if it would
/// be wrong to go on.
async fn attend(
    context: &Context,
    backend: &Backend,
    adopts: Option<&str>,
    notes: mpsc::UnboundedSender<Note>,
) -> Result<Infallible, Refused> {
    let mut changes = backend.provider.changes();
    let class = &backend.class;
    // What is so by now, the start finds; what changes from here on, begins it again.
    let mut aside = backend.aside();
    if let Some(aside) = &mut aside {
        aside.mark_unchanged();
    }
    context.stand(backend);
    start(context, backend, adopts, &notes).await?;
    let mut open = true;
    while open {
        // Stretched by chance, so that what started together does not compare together.
        let pause = backend.drift_interval.mul_f64(0.9 + fastrand::f64() / 5.0);
        let compare_at = tokio::time::sleep(pause);
        tokio::pin!(compare_at);
        loop {
            tokio::select! {
                () = &mut compare_at => break,
                change = changes.next() => match change {
                    Some(id) => open = notes.send(Note::Stale(id)).is_ok(),
                    // It has nothing more to tell; comparisons go on.
                    None => changes = futures::stream::pending().boxed(),
                },
                () = changed(&mut aside) => {
                    // What somebody else gave meanwhile is taken over before anything new is given.
                    let begins = !backend.is_aside();
                    if begins {
                        backend.begin_again();
                    }
                    context.stand(backend);
                    if begins {
                        start(context, backend, adopts, &notes).await?;
                    }
                    open = notes.send(Note::LookAtAll).is_ok();
                }
            }
        }
        let begun = Instant::now();
        match backend.owned().await {
            Ok(owned) => {
                let compared = Note::Compared(class.clone(), owned, begun);
                open = notes.send(compared).is_ok();
            }
            Err(error) => tracing::warn!(%class, %error, "what it holds could not be compared"),
        }
    }
    std::future::pending().await
}

/// Waits for the next change; for ever where there is none.
async fn changed(aside: &mut Option<watch::Receiver<Option<String>>>) {
    if let Some(aside) = aside
        && aside.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Starts a provider, and passes on what it holds.
async fn start(
    context: &Context,
    backend: &Backend,
    adopts: Option<&str>,
    notes: &mpsc::UnboundedSender<Note>,
) -> Result<(), Refused> {
    let class = &backend.class;
    let begun = Instant::now();
    let wake_all = || {
        // Without a receiver the controller is about to end.
        let _ = notes.send(Note::LookAtAll);
    };
    let begun_with = backend
        .begin(
            || context.watches.complete(),
            || snapshot(context, class, adopts),
            wake_all,
        )
        .await;
    let owned = begun_with.map_err(|error| Refused {
        class: class.clone(),
        error,
    })?;
    let uids = owned
        .iter()
        .filter_map(|owned| Some(owned.id.as_ref()?.service_uid.clone()));
    // That it leaves something to somebody else may have come out just now. That it does so no more was not known when
    // it began, and begins it again.
    if backend.is_aside() {
        context.stand(backend);
    }
    // Without a receiver the controller is about to end.
    let _ = notes.send(Note::Holds(class.clone(), uids.collect()));
    let _ = notes.send(Note::Compared(class.clone(), owned, begun));
    Ok(())
}

/// What the cluster holds at the start, for the provider of this class to take over.
fn snapshot(context: &Context, class: &Class, adopts: Option<&str>) -> Snapshot {
    let claims = context.claims();
    let held = |service: &Service| {
        let claim = claims.claimant(service);
        let claim = claim.filter(|claim| claim.class == *class);
        let ours = claims.is_marked(service, class);
        (ours || claim.is_some()).then(|| {
            let name = name_of(service);
            let around = context.watches.around(&name);
            Held {
                id: load_balancer_id(service, &around.cluster),
                service: name,
                created: created(service),
                ours,
                ingress: landfall_service::present_ingress(service),
                wanted: claim.and_then(|claim| {
                    let parsed = parse(service, &claim.capabilities, &around);
                    parsed.ok().map(|parsed| parsed.wanted)
                }),
            }
        })
    };
    let services = context.watches.services.state();
    Snapshot {
        services: services.iter().filter_map(|it| held(it)).collect(),
        adopts: adopts.map(str::to_owned),
    }
}
