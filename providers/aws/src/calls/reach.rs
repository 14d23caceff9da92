//! How bytes get to AWS: one pool of connections for all that asks, through the proxy of the
//! environment (`HTTPS_PROXY`, `NO_PROXY`) or straight to what only this machine can reach.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// A connection that is not there after this long will not come.
const CONNECTED_WITHIN: Duration = Duration::from_secs(3);

/// Connections to AWS. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    by_proxy: Arc<Connector>,
    straight: Arc<Connector>,
}

impl Reach {
    pub(super) fn new() -> Self {
        Self {
            by_proxy: Arc::new(connector(ProxyConfig::from_env())),
            straight: Arc::new(connector(ProxyConfig::disabled())),
        }
    }

    /// For the SDK.
    pub(super) fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }
}

impl HttpConnector for Reach {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if of_this_machine(request.uri()) {
            self.straight.call(request)
        } else {
            self.by_proxy.call(request)
        }
    }
}

fn connector(proxy: ProxyConfig) -> Connector {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECTED_WITHIN);
    Connector::builder()
        .proxy_config(proxy)
        .connector_settings(settings.build())
        .sleep_impl(TokioSleep::new())
        .tls_provider(ring)
        .build()
}

/// Metadata and credentials of the instance or the container, which no proxy reaches.
fn of_this_machine(uri: &str) -> bool {
    let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    host.starts_with("169.254.") || host.starts_with("[fd00:ec2:")
}

/// Whether no connection came about, so that nothing was sent.
pub(super) fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|it| {
        it.downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

/// An error and all that lie beneath it.
pub(super) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |it: &&'a (dyn Error + 'static)| (*it).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_of_this_machine_goes_past_a_proxy() {
        for (uri, straight) in [
            ("http://169.254.169.254/latest/meta-data/mac", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::254]/latest/api/token", true),
            ("https://ec2.eu-west-1.amazonaws.com/", false),
            ("https://169-254.example/", false),
        ] {
            assert_eq!(of_this_machine(uri), straight, "{uri}");
        }
    }
}
