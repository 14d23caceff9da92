//! What is told of Services by events.

use k8s_openapi::api::core::v1::{ObjectReference, Service};
use kube::Resource;
use landfall_events::{Kind, Told};
use landfall_provider_api::ServiceName;

/// What happened, by its `reason`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason {
    EnsuredLoadBalancer,
    EnsuringLoadBalancer,
    DeletedLoadBalancer,
    SyncLoadBalancerFailed,
    HandedOver,
    Contested,
    /// What a provider warns of, by the reason that it gives.
    Warned(&'static str),
}

impl Reason {
    fn kind(self) -> Kind {
        match self {
            Self::SyncLoadBalancerFailed | Self::Contested | Self::Warned(_) => Kind::Warning,
            _ => Kind::Normal,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::EnsuredLoadBalancer => "EnsuredLoadBalancer",
            Self::EnsuringLoadBalancer => "EnsuringLoadBalancer",
            Self::DeletedLoadBalancer => "DeletedLoadBalancer",
            Self::SyncLoadBalancerFailed => "SyncLoadBalancerFailed",
            Self::HandedOver => "HandedOver",
            Self::Contested => "Contested",
            Self::Warned(reason) => reason,
        }
    }

    /// This, of a Service.
    pub(super) fn told(self, about: ObjectReference, note: String) -> Told {
        Told {
            about,
            kind: self.kind(),
            reason: self.name(),
            action: "Sync",
            note,
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
