//! One HTTP call, from what is asked to an answer or a failure.

use std::fmt;
use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::refusal::Failure;
use crate::trouble;

/// What is asked, and of whom.
pub(crate) struct Call {
    /// As people know the mock cloud.
    cloud: Arc<str>,
    method: Method,
    url: Url,
}

/// A success.
pub(crate) struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(cloud: Arc<str>, method: Method, url: Url) -> Self {
        Self { cloud, method, url }
    }

    pub(crate) fn request(&self, client: &Client) -> RequestBuilder {
        client.request(self.method.clone(), self.url.clone())
    }

    /// Sends it, and waits for the beginning of a success.
    pub(crate) async fn open(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.lost(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        let asked = trouble::Asked {
            cloud: self.cloud.to_string(),
            call: self.to_string(),
        };
        Err(Failure::refused(asked, status, &headers, &body))
    }

    /// Sends it, and waits for all of a success.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = self.open(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Ok(Answer {
            status,
            body: body.into(),
        })
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let what = format!(
                "it answered {} to {self} with what is none of its answers ({error})",
                answer.status
            );
            Failure::lost(trouble::senseless(&self.cloud, &what), error)
        })
    }

    pub(crate) fn lost(&self, error: reqwest::Error) -> Failure {
        // The URL stands there already.
        let error = error.without_url();
        Failure::lost(
            trouble::explain(&self.cloud, &self.to_string(), &error),
            error,
        )
    }
}

/// As people read it in the mock cloud's logs: without the host, and without what a list is
/// filtered by.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.path())
    }
}
