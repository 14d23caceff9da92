//! Which listeners speak TLS, with which certificates, and whether their targets do.

use landfall_provider_api::{LoadBalancer, Port, Protocol};

use super::Tls;
use super::reader::Reader;

/// AWS's own default, and the one of its controller.
const POLICY: &str = "ELBSecurityPolicy-2016-08";
const ALPN: [&str; 5] = [
    "None",
    "HTTP1Only",
    "HTTP2Only",
    "HTTP2Optional",
    "HTTP2Preferred",
];

/// What is asked of TLS.
pub(super) struct AskedTls {
    pub(super) tls: Tls,
    /// Whether targets speak it, too.
    pub(super) to_targets: bool,
    /// Names and numbers of the ports that have it; all of TCP where none are named.
    ports: Option<Vec<String>>,
}

impl AskedTls {
    pub(super) fn read(reader: &mut Reader<'_>, wanted: &LoadBalancer) -> Option<Self> {
        let certificates = reader.list("ssl-cert");
        let ports = reader.list("ssl-ports");
        let policy = reader.text("ssl-negotiation-policy");
        let to_targets = backend_protocol(reader);
        let alpn = alpn(reader);
        for it in certificates.iter().flatten() {
            let is_known = it.starts_with("arn:") && (it.contains(":acm:") || it.contains(":iam:"));
            if !is_known {
                let message = format!("{it:?} is not the ARN of a certificate in ACM or IAM");
                reader.fault("ssl-cert", message);
            }
        }
        if let Some(ports) = &ports {
            check_ports(reader, ports, wanted);
            if certificates.is_none() {
                reader.fault(
                    "ssl-ports",
                    "TLS needs a certificate: name it in ….ssl-cert",
                );
            }
        }
        Some(Self {
            tls: Tls {
                certificates: certificates?,
                policy: policy.unwrap_or(POLICY).to_owned(),
                alpn,
            },
            to_targets,
            ports,
        })
    }

    pub(super) fn takes(&self, served: &[&Port]) -> bool {
        let is_tcp = |it: &&&Port| it.protocol == Protocol::Tcp;
        served.iter().filter(is_tcp).any(|port| match &self.ports {
            None => true,
            Some(named) => named.iter().any(|it| is_called(port, it)),
        })
    }
}

/// Whether a port has this name or number.
fn is_called(port: &Port, name: &str) -> bool {
    (!port.name.is_empty() && port.name == name) || port.port.to_string() == name
}

fn check_ports(reader: &mut Reader<'_>, ports: &[String], wanted: &LoadBalancer) {
    for name in ports {
        let found = wanted.ports.iter().filter(|it| is_called(it, name));
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            let message =
                format!("{name:?} is neither the name nor the number of a port of the Service");
            reader.fault("ssl-ports", message);
        } else if found.iter().all(|it| it.protocol != Protocol::Tcp) {
            reader.fault(
                "ssl-ports",
                format!("{name} is not TCP, and TLS needs that"),
            );
        }
    }
}

fn backend_protocol(reader: &mut Reader<'_>) -> bool {
    const BACKEND: &str = "backend-protocol";
    match reader.text(BACKEND) {
        Some("ssl") => true,
        Some("tcp") | None => false,
        Some(other) => {
            reader.fault(BACKEND, format!("{other:?} is none of: ssl, tcp"));
            false
        }
    }
}

fn alpn(reader: &mut Reader<'_>) -> Option<String> {
    let value = reader.text("alpn-policy")?;
    if !ALPN.contains(&value) {
        let message = format!("{value:?} is none of: {}", ALPN.join(", "));
        reader.fault("alpn-policy", message);
    }
    Some(value.to_owned())
}
