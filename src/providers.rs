//! The providers that exist. Adding one is its folder under `providers/`, its fields in the
//! configuration, and its arms here.

use std::sync::Arc;

use kube::Client;
use landfall_process::{Failure, read_token};
use landfall_provider_api::{ClusterId, Provider};
use landfall_provider_bare_metal::BareMetal;
use landfall_provider_mock_cloud::MockCloud;
use landfall_service::Predecessor;
use landfall_watch::Health;

use crate::config::{self, Backend};
use crate::controller::{Metrics, Registration};

/// What the AWS Load Balancer Controller keeps Services with.
const AWS_CONTROLLER_FINALIZER: &str = "service.k8s.aws/resources";

/// A configured provider whose files are read: all that it still lacks is the cluster.
#[derive(Debug)]
pub struct Prepared {
    configured: config::Provider,
    /// The bearer token of one that has to show one.
    token: String,
}

/// Reads what the configuration names. All faults at once, each with its path.
pub fn prepare(configured: &[config::Provider]) -> Result<Vec<Prepared>, Failure> {
    let mut faults = Vec::new();
    let mut prepared = Vec::new();
    for (index, configured) in configured.iter().enumerate() {
        let token = match &configured.backend {
            Backend::MockCloud { token_file, .. } => {
                read_token(&format!("providers[{index}].tokenFile"), token_file)
            }
            Backend::Aws { .. } if cfg!(not(feature = "aws")) => Err(Failure::usage(format!(
                "providers[{index}].type: this program was built without aws"
            ))),
            Backend::Aws { .. } | Backend::BareMetal { .. } => Ok(String::new()),
        };
        match token {
            Ok(token) => prepared.push(Prepared {
                configured: configured.clone(),
                token,
            }),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    if faults.is_empty() {
        Ok(prepared)
    } else {
        Err(Failure::usage(faults.join("\n")))
    }
}

impl Prepared {
    /// The `class` that the provider owns.
    pub fn class(&self) -> &landfall_service::Class {
        &self.configured.class
    }

    /// Makes the provider, for a cluster whose API server the client speaks to. What it keeps of
    /// its own there goes to the controller's `namespace`, if there is one.
    pub fn register(
        &self,
        cluster: &ClusterId,
        client: &Client,
        namespace: Option<&str>,
        health: &Health,
        metrics: &Metrics,
    ) -> Result<Registration, Failure> {
        let mut aside = None;
        let provider: Arc<dyn Provider> = match &self.configured.backend {
            #[cfg(feature = "aws")]
            Backend::Aws {
                region,
                vpc_id,
                endpoint_url,
                takes_over,
            } => {
                let settings = landfall_provider_aws::Settings {
                    region: region.clone(),
                    vpc: vpc_id.clone(),
                    endpoint: endpoint_url.clone(),
                };
                let mut made = landfall_provider_aws::Aws::new(settings, cluster.clone());
                if let Some(it) = takes_over {
                    let settings = landfall_provider_aws::TakesOver {
                        cluster_name: it.cluster_name.clone().unwrap_or(cluster.name.clone()),
                        lease_namespace: it.lease_namespace.clone(),
                        lease_name: it.lease_name.clone(),
                    };
                    made = made.taking_over(settings, client, health);
                    aside = made.aside();
                }
                metrics.add(made.collector());
                Arc::new(made)
            }
            #[cfg(not(feature = "aws"))]
            Backend::Aws { .. } => unreachable!("`prepare` has refused it"),
            Backend::MockCloud { url, families, .. } => {
                let made = MockCloud::new(url, &self.token, cluster.clone());
                let made = made.map_err(|error| Failure::usage(format!("url {url}: {error}")))?;
                Arc::new(made.with_families(families.iter().copied()))
            }
            Backend::BareMetal { read_metallb } => {
                let (client, health) = (client.clone(), health.clone());
                let made = BareMetal::new(client, cluster.clone(), health);
                let metallb = read_metallb.as_ref().map(|it| it.namespace.clone());
                let made = made.reading_metallb(metallb);
                let made = made.keeping_key(namespace.map(str::to_owned));
                aside = Some(made.aside());
                metrics.add(made.collector());
                Arc::new(made)
            }
        };
        Ok(Registration {
            class: self.configured.class.clone(),
            default: self.configured.default,
            predecessor: predecessor(&self.configured.backend),
            aside,
            provider,
            drift_interval: self.configured.drift_interval,
            sweep_after: self.configured.sweep_after,
        })
    }
}

/// Whose Services a provider takes over.
fn predecessor(of: &Backend) -> Option<Predecessor> {
    let Backend::Aws { takes_over, .. } = of else {
        return None;
    };
    takes_over.as_ref().map(|it| Predecessor {
        class: it.class.clone(),
        finalizer: AWS_CONTROLLER_FINALIZER,
    })
}
