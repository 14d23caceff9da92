//! Names of resources in all of AWS. Knows their shape, never whether they exist.

use std::fmt;
use std::str::FromStr;

/// `arn:partition:service:region:account:resource`, the name of a resource in all of AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Arn(Box<str>);

/// Not the name of a resource.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an ARN: one has six parts, arn:partition:service:region:account:resource")]
pub(crate) struct NotAnArn(String);

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let mut parts = text.splitn(6, ':');
        let arn = parts.next() == Some("arn")
            && parts.next().is_some_and(|it| !it.is_empty())
            && parts.next().is_some_and(|it| !it.is_empty())
            && parts.nth(2).is_some_and(|it| !it.is_empty());
        if arn {
            Ok(Self(text.into()))
        } else {
            Err(NotAnArn(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Arn {
    type Error = NotAnArn;

    fn try_from(text: String) -> Result<Self, NotAnArn> {
        text.parse()
    }
}

impl Arn {
    /// As AWS writes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the account: `loadbalancer/net/web/50dc6c495c0c9188`.
    pub(crate) fn resource(&self) -> &str {
        self.0.splitn(6, ':').nth(5).unwrap_or_default()
    }

    /// The name that a load balancer or a target group was given.
    pub(crate) fn name(&self) -> Option<&str> {
        let resource = self.resource();
        let load_balancer = resource.strip_prefix("loadbalancer/");
        let load_balancer = load_balancer.and_then(|it| it.split('/').nth(1));
        let group = resource.strip_prefix("targetgroup/");
        load_balancer.or_else(|| group?.split('/').next())
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts() {
        let arn: Arn = "arn:aws-cn:elasticloadbalancing:cn-north-1:1234:loadbalancer/net/a:b/0"
            .parse()
            .unwrap();
        assert_eq!(arn.resource(), "loadbalancer/net/a:b/0");
        for wrong in [
            "",
            "arn",
            "arn:aws:ec2",
            "urn:aws:ec2:r:a:x",
            "arn:aws:ec2:r:a:",
            "arn::ec2:r:a:x",
        ] {
            assert_eq!(wrong.parse::<Arn>(), Err(NotAnArn(wrong.to_owned())));
        }
        assert!("arn:aws:s3:::bucket".parse::<Arn>().is_ok());
    }
}
