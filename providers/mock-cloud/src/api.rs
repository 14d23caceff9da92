//! Calls of the mock cloud's HTTP API. It turns calls into answers or failures, and knows nothing
//! about Services.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerList, LoadBalancerSpec, code};
use landfall_provider_api::{ClusterId, Error};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Client, Method, RequestBuilder, Url, redirect};

use crate::call::Call;
pub(crate) use crate::refusal::Failure;
use crate::trouble::{self, CALL_TIMEOUT, CONNECT_TIMEOUT};

/// For a stream, whose silence is watched elsewhere.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The URL is of no use.
    #[error("the URL {url:?} of the mock cloud {reason}; write it like http://127.0.0.1:9090")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot be sent.
    #[error("the token of the mock cloud is empty or holds what an HTTP header cannot")]
    Token,
    /// The cluster's identity is too long to be part of a load balancer's name.
    #[error("cluster {0} has too long a name for the mock cloud; keep it to 63 of a-z, 0-9 and -")]
    Cluster(ClusterId),
    /// The process has no crypto provider.
    #[error("the process has no default rustls crypto provider; install one before any client")]
    NoCryptoProvider,
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

/// When a PUT is to have an effect.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Only<'a> {
    /// If the load balancer still has this entity tag.
    If(&'a str),
    /// If there is none.
    IfNone,
    /// In any case: what is there is not known.
    Anyway,
}

/// Where calls go.
pub(crate) struct Api {
    client: Client,
    /// As people know the mock cloud.
    cloud: Arc<str>,
    /// Of the collection of load balancers.
    url: Url,
}

impl Api {
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, NewError> {
        let cloud = Arc::from(url.trim_end_matches('/'));
        let url = collection(url)?;
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| NewError::Token)?;
        if token.trim().is_empty() {
            return Err(NewError::Token);
        }
        bearer.set_sensitive(true);
        // Without one reqwest panics, even if it is never to speak TLS.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(NewError::NoCryptoProvider);
        }
        let mut client = Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // The token is for this server only, and no proxy stands before a mock.
            .redirect(redirect::Policy::none())
            .no_proxy();
        if url.scheme() == "http" {
            // Reading the system's certificates takes long, and fails where there are none.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(NewError::Client)?;
        Ok(Self { client, cloud, url })
    }

    pub(crate) async fn put(
        &self,
        id: &str,
        spec: &LoadBalancerSpec,
        only: Only<'_>,
    ) -> Result<LoadBalancer, Failure> {
        let call = self.call(Method::PUT, self.one(id));
        let request = call.request(&self.client);
        let request = match only {
            Only::If(etag) => request.header(IF_MATCH, etag),
            Only::IfNone => request.header(IF_NONE_MATCH, "*"),
            Only::Anyway => request,
        };
        call.read(&call.send(request.json(spec)).await?)
    }

    /// Reads it; `None` if there is none.
    pub(crate) async fn get(&self, id: &str) -> Result<Option<LoadBalancer>, Failure> {
        let call = self.call(Method::GET, self.one(id));
        match call.send(call.request(&self.client)).await {
            Ok(answer) => call.read(&answer).map(Some),
            Err(failure) if failure.code() == Some(code::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What happens to all that have these tags, as it comes, from the event with this id on.
    pub(crate) async fn watch(
        &self,
        tags: &[(&'static str, String)],
        last: Option<&str>,
    ) -> Result<BoxStream<'static, Result<Vec<u8>, Failure>>, Failure> {
        let mut url = self.url.clone();
        url.set_path(&url.path().replace("/load-balancers", "/changes"));
        let call = self.call(Method::GET, filtered(url, tags));
        let mut request = call.request(&self.client).timeout(FOR_EVER);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = call.open(request).await?;
        let read =
            async |(mut response, call): (reqwest::Response, Call)| match response.chunk().await {
                Ok(Some(bytes)) => Some((Ok(bytes.to_vec()), (response, call))),
                Ok(None) => None,
                Err(error) => Some((Err(call.lost(error)), (response, call))),
            };
        Ok(stream::unfold((response, call), read).boxed())
    }

    /// All that have these tags.
    pub(crate) async fn list(
        &self,
        tags: &[(&'static str, String)],
    ) -> Result<Vec<LoadBalancer>, Failure> {
        let call = self.call(Method::GET, filtered(self.url.clone(), tags));
        let answer = call.send(call.request(&self.client)).await?;
        call.read(&answer).map(|list: LoadBalancerList| list.items)
    }

    /// Deletes it, if it still has this entity tag; gone already is success.
    pub(crate) async fn delete(&self, id: &str, etag: Option<&str>) -> Result<(), Failure> {
        let call = self.call(Method::DELETE, self.one(id));
        match call.send(if_match(call.request(&self.client), etag)).await {
            // Any server says 404; only the mock cloud knows that it is the load balancer.
            Err(failure) if failure.code() == Some(code::NOT_FOUND) => Ok(()),
            other => other.map(drop),
        }
    }

    /// An answer that makes no sense.
    pub(crate) fn senseless(&self, what: &str) -> Error {
        Error::unavailable(trouble::senseless(&self.cloud, what))
    }

    fn call(&self, method: Method, url: Url) -> Call {
        Call::new(self.cloud.clone(), method, url)
    }

    /// `id` must need no escaping.
    fn one(&self, id: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{id}", url.path()));
        url
    }
}

fn if_match(request: RequestBuilder, etag: Option<&str>) -> RequestBuilder {
    match etag {
        Some(etag) => request.header(IF_MATCH, etag),
        None => request,
    }
}

fn filtered(mut url: Url, tags: &[(&'static str, String)]) -> Url {
    for (key, value) in tags {
        url.query_pairs_mut()
            .append_pair("tag", &format!("{key}={value}"));
    }
    url
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

fn collection(text: &str) -> Result<Url, NewError> {
    let refused = |reason: &str| NewError::Url {
        url: text.to_owned(),
        reason: reason.to_owned(),
    };
    let mut url = Url::parse(text).map_err(|error| refused(&format!("is not one ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds a user, which is of no use here"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(
            "holds a query or a fragment, which is of no use here",
        ));
    }
    let path = format!("{}/v1/load-balancers", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_a_crypto_provider_and_says_so() {
        let new = || Api::new("http://127.0.0.1:9090", "t");
        assert!(matches!(new(), Err(NewError::NoCryptoProvider)));
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
        let api = new().unwrap();
        assert!(!format!("{api:?}").contains("Bearer"));
    }

    #[test]
    fn a_url_is_one_of_a_server() {
        for (url, expected) in [
            (
                "http://127.0.0.1:9090",
                "http://127.0.0.1:9090/v1/load-balancers",
            ),
            (
                "http://127.0.0.1:9090/",
                "http://127.0.0.1:9090/v1/load-balancers",
            ),
            (
                "https://cloud/under/",
                "https://cloud/under/v1/load-balancers",
            ),
        ] {
            assert_eq!(collection(url).unwrap().as_str(), expected);
        }
        for (url, reason) in [
            ("127.0.0.1:9090", "is not one"),
            ("ftp://cloud", "neither http nor https"),
            ("http://me@cloud", "holds a user"),
            ("http://cloud?a=b", "holds a query"),
            ("", "is not one"),
        ] {
            let error = collection(url).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("9090"), "{error}");
        }
    }

    #[test]
    fn a_token_fits_into_a_header() {
        for token in ["", " ", "a\nb"] {
            let refused = Api::new("http://127.0.0.1:9090", token);
            assert!(matches!(refused, Err(NewError::Token)), "{token:?}");
        }
    }
}
