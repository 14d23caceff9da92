//! A cluster with the custom resources, a controller with the bare-metal provider, and words to
//! tell stories with.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use landfall::controller::{self, Metrics, Registration, Setup};
use landfall::lease::Gate;
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::{AddressPool, AddressReservation, L2Advertisement};
use landfall_provider_bare_metal::BareMetal;
use landfall_service::Class;
use landfall_watch::Health;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::objects::{addresses, condition};
use crate::place::{Place, STORY, object};

const CLASS: &str = "landfall.dev/bare-metal";
/// Longest that anything may take; machines are shared and slow at times.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct World {
    pub place: Place,
    pub health: Health,
    pub metrics: Metrics,
    reads_metallb: bool,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl World {
    /// A cluster with these pools, as `(name, spec)`, and a controller that runs.
    pub async fn with(pools: &[(&str, Value)]) -> Self {
        let mut world = Self::without_controller().await;
        world.install().await;
        for (name, spec) in pools {
            world.pool(name, spec.clone()).await;
        }
        world.start_controller().await;
        world
    }

    pub async fn without_controller() -> Self {
        Self {
            place: Place::new().await,
            health: Health::default(),
            metrics: Metrics::default(),
            reads_metallb: false,
            running: None,
        }
    }

    /// Installs the custom resource definitions and waits until they are served.
    pub async fn install(&self) {
        for crd in crds() {
            self.define(&crd).await;
        }
    }

    /// Installs a custom resource definition and waits until it is served.
    pub async fn define(&self, crd: &CustomResourceDefinition) {
        let api = Api::<CustomResourceDefinition>::all(self.place.client.clone());
        let name = crd.name_any();
        let applied = PatchParams::apply("stories").force();
        // Stories that run side by side do this at once.
        eventually(
            || async { api.patch(&name, &applied, &Patch::Apply(crd)).await.is_ok() },
            || format!("{name} is applied"),
        )
        .await;
        eventually(
            || async { is_established(&api.get(&name).await.unwrap()) },
            || format!("{name} is established"),
        )
        .await;
    }

    /// Has a controller that starts later read MetalLB's objects of the story's namespace.
    pub fn read_metallb(&mut self) {
        self.reads_metallb = true;
    }

    pub async fn start_controller(&mut self) {
        let stop = CancellationToken::new();
        let client = self.place.confine(&self.place.client);
        let cluster = controller::identify(&client, "test", &self.health).await;
        let provider = BareMetal::new(client.clone(), cluster.clone(), self.health.clone());
        // As those of a new process do, they begin anew.
        self.metrics = Metrics::default();
        self.metrics.add(provider.collector());
        let namespace = self.place.namespace.clone();
        let metallb = self.reads_metallb.then(|| namespace.clone());
        let provider = provider.reading_metallb(metallb);
        let provider = provider.keeping_key(Some(namespace));
        let registration = Registration {
            class: Class::new(CLASS),
            default: true,
            predecessor: None,
            aside: Some(provider.aside()),
            provider: Arc::new(provider),
            drift_interval: Duration::from_mins(1),
            sweep_after: Duration::from_mins(10),
        };
        let setup = Setup {
            cluster,
            adopts: None,
            registrations: vec![registration],
            concurrency: 32,
            gate: Gate::open(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        };
        let token = stop.clone();
        let task = tokio::spawn(async move {
            let controller = Box::pin(controller::run(client, setup, token));
            controller.await.unwrap();
        });
        self.health.is_complete().await;
        self.running = Some((stop, task));
    }

    pub async fn stop_controller(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    /// The full name of a pool of this story: pools are the whole cluster's.
    pub fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.place.namespace)
    }

    fn everywhere<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(
        &self,
    ) -> Api<K> {
        Api::all(self.place.client.clone())
    }

    fn here<K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>>(
        &self,
    ) -> Api<K> {
        Api::namespaced(self.place.client.clone(), &self.place.namespace)
    }

    pub fn pools(&self) -> Api<AddressPool> {
        self.everywhere()
    }

    pub fn services(&self) -> Api<Service> {
        self.here()
    }

    pub fn reservations(&self) -> Api<AddressReservation> {
        self.here()
    }

    /// Makes a pool.
    pub async fn pool(&self, name: &str, spec: Value) {
        let labels = json!({STORY: self.place.namespace});
        let metadata = json!({"name": self.named(name), "labels": labels});
        create(&self.pools(), "AddressPool", metadata, spec).await;
    }

    /// Changes a pool.
    pub async fn edit(&self, name: &str, patch: Value) {
        merge(&self.pools(), &self.named(name), patch).await;
    }

    pub async fn delete_pool(&self, name: &str) {
        let (pools, name) = (self.pools(), self.named(name));
        pools.delete(&name, &DeleteParams::default()).await.unwrap();
    }

    /// Makes an L2Advertisement.
    pub async fn advertise(&self, name: &str, spec: Value) {
        let labels = json!({STORY: self.place.namespace});
        let metadata = json!({"name": self.named(name), "labels": labels});
        create(
            &self.everywhere::<L2Advertisement>(),
            "L2Advertisement",
            metadata,
            spec,
        )
        .await;
    }

    /// Changes an L2Advertisement.
    pub async fn edit_advertisement(&self, name: &str, patch: Value) {
        let api = self.everywhere::<L2Advertisement>();
        merge(&api, &self.named(name), patch).await;
    }

    /// Waits until an L2Advertisement is like this, and returns it.
    pub async fn until_advertisement(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let api = self.everywhere::<L2Advertisement>();
        until(&api, &self.named(name), what, is_so).await
    }

    pub async fn reserve(&self, name: &str, spec: Value) {
        let metadata = json!({"name": name});
        create(&self.reservations(), "AddressReservation", metadata, spec).await;
    }

    pub async fn create(&self, service: &Value) {
        let (services, service) = (self.services(), object(service.clone()));
        let made = services.create(&PostParams::default(), &service).await;
        made.unwrap();
    }

    /// Changes a Service.
    pub async fn patch(&self, name: &str, patch: Value) {
        merge(&self.services(), name, patch).await;
    }

    pub async fn patch_status(&self, name: &str, patch: Value) {
        let services = self.services();
        let patch = Patch::Merge(patch);
        let parameters = PatchParams::default();
        let patched = services.patch_status(name, &parameters, &patch).await;
        patched.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        let services = self.services();
        services
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
        eventually(
            || async { services.get_opt(name).await.unwrap().is_none() },
            || format!("Service {name} is gone"),
        )
        .await;
    }

    pub async fn get(&self, name: &str) -> Value {
        value(&self.services(), name).await
    }

    /// Waits until the Service is like this, and returns it.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(&self.services(), name, what, is_so).await
    }

    /// Waits until a Service has these addresses.
    pub async fn until_at(&self, name: &str, expected: &[&str]) -> Value {
        let what = format!("has {expected:?}");
        self.until(name, &what, |it| addresses(it) == expected)
            .await
    }

    /// Waits until its load balancer is not provided for this reason.
    pub async fn until_lacks(&self, name: &str, reason: &str) -> Value {
        let what = format!("is told {reason}");
        self.until(name, &what, |it| {
            condition(it, "landfall.dev/Provisioned")["reason"] == reason
        })
        .await
    }

    /// Waits until a pool's status is like this, and returns the pool.
    pub async fn until_pool(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&self.pools(), &self.named(name), what, is_so).await
    }

    /// Waits until an event of this reason is told of the Service, and returns its note.
    pub async fn until_told(&self, name: &str, reason: &str) -> String {
        let note = std::cell::RefCell::new(None);
        eventually(
            || async {
                let events = self.events(name).await;
                let mut told = events.into_iter();
                let told = told.find(|it| it.reason.as_deref() == Some(reason));
                note.replace(told.and_then(|event| event.note));
                note.borrow().is_some()
            },
            || format!("an event {reason} is told of Service {name}"),
        )
        .await;
        note.into_inner().unwrap()
    }

    /// Our events on the Service.
    pub async fn events(&self, name: &str) -> Vec<Event> {
        let api = self.here::<Event>();
        let events = api.list(&ListParams::default()).await;
        let mut events = events.unwrap().items;
        events.retain(|event| {
            let regarding = event.regarding.as_ref();
            event.reporting_controller.as_deref() == Some("landfall-controller")
                && regarding.is_some_and(|it| it.name.as_deref() == Some(name))
        });
        events
    }
}

async fn create<K>(api: &Api<K>, kind: &str, metadata: Value, spec: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    let json = json!({
        "apiVersion": "landfall.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    });
    api.create(&PostParams::default(), &object(json))
        .await
        .unwrap();
}

async fn merge<K>(api: &Api<K>, name: &str, patch: Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = Patch::Merge(patch);
    api.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

async fn value<K>(api: &Api<K>, name: &str) -> Value
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    serde_json::to_value(api.get_opt(name).await.unwrap()).unwrap()
}

/// Waits until an object is like this, and returns it.
pub async fn until<K>(api: &Api<K>, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    let seen = std::cell::RefCell::new(Value::Null);
    eventually(
        || async {
            let object = value(api, name).await;
            let so = is_so(&object);
            seen.replace(object);
            so
        },
        || format!("{name} {what}: {:#}", seen.borrow()),
    )
    .await;
    seen.into_inner()
}

fn is_established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.iter().flat_map(|it| it.conditions.iter());
    let mut conditions = conditions.flatten();
    conditions.any(|it| it.type_ == "Established" && it.status == "True")
}

/// Polls until it is so.
pub async fn eventually<F: Future<Output = bool>>(
    is_so: impl Fn() -> F,
    what: impl Fn() -> String,
) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {}", what());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
