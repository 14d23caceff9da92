//! The API over TLS: who is let in, who is not waited for, and how it ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher;
use kube::{Api, Client, Config};
use landfall_mock_cluster::{Cluster, Credentials};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Server {
    address: SocketAddr,
    kubeconfig: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), landfall_mock_cluster::Error>>,
}

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let credentials = Credentials::generate(address).unwrap();
    let kubeconfig = credentials.kubeconfig("mock");
    let stop = CancellationToken::new();
    let token = stop.clone();
    let task =
        tokio::spawn(async move { Cluster::new().serve(listener, credentials, token).await });
    Server {
        address,
        kubeconfig,
        stop,
        task,
    }
}

async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn only_the_bearer_of_the_token_is_let_in() {
    let server = start().await;
    let namespaces: Api<Namespace> = Api::all(client(&server.kubeconfig).await);
    namespaces.get("default").await.unwrap();
    let line = server
        .kubeconfig
        .lines()
        .find(|line| line.contains("token:"))
        .unwrap();
    let wrong = server.kubeconfig.replace(line, "    token: wrong");
    let refused: Api<Namespace> = Api::all(client(&wrong).await);
    let error = refused.get("default").await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 401));
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_silent_client_keeps_nobody_waiting() {
    let server = start().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let namespaces: Api<Namespace> = Api::all(client(&server.kubeconfig).await);
    namespaces.get("default").await.unwrap();
    let begun = Instant::now();
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_shutdown_ends_watches_at_once() {
    let server = start().await;
    let services: Api<Service> = Api::all(client(&server.kubeconfig).await);
    let mut watch = watcher(services, watcher::Config::default()).boxed();
    assert!(matches!(
        watch.next().await.unwrap().unwrap(),
        watcher::Event::Init
    ));
    assert!(matches!(
        watch.next().await.unwrap().unwrap(),
        watcher::Event::InitDone
    ));
    assert!(futures::poll!(watch.next()).is_pending());
    let begun = Instant::now();
    server.stop.cancel();
    server.task.await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}
