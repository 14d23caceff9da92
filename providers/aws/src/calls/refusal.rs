//! What became of a call that did not do what it was asked. Knows AWS's codes; the words for a
//! user are in `explain`.

use super::actions::Action;
use super::naming::names;

/// How one attempt at a call failed, before it is known what that means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// AWS answered.
    Answered {
        /// Of HTTP.
        status: u16,
        /// Empty if the answer has none that can be read.
        code: String,
        message: String,
        request_id: Option<String>,
    },
    /// No answer came, or none that can be read.
    Lost {
        /// Whether the request may have reached AWS.
        sent: bool,
        message: String,
    },
    /// There was nothing to sign the request with.
    Credentials(String),
    /// The request could not be written.
    Unasked(String),
    /// Our own budget had no turn for it in time.
    NoTurn(String),
}

/// A call that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {}", .action.name, Named(.on), Said(.code, .message, .request_id.as_deref()))]
pub(crate) struct Refusal {
    /// What was asked.
    pub(crate) action: &'static Action,
    /// On what: an ARN, an id, a name; empty for a call that names nothing.
    pub(crate) on: Box<str>,
    /// What is the matter.
    pub(crate) kind: Kind,
    /// AWS's own code: `TooManyTargets`; empty if AWS did not answer.
    pub(crate) code: Box<str>,
    /// AWS's own words, or what happened on the way there.
    pub(crate) message: Box<str>,
    /// By which AWS's support finds the call.
    pub(crate) request_id: Option<Box<str>>,
}

/// What is the matter with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// AWS asks for fewer calls, or our own budget has no turn left. Nothing was done.
    Throttled,
    /// Our credentials do not allow the action, or one that it needs: [`Refusal::permission`].
    Denied,
    /// Our credentials are expired, wrong, or not to be had.
    Credentials,
    /// What it is about does not exist.
    NotFound,
    /// It exists already, perhaps with other settings.
    Exists,
    /// Something uses it, or protects it.
    InUse,
    /// The account has as many as it may have: [`Refusal::quota`].
    Quota,
    /// AWS does not take what it was given.
    Invalid,
    /// AWS could not be reached or failed, and changed nothing.
    Unavailable,
    /// AWS may have done it: the answer was lost, late, or of its own failing.
    Unsure,
}

impl Kind {
    /// In one word, for a metric.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::Denied => "Denied",
            Self::Credentials => "Credentials",
            Self::NotFound => "NotFound",
            Self::Exists => "Exists",
            Self::InUse => "InUse",
            Self::Quota => "Quota",
            Self::Invalid => "Invalid",
            Self::Unavailable => "Unavailable",
            Self::Unsure => "Unsure",
        }
    }
}

impl Refusal {
    /// What a failed attempt means.
    pub(super) fn of(action: &'static Action, on: &str, failure: Failure) -> Self {
        let kind = kind(&failure, action.changes);
        let (code, message, request_id) = match failure {
            Failure::Answered {
                code,
                message,
                request_id,
                status,
            } => {
                let message = if message.is_empty() {
                    format!("HTTP status {status}")
                } else {
                    message
                };
                (code, message, request_id)
            }
            Failure::Lost { message, .. }
            | Failure::Credentials(message)
            | Failure::Unasked(message)
            | Failure::NoTurn(message) => (String::new(), message, None),
        };
        Self {
            action,
            on: on.into(),
            kind,
            code: code.into(),
            message: message.into(),
            request_id: request_id.map(Into::into),
        }
    }

    /// Whether AWS may have done what it was asked.
    pub(crate) fn is_unsure(&self) -> bool {
        self.kind == Kind::Unsure
    }

    /// Whether AWS's words name this.
    pub(crate) fn names(&self, what: &str) -> bool {
        names(&self.message, what)
    }

    /// Whether what it is about does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// The action that must be allowed, in IAM's words: `ec2:CreateSecurityGroup`. AWS may name
    /// another than that of the call, which the call needs too.
    pub(crate) fn permission(&self) -> &str {
        let named = self
            .message
            .split_once("not authorized to perform: ")
            .and_then(|(_, rest)| rest.split([' ', ',']).next())
            .map(|name| name.trim_end_matches('.'));
        named
            .filter(|name| name.contains(':'))
            .unwrap_or(self.action.name)
    }
}

