//! Events on Services (`events.k8s.io/v1`). They are for people: written beside the work, never
//! waited for, and counted up instead of repeated.

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ObjectReference, Service};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use landfall_provider_api::ServiceName;
use tokio::sync::mpsc;

/// Name under which our events stand.
const REPORTER: &str = "landfall-controller";
/// Events that may wait to be written. Beyond that they are dropped, and the log says so.
const BACKLOG: usize = 16_384;
/// Events that are written at once.
const WRITERS: usize = 8;
/// Longest `note` that the API takes, in bytes.
const NOTE_LIMIT: usize = 1024;

/// What happened, by its `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    EnsuredLoadBalancer,
    EnsuringLoadBalancer,
    DeletedLoadBalancer,
    SyncLoadBalancerFailed,
    HandedOver,
}

impl Reason {
    fn is_normal(self) -> bool {
        !matches!(self, Self::SyncLoadBalancerFailed)
    }
}

/// Takes events from the controller.
#[derive(Debug, Clone)]
pub(super) struct Events(mpsc::Sender<(Event, ObjectReference)>);

impl Events {
    /// The sender, and the writer to be run beside the controller.
    pub(super) fn new(client: Client) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self(sender), write(client, receiver))
    }

    /// Tells something about a Service.
    pub(super) fn tell(&self, about: ObjectReference, reason: Reason, mut note: String) {
        if note.len() > NOTE_LIMIT {
            note.truncate(note.floor_char_boundary(NOTE_LIMIT - '…'.len_utf8()));
            note.push('…');
        }
        let event = Event {
            type_: if reason.is_normal() {
                EventType::Normal
            } else {
                EventType::Warning
            },
            reason: format!("{reason:?}"),
            note: Some(note),
            action: "Sync".to_owned(),
            secondary: None,
        };
        if self.0.try_send((event, about)).is_err() {
            tracing::warn!(?reason, "an event was dropped: too many wait to be written");
        }
    }
}

/// The reference by which an event names a Service.
pub(super) fn reference(service: &Service) -> ObjectReference {
    service.object_ref(&())
}

/// The same for a Service that is gone.
pub(super) fn reference_to_gone(name: &ServiceName, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        namespace: Some(name.namespace.clone()),
        name: Some(name.name.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

async fn write(client: Client, receiver: mpsc::Receiver<(Event, ObjectReference)>) {
    let reporter = Reporter {
        controller: REPORTER.to_owned(),
        instance: None,
    };
    let recorder = Recorder::new(client, reporter);
    let events = futures::stream::unfold(receiver, |mut receiver| async {
        let event = receiver.recv().await?;
        Some((event, receiver))
    });
    events
        .for_each_concurrent(WRITERS, |(event, about)| {
            let recorder = recorder.clone();
            async move {
                if let Err(error) = recorder.publish(&event, &about).await {
                    tracing::debug!(service = ?about.name, reason = event.reason, %error, "an event was not written");
                }
            }
        })
        .await;
}
