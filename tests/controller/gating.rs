//! Pods that wait for the load balancer by a readiness gate, and an API server that does not always let the
//! controller read and write them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::{Api, Client};
use landfall_provider_api::{EndpointInput, Finding, Inputs};
use serde_json::{Value, json};

use crate::place::object;
use crate::provider::Scripted;
use crate::world::{World, eventually, service};

const GATE: &str = "target-health.landfall.dev/web";

type Answer = Response<axum::body::Body>;

/// Between the controller and the API server: counts what is asked of pods, and refuses some of it.
#[derive(Clone, Default)]
struct Clerk {
    /// By verb and the name of the pod.
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How many reads are refused, and how many writes.
    refused_reads: Arc<AtomicUsize>,
    refused_writes: Arc<AtomicUsize>,
}

impl Clerk {
    fn between(&self, client: Client) -> Client {
        let clerk = self.clone();
        let counting = tower::service_fn(move |request: Request<Body>| {
            let (clerk, client) = (clerk.clone(), client.clone());
            async move { clerk.pass(client, request).await }
        });
        Client::new(counting, "default")
    }

    async fn pass(self, client: Client, request: Request<Body>) -> kube::Result<Answer> {
        let path = request.uri().path().to_owned();
        let Some((_, rest)) = path.split_once("/pods") else {
            return Ok(client.send(request).await?.map(axum::body::Body::new));
        };
        let query = request.uri().query().unwrap_or_default();
        let (verb, name, refused) = match (rest.split('/').nth(1), request.method()) {
            (None, _) => {
                let name = query.split("metadata.name%3D").nth(1).unwrap_or(query);
                let name = name.split('&').next().unwrap();
                let verb = if query.contains("watch=") {
                    "watch"
                } else {
                    "list"
                };
                (verb, name.to_owned(), None)
            }
            (Some(name), &Method::GET) => ("get", name.to_owned(), Some(&self.refused_reads)),
            (Some(name), _) => ("write", name.to_owned(), Some(&self.refused_writes)),
        };
        self.count(format!("{verb} {name}"));
        let one_less = |left: usize| left.checked_sub(1);
        let (order, again) = (Ordering::SeqCst, Ordering::SeqCst);
        if refused.is_some_and(|it| it.fetch_update(order, again, one_less).is_ok()) {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
                "message": "pods is forbidden", "code": 403,
            });
            let answer = Response::builder().status(403);
            return Ok(answer.body(status.to_string().into()).unwrap());
        }
        Ok(client.send(request).await?.map(axum::body::Body::new))
    }

    fn count(&self, what: String) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
    }

    fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().unwrap().clone()
    }
}

/// A world with a Service `web`, whose provider finds this of pods that wait for it.
async fn world(clerk: &Clerk, finding: Finding) -> World {
    let mut world = World::without_controller().await;
    world.acting = clerk.between(world.acting.clone());
    world.provider.find(finding);
    world.provider.able(|it| {
        it.inputs = Inputs {
            endpoints: EndpointInput::Pods,
            readiness_gates: true,
            ..Inputs::default()
        };
    });
    let mut web = service("web");
    // So that no controller of the cluster makes slices of its own.
    web["spec"].as_object_mut().unwrap().remove("selector");
    world.create(&web).await;
    world
}

fn found(holds: bool) -> Finding {
    let reason = if holds { "Healthy" } else { "Unhealthy" };
    Finding {
        holds,
        reason,
        message: "as the load balancer says".to_owned(),
    }
}

