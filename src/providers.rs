//! The providers that exist. Adding one is its folder under `providers/`, its fields in the
//! configuration, and its line here.

use std::sync::Arc;

use landfall_process::{Failure, read_token};
use landfall_provider_api::{ClusterId, Provider};
use landfall_provider_mock_cloud::MockCloud;

use crate::config::{self, Backend};
use crate::controller::Registration;

/// Makes a configured provider for a cluster.
pub fn register(
    configured: &config::Provider,
    cluster: &ClusterId,
) -> Result<Registration, Failure> {
    let provider: Arc<dyn Provider> = match &configured.backend {
        Backend::MockCloud { url, token_file } => {
            let token = read_token("tokenFile", token_file)?;
            let made = MockCloud::new(url, &token, cluster.clone());
            Arc::new(made.map_err(|error| Failure::usage(format!("url {url}: {error}")))?)
        }
    };
    Ok(Registration {
        class: configured.class.clone(),
        default: configured.default,
        provider,
        drift_interval: configured.drift_interval,
        sweep_after: configured.sweep_after,
    })
}
