//! What a refusal means for a user, in words that say what to do. No I/O, no memory.

use landfall_provider_api::Error;

use super::refusal::{Kind, Refusal};

/// Codes of AWS, and the quota of the account that is used up, as the console of Service Quotas
/// names it.
const QUOTAS: [(&str, &str); 14] = [
    ("TooManyLoadBalancers", "Network Load Balancers per Region"),
    ("TooManyTargetGroups", "Target Groups per Region"),
    ("TooManyListeners", "Listeners per Network Load Balancer"),
    (
        "TooManyTargets",
        "Targets per Availability Zone per Network Load Balancer",
    ),
    (
        "TooManyRegistrationsForTargetId",
        "Number of times a target can be registered per Network Load Balancer",
    ),
    (
        "TooManyCertificates",
        "Certificates per Network Load Balancer",
    ),
    (
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        "Target Groups per Action per Network Load Balancer",
    ),
    (
        "CapacityUnitsLimitExceeded",
        "Network Load Balancer Capacity Units per Region",
    ),
    (
        "CapacityDecreaseRequestsLimitExceeded",
        "decreases of the reserved capacity of a load balancer in a day",
    ),
    (
        "SecurityGroupLimitExceeded",
        "VPC security groups per Region",
    ),
    (
        "RulesPerSecurityGroupLimitExceeded",
        "Inbound or outbound rules per security group",
    ),
    (
        "SecurityGroupsPerInterfaceLimitExceeded",
        "Security groups per network interface",
    ),
    ("TagLimitExceeded", "tags of a resource (50)"),
    ("TooManyTags", "tags of a resource (50)"),
];

/// What of AWS a user names in an annotation: if it is not there, only the Service can be changed.
const NAMED_BY_USERS: [&str; 9] = [
    "SubnetNotFound",
    "InvalidSubnetID.NotFound",
    "AllocationIdNotFound",
    "InvalidAllocationID.NotFound",
    "CertificateNotFound",
    "SSLPolicyNotFound",
    "InvalidSecurityGroup",
    "InvalidPrefixListID.NotFound",
    "InvalidPrefixListId.NotFound",
];

