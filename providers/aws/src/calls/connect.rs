//! The way to AWS: credentials, region, VPC, endpoints, one HTTP client for all. No call to an API
//! is made here.

use std::sync::Arc;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::client::Client as Imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_elasticloadbalancingv2 as elbv2;
use aws_sdk_elasticloadbalancingv2::config::IdentityCache;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::credentials::Remembered;
use super::imds;
use super::metrics::Counters;
use super::pace::Pace;
use super::reach::Reach;
use super::signed::{self, Signer};
use super::turns::Turns;

/// Where AWS is. What is `None` is asked of the environment and of the instance that this program
/// runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `eu-west-1`; else from `AWS_REGION`, the profile, or IMDS.
    pub(crate) region: Option<String>,
    /// `vpc-…` of the cluster; else from IMDS.
    pub(crate) vpc: Option<String>,
    /// URL that takes all calls, of every service, instead of AWS's own: `http://127.0.0.1:4566`.
    pub(crate) endpoint: Option<String>,
    /// URL of IMDS; else from `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or where it always is.
    pub(crate) imds: Option<String>,
}

/// Why there is no way to AWS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody says which region.
    #[error(
        "which region of AWS is not known: set `region`, or run where the instance metadata \
         service answers ({0})"
    )]
    Region(String),
    /// Nobody says which VPC.
    #[error(
        "the VPC of the cluster is not known: set `vpc`, or run where the instance metadata \
         service answers (IMDSv2 from a pod needs a hop limit of 2; {0})"
    )]
    Vpc(String),
    /// A URL is none.
    #[error("{field} {url:?} is not the URL of an HTTP server: {problem}")]
    Url {
        /// `endpoint` or `imds`.
        field: &'static str,
        /// What was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no chain of credentials.
    #[error("there is nowhere to look for credentials of AWS")]
    NoCredentials,
}

/// A way to AWS. Clones share their connections, budgets and counters.
#[derive(Debug, Clone)]
pub(crate) struct Calls(pub(super) Arc<Way>);

#[derive(Debug)]
pub(super) struct Way {
    pub(super) elb: elbv2::Client,
    pub(super) signer: Signer,
    pub(super) credentials: Remembered,
    pub(super) pace: Pace,
    pub(super) turns: Turns,
    pub(super) counters: Counters,
    vpc: String,
}

/// Finds the region, the VPC and, if none are given, credentials. `counters` count the calls.
pub(crate) async fn connect(
    settings: Settings,
    pace: Pace,
    credentials: Option<SharedCredentialsProvider>,
    counters: Counters,
) -> Result<Calls, Error> {
    if let Some(url) = &settings.endpoint {
        check("endpoint", url)?;
    }
    let reach = Reach::new();
    let imds = instance_metadata(&settings, &reach)?;
    let region = region(settings.region, &imds).await?;
    let vpc = match settings.vpc {
        Some(vpc) => vpc,
        None => imds::vpc(&imds).await.map_err(Error::Vpc)?,
    };
    let config = configured(&region, settings.endpoint.as_deref(), &reach).await;
    let chain = credentials.or_else(|| config.credentials_provider());
    let chain = chain.ok_or(Error::NoCredentials)?;
    let credentials = Remembered::new(chain);
    let config = config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
        .identity_cache(IdentityCache::no_cache())
        // Ours, in `running`. What looks for credentials keeps those of the SDK.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .build();
    let signer = Signer {
        reach,
        credentials: credentials.clone(),
        region,
        endpoint: match config.use_dual_stack() {
            Some(true) => signed::dual_stack_endpoint,
            _ => signed::endpoint,
        },
        endpoint_of_all: config.endpoint_url().map(str::to_owned),
    };
    Ok(Calls(Arc::new(Way {
        elb: elbv2::Client::new(&config),
        signer,
        credentials,
        pace,
        turns: Turns::new(),
        counters,
        vpc,
    })))
}

impl Calls {
    /// The VPC of the cluster.
    pub(crate) fn vpc(&self) -> &str {
        &self.0.vpc
    }
}

/// What the environment, the profile and the settings say.
async fn configured(region: &str, endpoint: Option<&str>, reach: &Reach) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(reach.client())
        .region(Region::new(region.to_owned()));
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

async fn region(set: Option<String>, imds: &Imds) -> Result<String, Error> {
    if let Some(region) = set {
        return Ok(region);
    }
    let environment = EnvironmentVariableRegionProvider::new();
    let profile = ProfileFileRegionProvider::new();
    let chain = RegionProviderChain::first_try(environment).or_else(profile);
    match chain.region().await {
        Some(region) => Ok(region.to_string()),
        None => imds::region(imds).await.map_err(Error::Region),
    }
}

/// Who answers for the instance.
pub(super) fn instance_metadata(settings: &Settings, reach: &Reach) -> Result<Imds, Error> {
    let provider = ProviderConfig::default().with_http_client(reach.client());
    let mut imds = Imds::builder().configure(&provider).max_attempts(2);
    if let Some(url) = &settings.imds {
        check("imds", url)?;
        imds = imds.endpoint(url).map_err(|error| Error::Url {
            field: "imds",
            url: url.clone(),
            problem: error.to_string(),
        })?;
    }
    Ok(imds.build())
}

fn check(field: &'static str, url: &str) -> Result<(), Error> {
    let refused = |problem: String| Error::Url {
        field,
        url: url.to_owned(),
        problem,
    };
    let parsed: http::Uri = url
        .parse()
        .map_err(|error: http::uri::InvalidUri| refused(error.to_string()))?;
    match (parsed.scheme_str(), parsed.host()) {
        (Some("http" | "https"), Some(_)) => Ok(()),
        _ => Err(refused(
            "it must begin with http:// or https:// and a host".to_owned(),
        )),
    }
}
