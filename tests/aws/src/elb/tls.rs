//! What a TLS listener has and others must not have.

use std::collections::BTreeSet;

use super::listeners::Listener;
use crate::answer::Refusal;
use crate::parameters::Parameters;

/// Security policies that are known.
const POLICIES: &[&str] = &[
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
];

const ALPN: &[&str] = &[
    "None",
    "HTTP1Only",
    "HTTP2Only",
    "HTTP2Optional",
    "HTTP2Preferred",
];

/// Certificate, security policy and ALPN policy of a listener.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) certificate: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) alpn: Option<String>,
}

impl Tls {
    /// What a request asks for, on top of what a listener has.
    pub(super) fn of(
        parameters: &Parameters,
        protocol: &str,
        there: Option<&Listener>,
        known: &BTreeSet<String>,
    ) -> Result<Self, Refusal> {
        let certificates = parameters.structures("Certificates");
        let policy = parameters.get("SslPolicy");
        let alpn = parameters.list("AlpnPolicy");
        if protocol != "TLS" {
            if !certificates.is_empty() || policy.is_some() || !alpn.is_empty() {
                let text = format!(
                    "Certificates, SslPolicy and AlpnPolicy are not for the protocol {protocol}"
                );
                return Err(Refusal::configuration(text));
            }
            return Ok(Self::default());
        }
        let certificate = match certificates.as_slice() {
            [] => there.and_then(|it| it.certificate.clone()),
            [one] => Some(one.need("CertificateArn")?.to_owned()),
            _ => {
                let text = "Only one certificate can be the default; others are added by AddListenerCertificates";
                return Err(Refusal::new("TooManyCertificates", text));
            }
        };
        let Some(certificate) = certificate else {
            let text = "A certificate must be specified for TLS listeners";
            return Err(Refusal::validation(text));
        };
        check_certificate(&certificate, known)?;
        let policy = policy.or(there.and_then(|it| it.ssl_policy.as_deref()));
        let policy = policy.unwrap_or("ELBSecurityPolicy-2016-08");
        if !POLICIES.contains(&policy) {
            let text = format!("SSL policy '{policy}' not found");
            return Err(Refusal::new("SSLPolicyNotFound", text));
        }
        let alpn = match alpn.as_slice() {
            [] => there.and_then(|it| it.alpn_policy.clone()),
            [one] if ALPN.contains(&one.as_str()) => Some(one.clone()),
            other => {
                let text = format!("ALPN policy {other:?} is not supported");
                return Err(Refusal::new("ALPNPolicyNotSupported", text));
            }
        };
        Ok(Self {
            certificate: Some(certificate),
            policy: Some(policy.to_owned()),
            alpn,
        })
    }
}

/// Refuses a certificate that ACM does not have.
pub(super) fn check_certificate(arn: &str, known: &BTreeSet<String>) -> Result<(), Refusal> {
    if known.contains(arn) {
        return Ok(());
    }
    let text = format!("Certificate '{arn}' not found");
    Err(Refusal::new("CertificateNotFound", text))
}