/// Whether a call may be made again without doing twice what it does: nothing reached AWS, AWS
/// said that it did nothing, or there is nothing to do twice.
pub(super) fn may_repeat(failure: &Failure, changes: bool) -> bool {
    match kind(failure, changes) {
        Kind::Throttled => !matches!(failure, Failure::NoTurn(_)),
        Kind::Unavailable => true,
        Kind::Credentials => matches!(failure, Failure::Answered { .. }),
        _ => false,
    }
}

pub(super) fn kind(failure: &Failure, changes: bool) -> Kind {
    match failure {
        Failure::Answered {
            status,
            code,
            message,
            ..
        } => match said(code, message).or_else(|| shaped(code)) {
            Some(kind) => kind,
            None if *status == 429 => Kind::Throttled,
            None if *status >= 500 || *status < 400 => lost(changes),
            None if *status == 403 => Kind::Denied,
            None => Kind::Invalid,
        },
        Failure::Lost { sent: true, .. } => lost(changes),
        Failure::Lost { sent: false, .. } => Kind::Unavailable,
        Failure::Credentials(_) => Kind::Credentials,
        Failure::Unasked(_) => Kind::Invalid,
        Failure::NoTurn(_) => Kind::Throttled,
    }
}

fn lost(changes: bool) -> Kind {
    if changes {
        Kind::Unsure
    } else {
        Kind::Unavailable
    }
}

/// Codes that are known by name. Some services end some of them with `Exception`.
fn said(code: &str, message: &str) -> Option<Kind> {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    let kind = match code {
        "Throttling"
        | "Throttled"
        | "RequestThrottled"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "EC2Throttled"
        | "PriorRequestNotComplete" => Kind::Throttled,
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => Kind::Denied,
        "ExpiredToken"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "IncompleteSignature"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "InvalidToken"
        | "OptInRequired"
        | "InvalidAccessKeyId" => Kind::Credentials,
        "DuplicateLoadBalancerName"
        | "DuplicateTargetGroupName"
        | "DuplicateListener"
        | "InvalidGroup.Duplicate"
        | "InvalidPermission.Duplicate" => Kind::Exists,
        // A load balancer that is protected, or that PrivateLink uses.
        "OperationNotPermitted" if message.contains("protection") => Kind::InUse,
        "ResourceInUse"
        | "DependencyViolation"
        | "IncorrectState"
        | "OperationInProgress"
        | "TargetGroupAssociationLimit"
        | "Resource.AlreadyAssociated"
        | "CapacityReservationPending" => Kind::InUse,
        "InsufficientCapacity" | "InsufficientAddressCapacity" => Kind::Quota,
        "InvalidSecurityGroup" => Kind::NotFound,
        _ => return None,
    };
    Some(kind)
}

/// Codes that are known by their form: there are dozens of each.
fn shaped(code: &str) -> Option<Kind> {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    if code.ends_with("NotFound") {
        Some(Kind::NotFound)
    } else if code.ends_with(".InUse") || code.ends_with("InUse") {
        Some(Kind::InUse)
    } else if code.starts_with("TooMany") || code.ends_with("LimitExceeded") {
        Some(Kind::Quota)
    } else {
        None
    }
}

/// ` of <what>`, if a call names something.
struct Named<'a>(&'a str);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            "" => Ok(()),
            on => write!(f, " of {on}"),
        }
    }
}