impl Refusal {
    /// Names the quota that is used up: in the words of Service Quotas, where AWS has one.
    pub(crate) fn quota(&self) -> Option<&'static str> {
        let code = self.code.strip_suffix("Exception").unwrap_or(&self.code);
        let known = QUOTAS.iter().find(|(it, _)| *it == code);
        known.filter(|_| self.kind == Kind::Quota).map(|it| it.1)
    }

    /// What it means for a Service. `field` is the annotation or the field that what was asked
    /// comes from; it is named if only a change of it helps.
    ///
    /// The id of the request is for the log only: what is told of a Service must be the same each time that
    /// the same happens, or each time would be another event and another write.
    pub(crate) fn into_error(self, field: &str) -> Error {
        tracing::debug!(refusal = %self, "AWS refused");
        let message = self.explained();
        match self.kind {
            Kind::Throttled => Error::Throttled {
                after: None,
                message,
            },
            Kind::Denied | Kind::Credentials => Error::Unauthorized(message),
            Kind::Quota => Error::Exhausted(message),
            Kind::Invalid => Error::Invalid {
                field: field.to_owned(),
                message,
            },
            Kind::NotFound if self.is_named_by_user() => Error::Invalid {
                field: field.to_owned(),
                message,
            },
            Kind::NotFound | Kind::Exists | Kind::InUse | Kind::Unavailable | Kind::Unsure => {
                Error::Unavailable {
                    message,
                    source: Some(Box::new(self)),
                }
            }
        }
    }

    /// What happened and what to do, for people.
    pub(crate) fn explained(&self) -> String {
        let said = self.said();
        let purpose = self.action.purpose;
        match self.kind {
            Kind::Throttled => format!("{said}; it is tried again"),
            Kind::Denied => self.denied(),
            Kind::Credentials => format!(
                "AWS does not take our credentials, so we cannot {purpose}: {said}. They may be \
                 expired or missing, or the clock of this machine may be wrong; look at the role \
                 that the controller's service account or node has"
            ),
            Kind::Quota => self.exhausted(),
            Kind::NotFound if self.is_named_by_user() => {
                format!("what is asked for does not exist in this account and region: {said}")
            }
            Kind::NotFound => {
                format!("it was removed by somebody else, and is looked for again: {said}")
            }
            Kind::Exists => format!("something of that name or port is there already: {said}"),
            Kind::InUse if self.message.contains("protection") => format!(
                "it is protected against deletion; switch that off in AWS to let it go: {said}"
            ),
            Kind::InUse => format!("it is still in use, and is tried again: {said}"),
            Kind::Invalid => self.invalid(),
            Kind::Unavailable => {
                format!("AWS cannot be reached or failed, and is asked again: {said}")
            }
            Kind::Unsure => format!(
                "AWS may or may not have done what it was asked, which is looked at before it is \
                 asked again: {said}"
            ),
        }
    }

    fn denied(&self) -> String {
        let permission = self.permission();
        let purpose = self.action.purpose;
        let says = |what: &str| self.message.contains(what);
        let by_whom = if says("service control policy") {
            "a service control policy of the organisation denies"
        } else if says("permissions boundary") {
            "the permissions boundary of the controller's role does not allow"
        } else if says("explicit deny") {
            "a policy denies"
        } else {
            "the policy of the controller's role does not allow"
        };
        format!(
            "{by_whom} {permission}, which is needed to {purpose}: allow it there{} ({})",
            Of(&self.on),
            self.traced()
        )
    }

    fn exhausted(&self) -> String {
        match self.quota() {
            Some(quota) => format!(
                "the quota \"{quota}\" is used up: remove something or ask AWS for more in Service \
                 Quotas ({})",
                self.said()
            ),
            None => format!(
                "AWS gives no more of this: remove something or ask AWS for more in Service Quotas \
                 ({})",
                self.said()
            ),
        }
    }

    fn invalid(&self) -> String {
        let said = self.said();
        match id(&self.message, "subnet-") {
            Some(subnet) if self.message.contains("free") || self.message.contains("IP space") => {
                format!("{subnet} has too few free addresses, a load balancer needs eight: {said}")
            }
            Some(subnet) => format!("AWS does not take {subnet}: {said}"),
            None => format!("AWS does not take it: {said}"),
        }
    }

    fn is_named_by_user(&self) -> bool {
        let code = self.code.strip_suffix("Exception").unwrap_or(&self.code);
        NAMED_BY_USERS.contains(&code)
    }

    /// AWS's words without what only AWS can decode, and how to find the call.
    fn said(&self) -> String {
        let message = self
            .message
            .split("Encoded authorization failure message")
            .next()
            .unwrap_or_default()
            .trim_end_matches([' ', '.']);
        format!("{message} ({})", self.traced())
    }

    fn traced(&self) -> String {
        let action = self.action.name;
        let code = match &*self.code {
            "" => String::new(),
            code => format!(", {code}"),
        };
        format!("{action}{code}")
    }
}

/// ` for <what>`, if a call names something.
struct Of<'a>(&'a str);

impl std::fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            "" => Ok(()),
            on => write!(f, ", for {on}"),
        }
    }
}

/// The first id of a kind in a text: `subnet-0a1b`.
fn id<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let found = &text[text.find(prefix)?..];
    let rest = &found[prefix.len()..];
    let length = rest.find(|it: char| !it.is_ascii_alphanumeric());
    let length = length.unwrap_or(rest.len());
    (length > 0).then(|| &found[..prefix.len() + length])
}

#[cfg(test)]
mod tests {
    use landfall_provider_api::Retry;

    use super::*;
    use crate::calls::actions::{CREATE_LISTENER, CREATE_LOAD_BALANCER, CREATE_SECURITY_GROUP};
    use crate::calls::refusal::Failure;

    fn refused(status: u16, code: &str, message: &str) -> Refusal {
        let failure = Failure::Answered {
            status,
            code: code.into(),
            message: message.into(),
            request_id: Some("r-1".into()),
        };
        Refusal::of(&CREATE_LOAD_BALANCER, "web", failure)
    }

