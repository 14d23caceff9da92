//! The configuration files of `landfall controller` and of `landfall speaker`. Read once, all of its faults told at once,
//! each with the path where it stands.

mod aws;
mod fields;
mod speaker;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_provider_api::Family;
use landfall_service::Class;
use serde::{Serialize, Serializer};
use serde_json::Value;

use fields::Fields;

pub use aws::TakesOver;
pub use speaker::SpeakerConfig;

/// `driftInterval` where it is not set. A mock cloud is near, and reading it costs little.
pub const DRIFT_INTERVAL: Duration = Duration::from_mins(1);
/// The same of AWS, which counts calls.
pub const DRIFT_INTERVAL_OF_AWS: Duration = Duration::from_mins(5);
/// `sweepAfter` where it is not set.
pub const SWEEP_AFTER: Duration = Duration::from_mins(10);

/// A valid configuration. Serialized, it is a configuration that says all that this one says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// `clusterName`: with the UID of the namespace `kube-system`, the cluster's identity in
    /// every ownership tag.
    pub cluster_name: String,
    /// `providers`; at least one, classes differ, at most one is the default.
    pub providers: Vec<Provider>,
}

/// One of `providers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// `type`, with the fields that belong to it.
    #[serde(flatten)]
    pub backend: Backend,
    /// `class`: the `spec.loadBalancerClass` that it owns.
    #[serde(serialize_with = "as_text")]
    pub class: Class,
    /// `default`: whether it also takes Services without a class.
    pub default: bool,
    /// `driftInterval`: from one comparison of all that the provider holds to the next.
    #[serde(serialize_with = "as_time")]
    pub drift_interval: Duration,
    /// `sweepAfter`: how long something must have belonged to no Service before it is released.
    #[serde(serialize_with = "as_time")]
    pub sweep_after: Duration,
}

/// A provider's `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Backend {
    /// `mock-cloud`.
    MockCloud {
        /// `url` of its API.
        url: String,
        /// `tokenFile`: holds its bearer token. Relative to the folder of the configuration.
        token_file: PathBuf,
        /// `families` that its pool has addresses of; at least one, none twice.
        #[serde(serialize_with = "as_texts")]
        families: Vec<Family>,
    },
    /// `aws`.
    Aws {
        /// `region`; else from the environment, the profile, or the instance.
        #[serde(skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        /// `vpcId` of the cluster; else from the instance.
        #[serde(skip_serializing_if = "Option::is_none")]
        vpc_id: Option<String>,
        /// `endpointUrl` that takes the calls of all services instead of AWS's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint_url: Option<String>,
        /// `takesOver`: what the AWS Load Balancer Controller has made.
        #[serde(skip_serializing_if = "Option::is_none")]
        takes_over: Option<TakesOver>,
    },
    /// `bare-metal`.
    BareMetal {
        /// `readMetalLB`: MetalLB's objects are read as well.
        #[serde(rename = "readMetalLB", skip_serializing_if = "Option::is_none")]
        read_metallb: Option<ReadMetalLb>,
    },
}

/// `readMetalLB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadMetalLb {
    /// `namespace` that the objects are in.
    pub namespace: String,
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_texts<S: Serializer>(values: &[impl fmt::Display], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

/// As people write it: `1m 30s`.
fn as_time<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let time = jiff::SignedDuration::try_from(*value).map_err(serde::ser::Error::custom)?;
    serializer.collect_str(&format_args!("{time:#}"))
}

/// Why a configuration cannot be used: every fault, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Faults {}

impl Config {
    /// Parses a configuration that stands in a file in `folder`.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Faults> {
        let document: Value = serde_saphyr::from_str(text)
            .map_err(|error| Faults(vec![format!("is not YAML: {error}")]))?;
        let mut faults = Vec::new();
        let mut fields = Fields::of(&document, "", &mut faults);
        let cluster_name = fields
            .text("clusterName")
            .filter(|name| fields.check_cluster_name(name));
        let listed = fields.list("providers");
        fields.no_others();
        let providers: Vec<_> = listed
            .iter()
            .enumerate()
            .filter_map(|(index, value)| {
                let path = format!("providers[{index}]");
                Some((path.clone(), provider(value, &path, folder, &mut faults)?))
            })
            .collect();
        check_together(&providers, &mut faults);
        match cluster_name {
            Some(cluster_name) if faults.is_empty() => Ok(Self {
                cluster_name,
                providers: providers
                    .into_iter()
                    .map(|(_, provider)| provider)
                    .collect(),
            }),
            _ => Err(Faults(faults)),
        }
    }
}

