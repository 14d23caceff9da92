//! A controller that is killed over and over while Services come, change and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use landfall_test_process::PATIENCE;
use serde_json::{Value, json};

use crate::world::{World, addresses, condition, object};

/// How long the churn and the killing go on.
const CHURN: Duration = Duration::from_mins(2);
/// Names that Services come and go under.
const NAMES: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_leaves_exactly_what_is_wanted() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut world = World::start().await;
    // So that most are killed between a change and its answer.
    world.put_gateway(Duration::from_millis(200));
    let over = Arc::new(AtomicBool::new(false));
    let churn = tokio::spawn(churn(
        world.services(),
        world.class(),
        fastrand::Rng::with_seed(seed),
        over.clone(),
    ));
    let (start, mut killed) = (Instant::now(), 0);
    let mut random = fastrand::Rng::with_seed(seed ^ 1);
    while start.elapsed() < CHURN {
        // Before it is ready, too.
        let kubeconfig = world.kubeconfig.clone();
        let controller = world.controller(&kubeconfig, &["--leader-elect", "false"]);
        tokio::time::sleep(Duration::from_millis(random.u64(5..3000))).await;
        controller.kill();
        killed += 1;
    }
    over.store(true, Ordering::SeqCst);
    let changes = churn.await.unwrap();
    println!("killed {killed} times in {changes} changes");
    assert!(
        killed > 20 && changes > 100,
        "killed {killed} times, {changes} changes"
    );

    let _controller = world.lone_controller();
    until_exact(&world).await;
}

/// Waits until every Service has what it asks for, and the cloud holds nothing besides.
async fn until_exact(world: &World) {
    let deadline = Instant::now() + 2 * PATIENCE;
    loop {
        let complaint = inexact(world).await;
        let Some(complaint) = complaint else { return };
        assert!(Instant::now() < deadline, "not exact: {complaint}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn inexact(world: &World) -> Option<String> {
    let listed = world.services().list(&ListParams::default()).await.unwrap();
    let held = world.held().await;
    let mut wanted = BTreeMap::new();
    for service in listed {
        let service = serde_json::to_value(service).unwrap();
        if service["metadata"]["deletionTimestamp"].is_string() {
            return Some(format!("is still terminating: {service:#}"));
        }
        if service["spec"]["type"] == "LoadBalancer" {
            if condition(&service)["status"] != "True" {
                return Some(format!("is not provisioned: {service:#}"));
            }
            let uid = service["metadata"]["uid"].as_str().unwrap().to_owned();
            wanted.insert(uid, addresses(&service));
        } else if !condition(&service).is_null() || service["metadata"]["finalizers"].is_array() {
            return Some(format!("was not let go: {service:#}"));
        }
    }
    let given: Vec<_> = held.values().flatten().collect();
    let distinct: BTreeSet<_> = given.iter().collect();
    assert_eq!(
        given.len(),
        distinct.len(),
        "an address was given twice: {held:?}"
    );
    (wanted != held).then(|| format!("Services have {wanted:#?}, the cloud holds {held:#?}"))
}

/// Makes, changes and deletes Services at random until it is over. Returns how often.
async fn churn(
    services: Api<Service>,
    class: String,
    mut random: fastrand::Rng,
    over: Arc<AtomicBool>,
) -> usize {
    let mut changes = 0;
    while !over.load(Ordering::SeqCst) {
        let name = format!("web-{}", random.usize(..NAMES));
        let port = random.u16(1000..2000);
        let ports = json!([{"port": port, "protocol": "TCP"}]);
        let load_balancer = json!({
            "type": "LoadBalancer", "loadBalancerClass": class, "ports": ports,
        });
        let changed = match random.u8(..8) {
            0..3 => {
                let service = json!({"metadata": {"name": name}, "spec": load_balancer});
                let made = services
                    .create(&PostParams::default(), &object(service))
                    .await;
                made.map(|_| ())
            }
            3..5 => patch(&services, &name, json!({"spec": {"ports": ports}})).await,
            5 => patch(&services, &name, json!({"spec": {"type": "ClusterIP"}})).await,
            6 => patch(&services, &name, json!({ "spec": load_balancer })).await,
            _ => {
                let deleted = services.delete(&name, &DeleteParams::default()).await;
                deleted.map(|_| ())
            }
        };
        match changed {
            Ok(()) => changes += 1,
            // There is none of this name, or there is one, or it is terminating.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(random.u64(1..60))).await;
    }
    changes
}

async fn patch(services: &Api<Service>, name: &str, patch: Value) -> Result<(), kube::Error> {
    let parameters = PatchParams::default();
    let patched = services
        .patch(name, &parameters, &Patch::Merge(patch))
        .await;
    patched.map(|_| ())
}
