//! kube-rs' own machinery against the mock cluster: watchers, metadata, the Controller with its
//! finalizer helper.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::Controller;
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Error as FinalizerError, Event as FinalizerEvent, finalizer};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use landfall_mock_cluster::Cluster;
use serde_json::json;

use crate::raw::eventually;

fn service(name: &str) -> Service {
    serde_json::from_value(crate::raw::service(name, json!({}))).unwrap()
}

async fn label(services: &Api<Service>, name: &str, value: &str) {
    let patch = json!({ "metadata": { "labels": { "v": value } } });
    services
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn watchers_list_in_both_ways_and_follow() {
    for config in [
        watcher::Config::default().page_size(2),
        watcher::Config::default().streaming_lists(),
    ] {
        let cluster = Cluster::new();
        let services: Api<Service> = Api::default_namespaced(cluster.client());
        for name in ["a", "b", "c"] {
            services
                .create(&PostParams::default(), &service(name))
                .await
                .unwrap();
        }
        let mut events = watcher(services.clone(), config).boxed();
        let mut listed = Vec::new();
        loop {
            match events.try_next().await.unwrap().unwrap() {
                Event::Init => {}
                Event::InitApply(service) => listed.push(service.name_any()),
                Event::InitDone => break,
                other => panic!("{other:?}"),
            }
        }
        listed.sort();
        assert_eq!(listed, ["a", "b", "c"]);
        label(&services, "b", "1").await;
        let Event::Apply(changed) = events.try_next().await.unwrap().unwrap() else {
            panic!()
        };
        assert_eq!(changed.labels()["v"], "1");
        services
            .delete("b", &DeleteParams::default())
            .await
            .unwrap();
        let Event::Delete(gone) = events.try_next().await.unwrap().unwrap() else {
            panic!()
        };
        assert_eq!(gone.name_any(), "b");
    }
}

#[tokio::test]
async fn a_watcher_that_fell_behind_lists_again() {
    let cluster = Cluster::with_event_log(2);
    let services: Api<Service> = Api::default_namespaced(cluster.client());
    services
        .create(&PostParams::default(), &service("a"))
        .await
        .unwrap();
    let mut events = watcher(services.clone(), watcher::Config::default()).boxed();
    while !matches!(events.next().await.unwrap().unwrap(), Event::InitDone) {}
    for number in 0..5 {
        label(&services, "a", &number.to_string()).await;
    }
    let error = events.next().await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("410") || format!("{error:?}").contains("410"),
        "{error:?}"
    );
    let mut seen = None;
    loop {
        match events.next().await.unwrap().unwrap() {
            Event::InitApply(service) => seen = Some(service.labels()["v"].clone()),
            Event::InitDone => break,
            _ => {}
        }
    }
    assert_eq!(seen.as_deref(), Some("4"));
}

#[tokio::test]
async fn metadata_is_watched_alone() {
    let cluster = Cluster::new();
    let services: Api<Service> = Api::default_namespaced(cluster.client());
    services
        .create(&PostParams::default(), &service("a"))
        .await
        .unwrap();
    let config = watcher::Config::default().streaming_lists();
    let metadata: Api<PartialObjectMeta<Service>> = Api::default_namespaced(cluster.client());
    let mut events = watcher(metadata, config).boxed();
    loop {
        if let Event::InitApply(partial) = events.next().await.unwrap().unwrap() {
            assert_eq!(partial.name_any(), "a");
            break;
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("reconciling failed")]
struct Failed(#[source] FinalizerError<kube::Error>);

/// Labels what is applied, and forgets what is deleted.
async fn reconcile(service: Arc<Service>, client: Arc<Client>) -> Result<Action, Failed> {
    let services: Api<Service> = Api::default_namespaced((*client).clone());
    let done = services.clone();
    finalizer(&services, "landfall.dev/test", service, |event| async move {
        if let FinalizerEvent::Apply(service) = event {
            let status = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": service.name_any() },
                "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1", "ipMode": "VIP" }] } },
            });
            let parameters = PatchParams::apply("test").force();
            done.patch_status(&service.name_any(), &parameters, &Patch::Apply(status)).await?;
        }
        Ok(Action::await_change())
    })
    .await
    .map_err(Failed)
}

#[tokio::test]
async fn a_controller_with_a_finalizer_serves_and_releases() {
    let cluster = Cluster::new();
    let client = cluster.client();
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let controller = Controller::new(services.clone(), watcher::Config::default()).run(
        reconcile,
        |_, error: &Failed, _| panic!("{error:?}"),
        Arc::new(client),
    );
    let running = tokio::spawn(controller.for_each(|_| async {}));
    services
        .create(&PostParams::default(), &service("web"))
        .await
        .unwrap();
    eventually("an address", async || {
        let service = services.get("web").await.unwrap();
        let ingress = service.status?.load_balancer?.ingress?;
        (ingress[0].ip.as_deref() == Some("192.0.2.1")).then_some(())
    })
    .await;
    assert_eq!(
        services.get("web").await.unwrap().finalizers(),
        ["landfall.dev/test"]
    );
    services
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    eventually("no service", async || {
        services
            .get_opt("web")
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
    tokio::time::timeout(Duration::from_millis(1), running)
        .await
        .unwrap_err();
}