fn provider(
    value: &Value,
    path: &str,
    folder: &Path,
    faults: &mut Vec<String>,
) -> Option<Provider> {
    let mut fields = Fields::of(value, path, faults);
    let kind = fields.text("type");
    let class = fields
        .text("class")
        .filter(|class| fields.check_class(class));
    let default = fields.flag("default");
    let seldom = match kind.as_deref() {
        Some("aws") => DRIFT_INTERVAL_OF_AWS,
        _ => DRIFT_INTERVAL,
    };
    let drift_interval = fields.duration("driftInterval", seldom);
    let sweep_after = fields.duration("sweepAfter", SWEEP_AFTER);
    let backend = match kind.as_deref() {
        Some("aws") => aws::backend(path, class.as_deref(), &mut fields),
        Some("mock-cloud") => mock_cloud(&mut fields, folder),
        Some("bare-metal") => Some(bare_metal(path, &mut fields)),
        Some(other) => {
            fields.fault(
                "type",
                &format!("{other:?} is not a provider; there is: aws, bare-metal, mock-cloud"),
            );
            // Which other fields are right depends on it.
            return None;
        }
        None => return None,
    };
    fields.no_others();
    Some(Provider {
        class: Class::new(class?),
        default: default?,
        drift_interval: drift_interval?,
        sweep_after: sweep_after?,
        backend: backend?,
    })
}

fn mock_cloud(fields: &mut Fields<'_, '_>, folder: &Path) -> Option<Backend> {
    let url = fields
        .text("url")
        .filter(|url| fields.check_url("url", url));
    let token_file = fields.text("tokenFile");
    let families = fields.families("families");
    Some(Backend::MockCloud {
        url: url?,
        token_file: folder.join(token_file?),
        families: families?,
    })
}

fn bare_metal(path: &str, fields: &mut Fields<'_, '_>) -> Backend {
    let read_metallb = ReadMetalLb::parse(&format!("{path}."), fields);
    Backend::BareMetal { read_metallb }
}

impl ReadMetalLb {
    /// Parses it, if it is among these fields, which stand at `path`. What is faulty is noted there, and
    /// `None`.
    fn parse(path: &str, fields: &mut Fields<'_, '_>) -> Option<Self> {
        let read = fields.mapping("readMetalLB")?;
        let namespace = fields.within(read, &format!("{path}readMetalLB"), |fields| {
            let namespace = fields.text("namespace");
            fields.no_others();
            namespace
        });
        namespace.map(|namespace| Self { namespace })
    }
}

/// What can only be seen of all providers together.
fn check_together(providers: &[(String, Provider)], faults: &mut Vec<String>) {
    for (index, (path, provider)) in providers.iter().enumerate() {
        let before = &providers[..index];
        if let Some((first, _)) = before
            .iter()
            .find(|(_, other)| other.class == provider.class)
        {
            faults.push(format!(
                "{path}.class: {} is the class of {first} already; each provider owns one",
                provider.class
            ));
        }
        for (first, other) in before {
            if other.takes_over() == Some(&provider.class) {
                faults.push(format!(
                    "{path}.class: {} is taken over by {first}",
                    provider.class
                ));
            }
            if provider.takes_over() == Some(&other.class) {
                let class = &other.class;
                faults.push(format!(
                    "{path}.takesOver.class: {class} is the class of {first}"
                ));
            }
            aws::check_beside((path, provider), (first, other), faults);
        }
        let is_bare_metal = |it: &Provider| matches!(it.backend, Backend::BareMetal { .. });
        if is_bare_metal(provider)
            && let Some((first, _)) = before.iter().find(|(_, other)| is_bare_metal(other))
        {
            faults.push(format!(
                "{path}.type: {first} is bare-metal already; two would give the same addresses"
            ));
        }
        if provider.default
            && let Some((first, _)) = before.iter().find(|(_, other)| other.default)
        {
            faults.push(format!(
                "{path}.default: {first} is the default already; at most one provider is"
            ));
        }
    }
}

#[cfg(test)]
mod tests;
