//! The way to the API server.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use landfall_process::Failure;

/// A client for the cluster that the kubeconfig names; without one, for the cluster that the
/// surroundings name (`KUBECONFIG`, `~/.kube/config`, the pod's service account).
pub(crate) async fn client(kubeconfig: Option<&Path>) -> Result<Client, Failure> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => Config::infer().await.map_err(|error| {
            Failure::usage(format!(
                "no cluster is configured; give --kubeconfig FILE: {error}"
            ))
        })?,
    };
    check(&config)?;
    // kube's client would repeat a request that is answered 429, 503 or 504 for many minutes, and
    // whoever made it would hang as long. The queue knows better when to try again.
    config.default_retry = false;
    let server = config.cluster_url.clone();
    tracing::info!(%server, "using this API server");
    Client::try_from(config)
        .map_err(|error| Failure::usage(format!("cannot make a client for {server}: {error}")))
}

/// Refuses what kube would only stumble over later, or pass by in silence.
fn check(config: &Config) -> Result<(), Failure> {
    let server = &config.cluster_url;
    if !matches!(server.scheme_str(), Some("https" | "http")) {
        return Err(Failure::usage(format!(
            "the kubeconfig's server {server} names no scheme; write it like https://{server}"
        )));
    }
    if config.root_cert.as_ref().is_some_and(Vec::is_empty) {
        return Err(Failure::usage(
            "the kubeconfig's certificate authority holds no certificate; it must be PEM",
        ));
    }
    Ok(())
}

async fn from_file(path: &Path) -> Result<Config, Failure> {
    let shown = path.display();
    let bad =
        |error: &dyn std::fmt::Display| Failure::usage(format!("--kubeconfig {shown}: {error}"));
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| bad(&error))?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| bad(&error))
}
