//! One request: which service and action it is for, and whose it is. It carries nothing out.

use crate::answer::Refusal;
use crate::parameters::Parameters;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Elastic Load Balancing, version 2015-12-01.
    Elb,
    /// EC2, version 2016-11-15.
    Ec2,
    /// Security Token Service, version 2011-06-15.
    Sts,
    /// Resource Groups Tagging, version 2017-01-26.
    Tagging,
}

impl Service {
    /// Its name in the scope of a signature, and before the colon of an action in a policy.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Elb => "elasticloadbalancing",
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
            Self::Tagging => "tag",
        }
    }

    fn scope(self) -> &'static str {
        match self {
            Self::Tagging => "tagging",
            other => other.prefix(),
        }
    }
}

/// The credential that a request names in its header `Authorization`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credential {
    pub(crate) key: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) has_token: bool,
}

/// A request, read but not yet carried out.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) parameters: Parameters,
    /// The body of JSON, for tagging.
    pub(crate) json: serde_json::Value,
    pub(crate) credential: Option<Credential>,
}

/// The headers that are read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Headers<'a> {
    pub(crate) authorization: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
}

impl Request {
    /// Reads a request. What no service can be told from is refused as by ELBv2.
    pub(crate) fn read(headers: Headers<'_>, body: &str) -> Result<Self, Refusal> {
        let credential = headers
            .authorization
            .and_then(|it| credential(it, headers.token.is_some()));
        if let Some(target) = headers.target {
            let action = target.strip_prefix("ResourceGroupsTaggingAPI_20170126.");
            let action = action.ok_or_else(|| Refusal::new("UnknownOperationException", target))?;
            let json = serde_json::from_str(body)
                .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
            return Ok(Self {
                service: Service::Tagging,
                action: action.to_owned(),
                parameters: Parameters::default(),
                json,
                credential,
            });
        }
        let parameters = Parameters::of_form(body);
        let service = match parameters.get("Version") {
            Some("2015-12-01") => Service::Elb,
            Some("2016-11-15") => Service::Ec2,
            Some("2011-06-15") => Service::Sts,
            other => {
                let version = other.unwrap_or("none");
                let text = format!("No service here has the version {version}");
                return Err(Refusal::new("InvalidAction", text));
            }
        };
        let action = parameters.get("Action").unwrap_or_default().to_owned();
        Ok(Self {
            service,
            action,
            parameters,
            json: serde_json::Value::Null,
            credential,
        })
    }

    /// Whether it may change anything.
    pub(crate) fn changes(&self) -> bool {
        !["Describe", "Get", "AssumeRole"]
            .iter()
            .any(|it| self.action.starts_with(it))
    }

    /// Whether the scope of its signature is that of this region and service.
    pub(crate) fn check_scope(&self, credential: &Credential, region: &str) -> Result<(), Refusal> {
        let wrong = if credential.region != region {
            format!(
                "Credential should be scoped to a valid region, not '{}'.",
                credential.region
            )
        } else if credential.service != self.service.scope() {
            let scope = self.service.scope();
            format!("Credential should be scoped to correct service: '{scope}'.")
        } else {
            return Ok(());
        };
        Err(match self.service {
            Service::Ec2 => Refusal::with(401, "AuthFailure", wrong),
            Service::Tagging => Refusal::new("InvalidSignatureException", wrong),
            Service::Elb | Service::Sts => Refusal::with(403, "SignatureDoesNotMatch", wrong),
        })
    }
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…`
fn credential(header: &str, has_token: bool) -> Option<Credential> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let named = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        fields.find_map(|it| it.strip_prefix(name).map(str::to_owned))
    };
    named("SignedHeaders=")?;
    named("Signature=").filter(|it| it.len() == 64)?;
    let scope = named("Credential=")?;
    let parts: Vec<&str> = scope.split('/').collect();
    let [key, _, region, service, "aws4_request"] = parts.as_slice() else {
        return None;
    };
    Some(Credential {
        key: (*key).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        has_token,
    })
}
