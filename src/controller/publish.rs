//! Writes to Services: patches of the status sub-resource, and what the API server's answer means
//! for the decision behind them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use landfall_provider_api::ServiceName;
use landfall_service::{Write, patch};

/// Writes Services.
#[derive(Clone)]
pub(super) struct Publisher {
    client: Client,
}

/// What came of a write.
pub(super) enum Written {
    /// It stands; this is the Service now.
    Done(Arc<Service>),
    /// The Service was another by then: decide again on this one.
    Overtaken(Arc<Service>),
    /// There is no such Service any more.
    Gone,
}

impl Publisher {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Writes to this very version of a Service.
    pub(super) async fn write(
        &self,
        service: &Service,
        name: &ServiceName,
        write: &Write,
    ) -> Result<Written, kube::Error> {
        let body = patch(service, write, Timestamp::now());
        let parameters = PatchParams {
            field_manager: Some("landfall".to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .api(name)
            .patch_status(&name.name, &parameters, &Patch::Strategic(body))
            .await;
        match patched {
            Ok(service) => Ok(Written::Done(kept(service))),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Written::Gone),
            // 409: another version. 422: what we write no longer fits, say ingress after a change
            // of type; only a fresh look tells which.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_invalid() => {
                match self.read(name).await? {
                    None => Ok(Written::Gone),
                    Some(fresh)
                        if fresh.metadata.resource_version == service.metadata.resource_version =>
                    {
                        Err(kube::Error::Api(status))
                    }
                    Some(fresh) => Ok(Written::Overtaken(fresh)),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a Service from the API server, past every cache.
    pub(super) async fn read(
        &self,
        name: &ServiceName,
    ) -> Result<Option<Arc<Service>>, kube::Error> {
        Ok(self.api(name).get_opt(&name.name).await?.map(kept))
    }

    fn api(&self, name: &ServiceName) -> Api<Service> {
        Api::namespaced(self.client.clone(), &name.namespace)
    }
}

/// A Service to be kept for a while, without what nobody here reads and is most of it.
fn kept(mut service: Service) -> Arc<Service> {
    service.metadata.managed_fields = None;
    Arc::new(service)
}