/// AWS's words with its code and the id of the request.
struct Said<'a>(&'a str, &'a str, Option<&'a str>);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(code, message, request) = self;
        f.write_str(message)?;
        match (*code, request) {
            ("", _) => Ok(()),
            (code, None) => write!(f, " ({code})"),
            (code, Some(request)) => write!(f, " ({code}, request {request})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::actions::{CREATE_LISTENER, CREATE_SECURITY_GROUP, DESCRIBE_SUBNETS};

    fn answered(status: u16, code: &str, message: &str) -> Failure {
        Failure::Answered {
            status,
            code: code.into(),
            message: message.into(),
            request_id: Some("r-1".into()),
        }
    }

    #[test]
    fn each_code_says_what_is_the_matter() {
        for (status, code, kind) in [
            (400, "Throttling", Kind::Throttled),
            (400, "ThrottlingException", Kind::Throttled),
            (503, "RequestLimitExceeded", Kind::Throttled),
            (429, "", Kind::Throttled),
            (403, "UnauthorizedOperation", Kind::Denied),
            (403, "AccessDenied", Kind::Denied),
            (400, "AccessDeniedException", Kind::Denied),
            (403, "", Kind::Denied),
            (400, "ExpiredTokenException", Kind::Credentials),
            (401, "AuthFailure", Kind::Credentials),
            (400, "LoadBalancerNotFound", Kind::NotFound),
            (400, "LoadBalancerNotFoundException", Kind::NotFound),
            (400, "InvalidGroup.NotFound", Kind::NotFound),
            (400, "InvalidSecurityGroupRuleId.NotFound", Kind::NotFound),
            (400, "DuplicateListener", Kind::Exists),
            (400, "InvalidPermission.Duplicate", Kind::Exists),
            (400, "ResourceInUse", Kind::InUse),
            (400, "DependencyViolation", Kind::InUse),
            (400, "InvalidIPAddress.InUse", Kind::InUse),
            (400, "TooManyTargets", Kind::Quota),
            (400, "RulesPerSecurityGroupLimitExceeded", Kind::Quota),
            (400, "ValidationError", Kind::Invalid),
            (400, "", Kind::Invalid),
            (500, "InternalFailure", Kind::Unsure),
            (503, "", Kind::Unsure),
        ] {
            assert_eq!(
                kind,
                super::kind(&answered(status, code, ""), true),
                "{code}"
            );
        }
        let protected = "Load balancer cannot be deleted because deletion protection is enabled";
        let protected = answered(400, "OperationNotPermitted", protected);
        assert_eq!(super::kind(&protected, true), Kind::InUse);
    }

    #[test]
    fn what_only_looks_is_never_unsure() {
        let lost = Failure::Lost {
            sent: true,
            message: "reset".into(),
        };
        assert_eq!(kind(&lost, false), Kind::Unavailable);
        assert_eq!(kind(&lost, true), Kind::Unsure);
        assert_eq!(kind(&answered(500, "", ""), false), Kind::Unavailable);
    }

    #[test]
    fn a_change_is_repeated_only_when_nothing_was_done() {
        let unsent = Failure::Lost {
            sent: false,
            message: "refused".into(),
        };
        let sent = Failure::Lost {
            sent: true,
            message: "reset".into(),
        };
        for (failure, change, look) in [
            (answered(400, "Throttling", ""), true, true),
            (answered(500, "InternalError", ""), false, true),
            (answered(400, "ExpiredToken", ""), true, true),
            (answered(400, "ValidationError", ""), false, false),
            (Failure::Credentials("none".into()), false, false),
            (unsent, true, true),
            (sent, false, true),
        ] {
            assert_eq!(may_repeat(&failure, true), change, "{failure:?}");
            assert_eq!(may_repeat(&failure, false), look, "{failure:?}");
        }
    }

    #[test]
    fn the_permission_is_the_one_that_aws_names() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/a \
            is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:r:1:x because …";
        let failure = answered(403, "UnauthorizedOperation", message);
        let refusal = Refusal::of(&CREATE_SECURITY_GROUP, "web", failure);
        assert_eq!(refusal.permission(), "ec2:CreateTags");
        let silent = answered(403, "UnauthorizedOperation", "No.");
        let refusal = Refusal::of(&CREATE_SECURITY_GROUP, "web", silent);
        assert_eq!(refusal.permission(), "ec2:CreateSecurityGroup");
    }

    #[test]
    fn a_refusal_names_the_call_and_the_request() {
        let failure = answered(400, "TooManyListeners", "Too many.");
        let refusal = Refusal::of(&CREATE_LISTENER, "web", failure);
        assert_eq!(
            refusal.to_string(),
            "elasticloadbalancing:CreateListener of web: Too many. (TooManyListeners, request r-1)"
        );
        let refusal = Refusal::of(&DESCRIBE_SUBNETS, "", Failure::NoTurn("busy".into()));
        assert_eq!(refusal.to_string(), "ec2:DescribeSubnets: busy");
    }
}
