//! The configuration file of `landfall controller`. Read once, all of its faults told at once,
//! each with the path where it stands.

mod fields;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_provider_api::Family;
use landfall_service::Class;
use serde::{Serialize, Serializer};
use serde_json::Value;

use fields::Fields;

/// `driftInterval` where it is not set. A mock cloud is near, and reading it costs little.
pub const DRIFT_INTERVAL: Duration = Duration::from_mins(1);
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
    let drift_interval = fields.duration("driftInterval", DRIFT_INTERVAL);
    let sweep_after = fields.duration("sweepAfter", SWEEP_AFTER);
    let backend = match kind.as_deref() {
        Some("mock-cloud") => mock_cloud(&mut fields, folder),
        Some(other) => {
            fields.fault(
                "type",
                &format!("{other:?} is not a provider; there is: mock-cloud"),
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
    let url = fields.text("url").filter(|url| {
        let known = url.starts_with("http://") || url.starts_with("https://");
        if !known {
            fields.fault(
                "url",
                &format!("{url:?} is not a URL such as http://127.0.0.1:9090"),
            );
        }
        known
    });
    let token_file = fields.text("tokenFile");
    let families = fields.families("families");
    Some(Backend::MockCloud {
        url: url?,
        token_file: folder.join(token_file?),
        families: families?,
    })
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
mod tests {
    use super::*;

    const WHOLE: &str = "
clusterName: demo
providers:
- type: mock-cloud
  class: landfall.dev/mock-cloud
  default: true
  url: http://127.0.0.1:9090
  tokenFile: mock-cloud.token
";

    fn faults(text: &str) -> Vec<String> {
        Config::parse(text, Path::new("/etc/landfall"))
            .unwrap_err()
            .0
    }

    #[test]
    fn a_whole_configuration() {
        let config = Config::parse(WHOLE, Path::new("/etc/landfall")).unwrap();
        assert_eq!(config.cluster_name, "demo");
        let [provider] = config.providers.as_slice() else {
            panic!("one provider")
        };
        assert_eq!(provider.class.as_str(), "landfall.dev/mock-cloud");
        assert!(provider.default);
        assert_eq!(
            (provider.drift_interval, provider.sweep_after),
            (DRIFT_INTERVAL, SWEEP_AFTER)
        );
        let Backend::MockCloud {
            url,
            token_file,
            families,
        } = &provider.backend;
        assert_eq!(url, "http://127.0.0.1:9090");
        assert_eq!(families, &[Family::IPv4]);
        assert_eq!(token_file, Path::new("/etc/landfall/mock-cloud.token"));
    }

    #[test]
    fn a_printed_configuration_is_the_same_again() {
        let folder = Path::new("/etc/landfall");
        let config = Config::parse(WHOLE, folder).unwrap();
        let printed = serde_saphyr::to_string(&config).unwrap();
        assert_eq!(Config::parse(&printed, folder).unwrap(), config);
        insta::assert_snapshot!(printed, @"
        clusterName: demo
        providers:
        - type: mock-cloud
          url: http://127.0.0.1:9090
          tokenFile: /etc/landfall/mock-cloud.token
          families:
          - IPv4
          class: landfall.dev/mock-cloud
          default: true
          driftInterval: 1m
          sweepAfter: 10m
        ");
    }

    #[test]
    fn families_are_named_in_any_order_and_each_once() {
        let text = |families: &str| format!("{WHOLE}  families: {families}\n");
        let folder = Path::new("/etc/landfall");
        let config = Config::parse(&text("[IPv6, IPv4]"), folder).unwrap();
        let Backend::MockCloud { families, .. } = &config.providers[0].backend;
        assert_eq!(families, &[Family::IPv6, Family::IPv4]);
        let printed = serde_saphyr::to_string(&config).unwrap();
        assert_eq!(Config::parse(&printed, folder).unwrap(), config);
        for (families, expected) in [
            (
                "[]",
                "providers[0].families: must be a list of IPv4, IPv6 or both",
            ),
            (
                "IPv4",
                "providers[0].families: must be a list of IPv4, IPv6 or both",
            ),
            (
                "",
                "providers[0].families: must be a list of IPv4, IPv6 or both",
            ),
            (
                "[IPv4, ipv6]",
                "providers[0].families[1]: \"ipv6\" is not a family; there is: IPv4, IPv6",
            ),
            (
                "[4]",
                "providers[0].families[0]: 4 is not a family; there is: IPv4, IPv6",
            ),
            (
                "[IPv6, IPv6]",
                "providers[0].families[1]: IPv6 is named twice",
            ),
        ] {
            assert_eq!(faults(&text(families)), [expected], "{families}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once_each_with_its_path() {
        let text = "
clusterNam: demo
providers:
- type: mock-cloud
  class: Not A Class
  default: maybe
  driftInterval: often
  url: localhost
- type: clouds
- type: mock-cloud
  class: a/b
  url: http://127.0.0.1:1
  tokenFile: t
  tokenfile: t
";
        insta::assert_snapshot!(faults(text).join("\n"), @r#"
        clusterName: is missing
        clusterNam: is not known; did you mean clusterName?
        providers[0].class: "Not A Class" is not a load balancer class such as example.com/name
        providers[0].default: must be true or false
        providers[0].driftInterval: must be a length of time such as 90s or 10m
        providers[0].url: "localhost" is not a URL such as http://127.0.0.1:9090
        providers[0].tokenFile: is missing
        providers[1].class: is missing
        providers[1].type: "clouds" is not a provider; there is: mock-cloud
        providers[2].tokenfile: is not known; did you mean tokenFile?
        "#);
    }

    #[test]
    fn what_providers_may_not_share() {
        let one = "{type: mock-cloud, class: a/b, default: true, url: 'http://h', tokenFile: t}";
        let text = format!("clusterName: demo\nproviders: [{one}, {one}]");
        insta::assert_snapshot!(faults(&text).join("\n"), @r"
        providers[1].class: a/b is the class of providers[0] already; each provider owns one
        providers[1].default: providers[0] is the default already; at most one provider is
        ");
    }

    #[test]
    fn what_is_no_configuration_at_all() {
        for (text, expected) in [
            ("", "must be a mapping"),
            ("[1, 2]", "must be a mapping"),
            ("clusterName: [", "is not YAML"),
            ("clusterName: demo", "providers: is missing"),
            (
                "clusterName: demo\nproviders: []",
                "providers: needs at least one",
            ),
            ("clusterName: 'a b'\nproviders: []", "clusterName: \"a b\""),
            (
                "clusterName: 7\nproviders: []",
                "clusterName: must be a text",
            ),
        ] {
            let faults = faults(text);
            assert!(
                faults.iter().any(|f| f.contains(expected)),
                "{text:?}: {faults:?}"
            );
        }
    }
}
