//! The fields of a provider of type `aws`.

use landfall_service::Class;
use serde::Serialize;

use super::fields::{Faulty, Fields};
use super::{Backend, Provider, as_text};

/// `--load-balancer-class` of the AWS Load Balancer Controller, where it is not set.
const CLASS: &str = "service.k8s.aws/nlb";
/// Where it is usually installed.
const NAMESPACE: &str = "kube-system";
/// Its `--leader-election-id`, where it is not set.
const LEASE: &str = "aws-load-balancer-controller-leader";

/// `takesOver`: what the AWS Load Balancer Controller has made, and the Services of its class, are the
/// provider's as soon as that controller does not run any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakesOver {
    /// `class`: its `--load-balancer-class`.
    #[serde(serialize_with = "as_text")]
    pub class: Class,
    /// `clusterName`: its `--cluster-name`; `None` where it is the cluster's name here, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// `leaseNamespace`: where its leader's Lease is.
    pub lease_namespace: String,
    /// `leaseName`: its `--leader-election-id`.
    pub lease_name: String,
}

/// Parses what is left of the fields of a provider that stands at `path`.
pub(super) fn backend(
    path: &str,
    class: Option<&str>,
    fields: &mut Fields<'_, '_>,
) -> Option<Backend> {
    // All are read before one that is wrong ends it, so that all faults are told.
    let region = fields.optional("region");
    let vpc_id = fields.optional("vpcId").and_then(|id| {
        let is_vpc = id.as_ref().is_none_or(|it| it.starts_with("vpc-"));
        if is_vpc {
            Ok(id)
        } else {
            fields.fault("vpcId", "must be the id of a VPC, vpc-…");
            Err(Faulty)
        }
    });
    let endpoint_url = fields.optional("endpointUrl").and_then(|url| match url {
        Some(url) if !fields.check_url("endpointUrl", &url) => Err(Faulty),
        url => Ok(url),
    });
    let takes_over = TakesOver::parse(path, fields);
    let theirs = takes_over.as_ref().ok().and_then(Option::as_ref);
    let theirs = theirs.map_or(CLASS, |it| it.class.as_str());
    if class == Some(theirs) {
        let message = format!(
            "{theirs} is the class of the AWS Load Balancer Controller; give the provider one of its own, such \
             as landfall.dev/aws, and takesOver beside it"
        );
        fields.fault("class", &message);
    }
    Some(Backend::Aws {
        region: region.ok()?,
        vpc_id: vpc_id.ok()?,
        endpoint_url: endpoint_url.ok()?,
        takes_over: takes_over.ok()?,
    })
}

impl TakesOver {
    fn parse(path: &str, fields: &mut Fields<'_, '_>) -> Result<Option<Self>, Faulty> {
        let Some(value) = fields.mapping("takesOver") else {
            return Ok(None);
        };
        let parsed = fields.within(value, &format!("{path}.takesOver"), |fields| {
            let class = fields.optional("class").and_then(|class| {
                let class = class.unwrap_or_else(|| CLASS.to_owned());
                let is_class = fields.check_class(&class);
                is_class.then(|| Class::new(class)).ok_or(Faulty)
            });
            let cluster_name = fields.optional("clusterName");
            let lease_namespace = fields.optional("leaseNamespace");
            let lease_name = fields.optional("leaseName");
            fields.no_others();
            Ok(Self {
                class: class?,
                cluster_name: cluster_name?,
                lease_namespace: lease_namespace?.unwrap_or_else(|| NAMESPACE.to_owned()),
                lease_name: lease_name?.unwrap_or_else(|| LEASE.to_owned()),
            })
        });
        parsed.map(Some)
    }
}

/// Finds fault with what two providers of AWS may not share.
pub(super) fn check_beside(
    (path, provider): (&str, &Provider),
    (first, before): (&str, &Provider),
    faults: &mut Vec<String>,
) {
    let (Backend::Aws { region, .. }, Backend::Aws { region: other, .. }) =
        (&provider.backend, &before.backend)
    else {
        return;
    };
    if region.is_none() || other.is_none() || region == other {
        faults.push(format!(
            "{path}.region: {first} is of AWS, too, and each takes what bears the cluster's name in a region for \
             its own; give each another region"
        ));
    }
}

impl Provider {
    /// The class of somebody else whose Services it takes over.
    pub(super) fn takes_over(&self) -> Option<&Class> {
        match &self.backend {
            Backend::Aws { takes_over, .. } => takes_over.as_ref().map(|it| &it.class),
            Backend::MockCloud { .. } | Backend::BareMetal { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(providers: &str) -> Result<Config, String> {
        let text = format!("clusterName: demo\nproviders: [{providers}]\n");
        let parsed = Config::parse(&text, Path::new("/etc/landfall"));
        parsed.map_err(|faults| faults.to_string())
    }

    #[test]
    fn what_is_taken_over_has_the_names_that_are_usual() {
        let config = parse("{type: aws, class: a/b, takesOver: {}}").unwrap();
        let printed = serde_saphyr::to_string(&config).unwrap();
        let again = Config::parse(&printed, Path::new("/etc/landfall")).unwrap();
        assert_eq!(config, again);
        let Backend::Aws { takes_over, .. } = &config.providers[0].backend else {
            panic!("it is of AWS")
        };
        let usual = TakesOver {
            class: Class::new(CLASS),
            cluster_name: None,
            lease_namespace: NAMESPACE.to_owned(),
            lease_name: LEASE.to_owned(),
        };
        assert_eq!(takes_over.as_ref(), Some(&usual));
        let given = "{class: x/y, clusterName: old, leaseNamespace: a, leaseName: b}";
        let config = parse(&format!("{{type: aws, class: a/b, takesOver: {given}}}")).unwrap();
        let taken = config.providers[0].takes_over();
        assert_eq!(taken.map(Class::as_str), Some("x/y"));
    }

    #[test]
    fn nobody_takes_a_class_of_somebody_else_unawares() {
        for (providers, says) in [
            (
                "{type: aws, class: service.k8s.aws/nlb}",
                "providers[0].class: service.k8s.aws/nlb is the class of the AWS Load Balancer Controller",
            ),
            (
                "{type: aws, class: x/y, takesOver: {class: x/y}}",
                "providers[0].class: x/y is the class of the AWS Load Balancer Controller",
            ),
            (
                "{type: aws, class: a/b, takesOver: {class: x/y}}, {type: bare-metal, class: x/y}",
                "providers[1].class: x/y is taken over by providers[0]",
            ),
            (
                "{type: bare-metal, class: x/y}, {type: aws, class: a/b, takesOver: {class: x/y}}",
                "providers[1].takesOver.class: x/y is the class of providers[0]",
            ),
            (
                "{type: aws, class: a/b, takesOver: {class: Not A Class, lease: x}}",
                "providers[0].takesOver.class: \"Not A Class\" is not",
            ),
            (
                "{type: aws, class: a/b, takesOver: {lease: x}}",
                "providers[0].takesOver.lease: is not known; there is: class, clusterName, leaseNamespace, leaseName",
            ),
            (
                "{type: aws, class: a/b}, {type: aws, class: a/c, region: eu-west-1}",
                "providers[1].region: providers[0] is of AWS, too",
            ),
        ] {
            let faults = parse(providers).unwrap_err();
            assert!(faults.contains(says), "{providers}: {faults}");
        }
        let apart = "{type: aws, class: a/b, region: eu-west-1}, {type: aws, class: a/c, region: eu-west-2}";
        parse(apart).unwrap();
    }
}
