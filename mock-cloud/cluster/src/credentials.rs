//! What a client needs to trust the server, and the server to trust a client: a CA and a server
//! certificate made at the start (ECDSA P-256), and a random bearer token. Nothing is stored.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::Error;

/// The certificates and the token of one server.
pub struct Credentials {
    address: SocketAddr,
    authority_pem: String,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    token: String,
}

impl std::fmt::Debug for Credentials {
    /// Shows the address; key and token are nobody's business.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Makes a CA, a certificate for `address`, `127.0.0.1`, `::1` and `localhost`, and a token.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(address: SocketAddr) -> Result<Self, Error> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority
            .distinguished_name
            .push(DnType::CommonName, "mock-cluster");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let mut names = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        let own = address.ip().to_string();
        if !names.contains(&own) {
            names.push(own);
        }
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "mock-cluster server");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer)?;
        let token = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        Ok(Self {
            address,
            authority_pem,
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
            token,
        })
    }

    /// A kubeconfig (YAML) with one cluster, user and context, each called `name`, which is
    /// current. The CA and the token are embedded: keep the file to its owner.
    pub fn kubeconfig(&self, name: &str) -> String {
        let ca = STANDARD.encode(&self.authority_pem);
        let name = serde_json::Value::from(name);
        format!(
            "apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: https://{}
    certificate-authority-data: {ca}
users:
- name: {name}
  user:
    token: {}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
    namespace: default
current-context: {name}
",
            self.reachable(),
            self.token
        )
    }

    /// Where a client of this machine finds the server: an unspecified address is no place.
    fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        address
    }

    /// Whether a request's Authorization header bears the token.
    pub(crate) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let expected = format!("Bearer {}", self.token);
        let given = authorization.unwrap_or_default();
        // All bytes are compared whatever they are, so that time tells nothing.
        given.len() == expected.len()
            && given
                .iter()
                .zip(expected.bytes())
                .fold(0, |difference, (one, other)| difference | (one ^ other))
                == 0
    }

    /// The server's TLS configuration, with ring, for HTTP/2 and HTTP/1.1.
    pub(crate) fn server_config(&self) -> Result<rustls::ServerConfig, Error> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}