impl World {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.place.namespace)
    }

    /// Makes a pod whose containers are ready, and returns its endpoint but for the conditions.
    async fn create_pod(&self, name: &str, address: &str, gates: &[&str]) -> Value {
        let gates: Vec<_> = gates
            .iter()
            .map(|it| json!({"conditionType": it}))
            .collect();
        let pod = json!({
            "metadata": {"name": name},
            "spec": {
                "containers": [{"name": "web", "image": "example.com/web"}],
                "readinessGates": gates,
                "automountServiceAccountToken": false,
            },
        });
        let (pods, parameters) = (self.pods(), PostParams::default());
        let made: Pod = pods.create(&parameters, &object(pod)).await.unwrap();
        let ready = json!({"type": "ContainersReady", "status": "True"});
        let patch = Patch::Strategic(json!({"status": {"conditions": [ready]}}));
        let parameters = PatchParams::default();
        pods.patch_status(name, &parameters, &patch).await.unwrap();
        let target = json!({"kind": "Pod", "name": name, "uid": made.metadata.uid});
        json!({"addresses": [address], "targetRef": target})
    }

    /// Has the slice of `web` list these, and whether they are ready.
    async fn list(&self, pods: &[(&Value, bool)]) {
        let endpoint = |(pod, ready): &(&Value, bool)| {
            let mut endpoint = (*pod).clone();
            endpoint["conditions"] = json!({"ready": ready});
            endpoint
        };
        let endpoints: Vec<_> = pods.iter().map(endpoint).collect();
        let slices = Api::<EndpointSlice>::namespaced(self.client.clone(), &self.place.namespace);
        if slices.get_opt("web-1").await.unwrap().is_some() {
            let patch = Patch::Merge(json!({ "endpoints": endpoints }));
            let parameters = PatchParams::default();
            slices.patch("web-1", &parameters, &patch).await.unwrap();
            return;
        }
        let slice = json!({
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": endpoints,
        });
        let parameters = PostParams::default();
        slices.create(&parameters, &object(slice)).await.unwrap();
    }

    /// Waits until these pods and no others are targets.
    async fn until_targets(&self, addresses: &[&str]) {
        let is_so = |it: &Scripted| {
            let held = it.held("web");
            let targets = held.iter().flat_map(|it| &it.endpoints);
            let targets: Vec<_> = targets.map(|it| it.address.to_string()).collect();
            !held.is_empty() && targets == addresses
        };
        self.until_asked(&format!("has {addresses:?}"), is_so).await;
    }

    /// Waits until the gate of a pod says this.
    async fn until_gate(&self, name: &str, status: &str, reason: &str) {
        eventually(
            async || {
                let pod = self.pods().get(name).await.unwrap();
                let conditions = pod.status.unwrap().conditions.unwrap_or_default();
                let mut conditions = conditions.iter();
                conditions.any(|it| {
                    let says = it.reason.as_deref() == Some(reason);
                    it.type_ == GATE && it.status == status && says
                })
            },
            || format!("the gate of {name} says {status} {reason}"),
        )
        .await;
    }
}

#[tokio::test]
async fn of_pods_that_are_not_ready_those_with_a_gate_are_followed_and_others_read_once() {
    let clerk = Clerk::default();
    let mut world = world(&clerk, found(false)).await;
    let gated = world.create_pod("gated", "10.1.0.1", &[GATE]).await;
    let plain = world.create_pod("plain", "10.1.0.2", &[]).await;
    let ready = world.create_pod("ready", "10.1.0.3", &[GATE]).await;
    world.start_controller().await;
    let list = async |is_gated: bool, is_plain: bool| {
        let pods = [(&gated, is_gated), (&plain, is_plain), (&ready, true)];
        world.list(&pods).await;
    };
    list(false, false).await;
    world.until_targets(&["10.1.0.1", "10.1.0.3"]).await;
    world.until_gate("gated", "False", "Unhealthy").await;

    // One that has no gate becomes ready and ceases to be, as often as it likes.
    list(false, true).await;
    let all = ["10.1.0.1", "10.1.0.2", "10.1.0.3"];
    world.until_targets(&all).await;
    list(false, false).await;
    world.until_targets(&["10.1.0.1", "10.1.0.3"]).await;
    world.provider.find(found(true));
    world.provider.change("web");
    world.until_gate("gated", "True", "Healthy").await;
    list(true, false).await;
    let nobody_waits = |it: &Scripted| it.held("web")[0].awaited.is_empty();
    world.until_asked("waits for nobody", nobody_waits).await;
    world.settle().await;

    let mut asked = clerk.asked();
    let written = asked.remove("write gated");
    let once = ["get gated", "get plain", "watch gated"].map(|it| (it.to_owned(), 1));
    assert_eq!(asked, BTreeMap::from(once));
    let most = 3; // registering, unhealthy, healthy
    assert!(written.is_some_and(|it| it <= most), "{written:?}");
}

#[tokio::test]
async fn a_gate_that_could_not_be_written_says_what_is_right_in_the_end() {
    let clerk = Clerk::default();
    clerk.refused_writes.store(2, Ordering::SeqCst);
    let mut world = world(&clerk, found(true)).await;
    let gated = world.create_pod("gated", "10.1.0.1", &[GATE]).await;
    world.list(&[(&gated, false)]).await;
    world.start_controller().await;
    world.until_gate("gated", "True", "Healthy").await;
    assert!(clerk.asked()["write gated"] >= 3);
}

#[tokio::test]
async fn where_pods_cannot_be_read_a_service_goes_on_without_them_and_they_come_later() {
    let clerk = Clerk::default();
    clerk.refused_reads.store(2, Ordering::SeqCst);
    let mut world = world(&clerk, found(true)).await;
    let gated = world.create_pod("gated", "10.1.0.1", &[GATE]).await;
    let ready = world.create_pod("ready", "10.1.0.2", &[]).await;
    world.list(&[(&gated, false), (&ready, true)]).await;
    world.start_controller().await;
    world.until_targets(&["10.1.0.2"]).await;
    world.until_provisioned("web").await;
    world.until_gate("gated", "True", "Healthy").await;
    world.until_targets(&["10.1.0.1", "10.1.0.2"]).await;
}
