//! What the sandbox prints for people: what to type next, then a line for each event in the
//! cluster.

use futures::StreamExt;
use jiff::tz::TimeZone;
use k8s_openapi::api::events::v1;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use landfall_process::{Failure, say};

/// What to type next.
pub(super) struct Guide {
    pub(super) nodes: u8,
    pub(super) kubeconfig: String,
    /// The mock cloud's URL and where its administrator's token is, if there is one.
    pub(super) cloud: Option<(String, String)>,
}

impl Guide {
    pub(super) fn print(&self) -> Result<(), Failure> {
        let Self {
            nodes, kubeconfig, ..
        } = self;
        let (what, more) = match &self.cloud {
            Some((url, token)) => (
                "a cloud with load balancers",
                format!(
                    "What the cloud was asked to do:

  curl -H \"Authorization: Bearer $(cat {token})\" {url}/admin/calls"
                ),
            ),
            None => (
                "a pool of addresses for load balancers",
                "Where its address came from, and what may be had besides:

  kubectl get pools
  kubectl explain addresspool.spec
  kubectl apply -f examples/pools.yaml"
                    .to_owned(),
            ),
        };
        say(format_args!(
            "
A Kubernetes cluster of {nodes} nodes and {what}, on this machine only.
In a second terminal:

  export KUBECONFIG={kubeconfig}
  kubectl create deployment hello --image=echo --port=8080 --replicas=3
  kubectl expose deployment hello --type=LoadBalancer --port=8080
  kubectl get service hello -w          # EXTERNAL-IP appears
  curl http://EXTERNAL-IP:8080/
  kubectl scale deployment hello --replicas=1
  kubectl delete service hello

{more}

Ctrl-C ends the sandbox and leaves nothing behind. What happens in it:
"
        ))
    }
}

/// Prints a line for each event until the watch ends with the process.
pub(super) async fn narrate(client: Client) -> Result<(), Failure> {
    let events = watcher(Api::<v1::Event>::all(client), watcher::Config::default());
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(event)) => say(format_args!("{}", line(&event)))?,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the watch of Events was interrupted"),
        }
    }
    Ok(())
}

fn line(event: &v1::Event) -> String {
    let series = event.series.as_ref();
    let observed = series.map(|series| series.last_observed_time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    let made = event
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0);
    let time = observed
        .or(first)
        .or(made)
        .map_or_else(String::new, |time| {
            time.to_zoned(TimeZone::system())
                .strftime("%H:%M:%S")
                .to_string()
        });
    let regarding = event.regarding.clone().unwrap_or_default();
    let times = series.map_or_else(String::new, |series| format!(" (×{})", series.count));
    format!(
        "{time} {kind} {namespace}/{name}: {reason}{times}: {note}",
        kind = regarding.kind.unwrap_or_default(),
        namespace = regarding.namespace.unwrap_or_default(),
        name = regarding.name.unwrap_or_default(),
        reason = event.reason.as_deref().unwrap_or_default(),
        note = event.note.as_deref().unwrap_or_default().replace('\n', " "),
    )
}
