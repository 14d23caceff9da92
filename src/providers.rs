//! The providers that exist. Adding one is its folder under `providers/`, its fields in the
//! configuration, and its arms here.

use std::sync::Arc;

use landfall_process::{Failure, read_token};
use landfall_provider_api::{ClusterId, Provider};
use landfall_provider_mock_cloud::MockCloud;

use crate::config::{self, Backend};
use crate::controller::Registration;

/// A configured provider whose files are read: all that it still lacks is the cluster.
#[derive(Debug)]
pub struct Prepared {
    configured: config::Provider,
    token: String,
}

/// Reads what the configuration names. All faults at once, each with its path.
pub fn prepare(configured: &[config::Provider]) -> Result<Vec<Prepared>, Failure> {
    let mut faults = Vec::new();
    let mut prepared = Vec::new();
    for (index, configured) in configured.iter().enumerate() {
        let Backend::MockCloud { token_file, .. } = &configured.backend;
        match read_token(&format!("providers[{index}].tokenFile"), token_file) {
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

    /// Makes the provider, for a cluster.
    pub fn register(&self, cluster: &ClusterId) -> Result<Registration, Failure> {
        let Backend::MockCloud { url, families, .. } = &self.configured.backend;
        let made = MockCloud::new(url, &self.token, cluster.clone());
        let made = made.map_err(|error| Failure::usage(format!("url {url}: {error}")))?;
        let provider: Arc<dyn Provider> = Arc::new(made.with_families(families.iter().copied()));
        Ok(Registration {
            class: self.configured.class.clone(),
            default: self.configured.default,
            provider,
            drift_interval: self.configured.drift_interval,
            sweep_after: self.configured.sweep_after,
        })
    }
}
