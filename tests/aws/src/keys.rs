//! Access keys: which are known, and until when. Secrets are none of its business.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::answer::Refusal;
use crate::request::{Request, Service};

/// A known key.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// When it expires, on the stand-in's clock.
    until: Option<Duration>,
    /// Whether it is good only with a session token.
    temporary: bool,
}

/// The keys of one account.
#[derive(Debug, Default)]
pub(crate) struct Keys(BTreeMap<String, Key>);

impl Keys {
    pub(crate) fn add(&mut self, id: &str) {
        let key = Key {
            until: None,
            temporary: false,
        };
        self.0.insert(id.to_owned(), key);
    }

    pub(crate) fn add_temporary(&mut self, id: &str, until: Duration) {
        let key = Key {
            until: Some(until),
            temporary: true,
        };
        self.0.insert(id.to_owned(), key);
    }

    pub(crate) fn expire(&mut self, id: &str) {
        if let Some(key) = self.0.get_mut(id) {
            key.until = Some(Duration::ZERO);
        }
    }

    /// Refuses a request whose key is missing, unknown or expired, in the words of its service.
    pub(crate) fn check(
        &self,
        request: &Request,
        region: &str,
        now: Duration,
    ) -> Result<(), Refusal> {
        if request.action == "AssumeRoleWithWebIdentity" {
            return Ok(()); // the token inside is the credential
        }
        let Some(credential) = &request.credential else {
            return Err(missing(request.service));
        };
        request.check_scope(credential, region)?;
        let Some(key) = self.0.get(&credential.key) else {
            return Err(unknown(request.service));
        };
        if key.temporary && !credential.has_token {
            return Err(unknown(request.service));
        }
        match key.until {
            Some(until) if until <= now => Err(expired(request.service)),
            _ => Ok(()),
        }
    }
}

fn missing(service: Service) -> Refusal {
    let text = "Request is missing Authentication Token";
    match service {
        Service::Ec2 => Refusal::with(401, "AuthFailure", "Credentials must all be the same"),
        Service::Tagging => Refusal::new("MissingAuthenticationTokenException", text),
        Service::Elb | Service::Sts => Refusal::with(403, "MissingAuthenticationToken", text),
    }
}

fn unknown(service: Service) -> Refusal {
    let text = "The security token included in the request is invalid.";
    match service {
        Service::Ec2 => Refusal::with(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        Service::Tagging => Refusal::new("UnrecognizedClientException", text),
        Service::Elb | Service::Sts => Refusal::with(403, "InvalidClientTokenId", text),
    }
}

fn expired(service: Service) -> Refusal {
    let text = "The security token included in the request is expired";
    match service {
        Service::Ec2 => Refusal::new("RequestExpired", "Request has expired."),
        Service::Tagging => Refusal::new("ExpiredTokenException", text),
        Service::Elb | Service::Sts => Refusal::with(403, "ExpiredToken", text),
    }
}
