//! A cluster, a controller that can be stopped and started, and words to tell stories with.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landfall::controller::{self, Metrics, Registration, Setup};
use landfall::lease::Gate;
use landfall_service::{Class, Predecessor};
use landfall_watch::Health;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::place::{Place, object};
use crate::provider::Scripted;

pub const CLASS: &str = "landfall.dev/test";
pub const CONDITION: &str = "landfall.dev/Provisioned";
pub const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// Longest that anything may take; machines are shared and slow at times.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct World {
    pub client: Client,
    /// As whom the controller acts: somebody who may do everything, unless a story says otherwise.
    pub acting: Client,
    pub place: Place,
    pub provider: Scripted,
    /// The provider's class; Services without one are its own, too, if it is [`CLASS`].
    class: &'static str,
    /// More providers of the same process.
    more: Vec<(&'static str, Scripted)>,
    /// Whose Services the provider takes over, and why it does not yet.
    pub predecessor: Option<(Predecessor, watch::Receiver<Option<String>>)>,
    /// When the controller may work.
    pub gate: Gate,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl World {
    /// A cluster with one node, and a controller that runs.
    pub async fn start() -> Self {
        let mut world = Self::without_controller().await;
        world.start_controller().await;
        world
    }

    pub async fn without_controller() -> Self {
        let place = Place::new().await;
        let world = Self {
            client: place.client.clone(),
            acting: place.client.clone(),
            place,
            provider: Scripted::new(),
            class: CLASS,
            more: Vec::new(),
            predecessor: None,
            gate: Gate::open(),
            running: None,
        };
        world.create_node("node-1", "10.0.0.1").await;
        world
    }

    /// The same cluster, as another Landfall sees it that has a provider of this class.
    pub fn beside(&self, class: &'static str) -> Self {
        Self {
            client: self.client.clone(),
            acting: self.acting.clone(),
            place: self.place.clone(),
            provider: Scripted::new(),
            class,
            more: Vec::new(),
            predecessor: None,
            gate: Gate::open(),
            running: None,
        }
    }

    /// Has a controller that starts later use one more provider, of this class.
    pub fn add_provider(&mut self, class: &'static str) -> Scripted {
        let provider = Scripted::new();
        self.more.push((class, provider.clone()));
        provider
    }

    /// Starts the controller and waits until its caches are complete.
    pub async fn start_controller(&mut self) {
        self.start_controller_with(32).await;
    }

    pub async fn start_controller_with(&mut self, concurrency: usize) {
        let stop = CancellationToken::new();
        let health = Health::default();
        let cluster = controller::identify(&self.acting, "test", &health).await;
        let predecessor = self.predecessor.as_ref();
        let registration = |class: &str, provider: &Scripted| Registration {
            class: Class::new(class),
            default: class == CLASS,
            predecessor: predecessor.map(|(it, _)| it.clone()),
            aside: predecessor.map(|(_, aside)| aside.clone()),
            provider: Arc::new(provider.clone()),
            drift_interval: provider.drift_interval(),
            sweep_after: provider.sweep_after(),
        };
        let mut registrations = vec![registration(self.class, &self.provider)];
        registrations.extend(self.more.iter().map(|(class, it)| registration(class, it)));
        let (client, token) = (self.place.confine(&self.acting), stop.clone());
        let setup = Setup {
            cluster,
            adopts: None,
            registrations,
            concurrency,
            gate: self.gate.clone(),
            metrics: Metrics::default(),
            health: health.clone(),
        };
        let task = tokio::spawn(async move {
            let controller = Box::pin(controller::run(client, setup, token));
            controller.await.unwrap();
        });
        health.is_complete().await;
        self.running = Some((stop, task));
    }

    pub async fn stop_controller(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    /// Cuts the controller off in the middle of whatever it does.
    pub async fn kill_controller(&mut self) {
        let (_, task) = self.running.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    pub fn services(&self) -> Api<Service> {
        Api::namespaced(self.client.clone(), &self.place.namespace)
    }

    pub async fn create(&self, service: &Value) -> Service {
        self.services()
            .create(&PostParams::default(), &object(service.clone()))
            .await
            .unwrap()
    }

    pub async fn create_node(&self, name: &str, address: &str) {
        self.place.create_node(name, address).await;
    }

    pub async fn patch(&self, name: &str, patch: Value) {
        self.services()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub async fn patch_status(&self, name: &str, patch: Value) {
        self.services()
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.services()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// The Service as JSON; null if it is gone.
    pub async fn get(&self, name: &str) -> Value {
        serde_json::to_value(self.services().get_opt(name).await.unwrap()).unwrap()
    }

    /// Waits until the Service is like this, and returns it.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let seen = std::cell::RefCell::new(Value::Null);
        eventually(
            || async {
                let service = self.get(name).await;
                let so = is_so(&service);
                seen.replace(service);
                so
            },
            || format!("Service {name} {what}: {:#}", seen.borrow()),
        )
        .await;
        seen.into_inner()
    }

    pub async fn until_provisioned(&self, name: &str) -> Value {
        self.until(name, "is provisioned", |service| {
            condition(service)["status"] == "True"
        })
        .await
    }

    /// Waits until our condition has this reason.
    pub async fn until_condition(&self, name: &str, reason: &str) -> Value {
        let what = format!("has the condition {reason}");
        self.until(name, &what, |it| condition(it)["reason"] == reason)
            .await
    }

    pub async fn until_gone(&self, name: &str) {
        self.until(name, "is gone", Value::is_null).await;
    }

    /// Waits until what the provider was asked is like this.
    pub async fn until_asked(&self, what: &str, is_so: impl Fn(&Scripted) -> bool) {
        eventually(
            || async { is_so(&self.provider) },
            || format!("the provider {what}: {:?}", self.provider.calls()),
        )
        .await;
    }

    /// Waits until an event of this reason is told of the Service, and returns its note.
    pub async fn until_told(&self, name: &str, reason: &str) -> String {
        let note = std::cell::RefCell::new(None);
        eventually(
            || async {
                let events = self.events(name).await;
                let found = events
                    .into_iter()
                    .find(|event| event.reason.as_deref() == Some(reason));
                note.replace(found.and_then(|event| event.note));
                note.borrow().is_some()
            },
            || format!("an event {reason} is told of Service {name}"),
        )
        .await;
        note.into_inner().unwrap()
    }

    /// Our events on the Service; Kubernetes' own controllers have some, too.
    pub async fn events(&self, name: &str) -> Vec<Event> {
        let events = Api::<Event>::namespaced(self.client.clone(), &self.place.namespace);
        let mut events = events
            .list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items;
        events.retain(|event| {
            let regarding = event.regarding.as_ref();
            event.reporting_controller.as_deref() == Some("landfall-controller")
                && regarding.is_some_and(|it| it.name.as_deref() == Some(name))
        });
        events
    }

    /// Lets everything that was set off by now happen: another Service, made last, is provided.
    /// What is told of each Service has its own pace; for that there is `all_told`.
    pub async fn settle(&self) {
        let name = format!("settle-{}", self.provider.calls().len());
        self.create(&service(&name)).await;
        self.until_provisioned(&name).await;
        self.until_told(&name, "EnsuredLoadBalancer").await;
    }

    /// Our events on the Service when all has settled, and this reason is among them.
    pub async fn all_told(&self, name: &str, reason: &str) -> Vec<Event> {
        self.settle().await;
        self.until_told(name, reason).await;
        self.events(name).await
    }
}

/// A Service of type LoadBalancer with one port.
pub fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": 80}]},
    })
}

/// Our condition.
pub fn condition(service: &Value) -> &Value {
    condition_of(service, CONDITION)
}

/// The condition of this type; null if there is none.
pub fn condition_of<'a>(service: &'a Value, type_: &str) -> &'a Value {
    let conditions = service["status"]["conditions"].as_array();
    conditions
        .and_then(|list| list.iter().find(|condition| condition["type"] == type_))
        .unwrap_or(&Value::Null)
}

pub fn has_finalizer(service: &Value) -> bool {
    let finalizers = service["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|list| list.iter().any(|name| name == FINALIZER))
}

pub fn ingress(service: &Value) -> &Value {
    &service["status"]["loadBalancer"]["ingress"]
}

/// Polls until it is so.
pub async fn eventually<F: Future<Output = bool>>(
    is_so: impl Fn() -> F,
    what: impl Fn() -> String,
) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited too long until {}",
            what()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