    #[test]
    fn each_kind_says_whose_fault_it_is() {
        for (refusal, reason, retry) in [
            (
                refused(400, "Throttling", "Rate exceeded"),
                "Throttled",
                Retry::BackOff,
            ),
            (
                refused(403, "AccessDenied", "No"),
                "Unauthorized",
                Retry::BackOff,
            ),
            (
                refused(403, "ExpiredToken", "Old"),
                "Unauthorized",
                Retry::BackOff,
            ),
            (
                refused(400, "TooManyLoadBalancers", "Many"),
                "Exhausted",
                Retry::WhenChanged,
            ),
            (
                refused(400, "ValidationError", "Bad"),
                "Invalid",
                Retry::WhenChanged,
            ),
            (
                refused(400, "SubnetNotFound", "None"),
                "Invalid",
                Retry::WhenChanged,
            ),
            (
                refused(400, "TargetGroupNotFound", "None"),
                "ProviderUnavailable",
                Retry::BackOff,
            ),
            (
                refused(400, "ResourceInUse", "Used"),
                "ProviderUnavailable",
                Retry::BackOff,
            ),
            (
                refused(400, "DuplicateListener", "Two"),
                "ProviderUnavailable",
                Retry::BackOff,
            ),
            (refused(500, "", ""), "ProviderUnavailable", Retry::BackOff),
        ] {
            let code = refusal.code.clone();
            let error = refusal.into_error("spec.ports");
            assert_eq!((error.reason(), error.retry()), (reason, retry), "{code}");
        }
    }

    #[test]
    fn a_quota_is_named_as_service_quotas_names_it() {
        let message = refused(400, "TooManyLoadBalancersException", "Limit reached.").explained();
        assert_eq!(
            message,
            "the quota \"Network Load Balancers per Region\" is used up: remove something or ask \
             AWS for more in Service Quotas (Limit reached (elasticloadbalancing:CreateLoadBalancer, \
             TooManyLoadBalancersException))"
        );
        assert_eq!(refused(400, "ValidationError", "").quota(), None);
    }

    #[test]
    fn a_permission_is_named_to_be_allowed() {
        let message = "User: arn:aws:sts::1:assumed-role/a is not authorized to perform: \
            ec2:CreateTags on resource: x. Encoded authorization failure message: AAAA";
        let failure = Failure::Answered {
            status: 403,
            code: "UnauthorizedOperation".into(),
            message: message.into(),
            request_id: None,
        };
        let message = Refusal::of(&CREATE_SECURITY_GROUP, "web", failure).explained();
        assert_eq!(
            message,
            "the policy of the controller's role does not allow ec2:CreateTags, which is needed to \
             make security groups for load balancers: allow it there, for web \
             (ec2:CreateSecurityGroup, UnauthorizedOperation)"
        );
        let message =
            "is not authorized to perform: ec2:X with an explicit deny in a service control policy";
        let message = refused(403, "AccessDenied", message).explained();
        assert!(message.starts_with("a service control policy of the organisation denies ec2:X"));
    }

    #[test]
    fn a_subnet_is_named() {
        let message = "Not enough IP space available in subnet-0a1b. ELB requires 8 free IPs.";
        let message = refused(400, "InvalidSubnet", message).explained();
        assert!(
            message.starts_with("subnet-0a1b has too few free addresses"),
            "{message}"
        );
        assert_eq!(id("in subnet-0a1b.", "subnet-"), Some("subnet-0a1b"));
        assert_eq!(id("in subnet-", "subnet-"), None);
    }

    #[test]
    fn what_only_aws_can_decode_is_left_out() {
        let failure = Failure::Answered {
            status: 400,
            code: "ValidationError".into(),
            message: "No. Encoded authorization failure message: AAAA".into(),
            request_id: None,
        };
        let message = Refusal::of(&CREATE_LISTENER, "", failure).explained();
        assert_eq!(
            message,
            "AWS does not take it: No (elasticloadbalancing:CreateListener, ValidationError)"
        );
    }
}
