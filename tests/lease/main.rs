//! Stories of leader election, on a mock cluster.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use landfall::lease::election::Timing;
use landfall::lease::{Candidate, Gate, Lost, campaign};
use landfall_mock_cluster::Cluster;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Short, so that the stories are; the ratios are client-go's.
const TIMING: Timing = Timing {
    lease: Duration::from_secs(3),
    renew: Duration::from_secs(2),
    retry: Duration::from_millis(400),
};
/// Longest that anything may take; machines are shared and slow at times.
const PATIENCE: Duration = Duration::from_mins(1);

struct Replica {
    gate: Gate,
    stop: CancellationToken,
    campaign: JoinHandle<Result<(), Lost>>,
    /// Whether the API server hears it.
    heard: Arc<AtomicBool>,
}

impl Replica {
    fn start(cluster: &Cluster, identity: &str) -> Self {
        let candidate = Candidate {
            namespace: "default".to_owned(),
            name: "landfall".to_owned(),
            identity: identity.to_owned(),
            timing: TIMING,
        };
        let heard = Arc::new(AtomicBool::new(true));
        let stop = CancellationToken::new();
        let client = switched(cluster, heard.clone());
        let (gate, campaign) = campaign(client, candidate, stop.clone());
        Self {
            gate,
            stop,
            campaign: tokio::spawn(campaign),
            heard,
        }
    }

    async fn leads(&self) {
        until("a replica leads", async || self.gate.is_open()).await;
    }
}

/// A client whose calls are not answered while `heard` is false.
fn switched(cluster: &Cluster, heard: Arc<AtomicBool>) -> Client {
    let router = cluster.router();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (router, heard) = (router.clone(), heard.clone());
        async move {
            if !heard.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            router.oneshot(request.map(axum::body::Body::new)).await
        }
    });
    Client::new(service, "default")
}

async fn lease(cluster: &Cluster) -> Option<Lease> {
    let api = Api::<Lease>::default_namespaced(cluster.client());
    api.get_opt("landfall").await.unwrap()
}

async fn holder(cluster: &Cluster) -> String {
    let spec = lease(cluster).await.unwrap().spec.unwrap();
    spec.holder_identity.unwrap_or_default()
}

async fn transitions(cluster: &Cluster) -> Option<i32> {
    lease(cluster)
        .await
        .unwrap()
        .spec
        .unwrap()
        .lease_transitions
}

/// A replica that leads, and another that stands by.
async fn two_replicas() -> (Cluster, Replica, Replica) {
    let cluster = Cluster::new();
    let first = Replica::start(&cluster, "first");
    first.leads().await;
    let second = Replica::start(&cluster, "second");
    (cluster, first, second)
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn of_two_replicas_one_leads_and_goes_on_leading() {
    let (cluster, first, second) = two_replicas().await;
    let seen = lease(&cluster).await.unwrap().metadata.resource_version;
    // Several renewals later, nothing has changed but the time.
    for _ in 0..4 {
        let before = lease(&cluster).await.unwrap().metadata.resource_version;
        until("the Lease is renewed", async || {
            lease(&cluster).await.unwrap().metadata.resource_version != before
        })
        .await;
        assert!(first.gate.is_open() && !second.gate.is_open());
    }
    assert_ne!(
        lease(&cluster).await.unwrap().metadata.resource_version,
        seen
    );
    assert_eq!(holder(&cluster).await, "first");
    assert_eq!(transitions(&cluster).await, Some(0));
}

#[tokio::test]
async fn a_lease_that_is_given_up_is_taken_without_waiting_for_its_end() {
    let (cluster, first, second) = two_replicas().await;
    first.stop.cancel();
    first.campaign.await.unwrap().unwrap();
    assert!(
        !first.gate.is_open(),
        "who gave the Lease up leads no longer"
    );
    second.leads().await;
    assert_eq!(holder(&cluster).await, "second");
    assert_eq!(transitions(&cluster).await, Some(1));
}

#[tokio::test]
async fn a_leader_that_dies_is_followed_by_another() {
    let (cluster, first, second) = two_replicas().await;
    first.campaign.abort();
    second.leads().await;
    assert_eq!(holder(&cluster).await, "second");
}

#[tokio::test]
async fn a_leader_that_is_cut_off_stops_before_another_begins() {
    let (_cluster, first, second) = two_replicas().await;
    first.heard.store(false, Ordering::SeqCst);
    until("the second leads", async || {
        assert!(
            !(first.gate.is_open() && second.gate.is_open()),
            "two lead at once"
        );
        second.gate.is_open()
    })
    .await;
    let lost = first.campaign.await.unwrap().unwrap_err().to_string();
    assert!(
        lost.contains("default/landfall") && lost.contains("could not be renewed"),
        "{lost}"
    );
}

#[tokio::test]
async fn a_lease_that_vanishes_is_made_again() {
    let cluster = Cluster::new();
    let first = Replica::start(&cluster, "first");
    first.leads().await;
    let api = Api::<Lease>::default_namespaced(cluster.client());
    api.delete("landfall", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    until("the Lease is there again", async || {
        lease(&cluster).await.is_some()
    })
    .await;
    assert_eq!(holder(&cluster).await, "first");
    assert!(first.gate.is_open());
}

#[tokio::test]
async fn a_lease_that_somebody_else_takes_by_force_is_lost() {
    let cluster = Cluster::new();
    let first = Replica::start(&cluster, "first");
    first.leads().await;
    let api = Api::<Lease>::default_namespaced(cluster.client());
    let patch =
        serde_json::json!({"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 600}});
    let parameters = kube::api::PatchParams::default();
    api.patch("landfall", &parameters, &kube::api::Patch::Merge(patch))
        .await
        .unwrap();
    let lost = first.campaign.await.unwrap().unwrap_err().to_string();
    assert!(lost.contains("another holds it"), "{lost}");
    assert!(!first.gate.is_open());
    assert_eq!(holder(&cluster).await, "somebody");
}
