//! Requests that are signed here, not by the SDK: EC2 and the tagging API. Knows HTTP and
//! signatures, not what is asked.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::display::DisplayErrorContext;

use super::credentials::Remembered;
use super::reach::{Reach, never_connected};
use super::refusal::Failure;

/// A service that is asked with requests of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Ec2,
    Tagging,
}

impl Service {
    /// Its name in host names and signatures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Tagging => "tagging",
        }
    }
}

/// Who signs and sends.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) reach: Reach,
    pub(super) credentials: Remembered,
    pub(super) region: String,
    /// URL for each service.
    pub(super) endpoint: fn(Service, &str) -> String,
    /// URL that takes the calls of all services.
    pub(super) endpoint_of_all: Option<String>,
}

/// What AWS answered with a status of success or not.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) request_id: Option<String>,
    pub(super) body: String,
}

impl Signer {
    /// Sends a POST with this body.
    pub(super) async fn post(
        &self,
        service: Service,
        headers: &[(&'static str, &'static str)],
        body: String,
    ) -> Result<Answer, Failure> {
        let credentials = self.credentials.get().await;
        let credentials = credentials
            .map_err(|error| Failure::Credentials(DisplayErrorContext(error).to_string()))?;
        let request = self
            .signed(service, headers, body, credentials)
            .map_err(|error| Failure::Unasked(DisplayErrorContext(&*error).to_string()))?;
        let response = self.reach.call(request).await;
        let response = response.map_err(|error| Failure::Lost {
            sent: !never_connected(&error),
            message: DisplayErrorContext(error).to_string(),
        })?;
        read(response).await
    }

    fn signed(
        &self,
        service: Service,
        headers: &[(&'static str, &'static str)],
        body: String,
        credentials: Credentials,
    ) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let uri = match &self.endpoint_of_all {
            Some(url) => format!("{}/", url.trim_end_matches('/')),
            None => (self.endpoint)(service, &self.region),
        };
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.name())
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &uri,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut request = http::Request::post(&uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(SdkBody::from(body))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(HttpRequest::try_from(request)?)
    }
}

async fn read(response: HttpResponse) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let headers = response.headers();
    let request_id = headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"))
        .map(str::to_owned);
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map_err(|error| Failure::Lost {
        sent: true,
        message: format!("the answer broke off: {}", DisplayErrorContext(error)),
    })?;
    Ok(Answer {
        status,
        request_id,
        body: String::from_utf8_lossy(&body.into_bytes()).into_owned(),
    })
}

/// Where a service is, in a region without an endpoint of its own.
pub(super) fn endpoint(service: Service, region: &str) -> String {
    // Partitions differ in their domain; all others are in the first.
    let domain = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ]
    .into_iter()
    .find(|(prefix, _)| region.starts_with(prefix))
    .map_or("amazonaws.com", |(_, domain)| domain);
    format!("https://{}.{region}.{domain}/", service.name())
}

/// Where a service is reached by IPv6 too.
pub(super) fn dual_stack_endpoint(service: Service, region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "api.amazonwebservices.com.cn"
    } else {
        "api.aws"
    };
    format!("https://{}.{region}.{domain}/", service.name())
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_domain() {
        for (region, url) in [
            ("eu-west-1", "https://ec2.eu-west-1.amazonaws.com/"),
            ("cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn/"),
            ("us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com/"),
            ("us-iso-east-1", "https://ec2.us-iso-east-1.c2s.ic.gov/"),
        ] {
            assert_eq!(endpoint(Service::Ec2, region), url);
        }
        assert_eq!(
            dual_stack_endpoint(Service::Tagging, "eu-west-1"),
            "https://tagging.eu-west-1.api.aws/"
        );
    }
}
