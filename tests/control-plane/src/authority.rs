//! The CA of one control plane, what it signs, and the key of its service account tokens. All
//! ECDSA P-256, made at the start and gone with the folder.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// First address of the range of cluster IPs: the Service `kubernetes`.
const KUBERNETES_SERVICE: [&str; 2] = ["10.96.0.1", "fd00:10:96::1"];

/// A CA whose certificates the API server accepts.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a CA and writes into the folder what the programs read: `ca.crt` and `ca.key`, the
    /// API server's certificate, and the key of service account tokens.
    pub(crate) fn generate(folder: &Path) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "control-plane");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params.self_signed(&key)?.pem();
        write(&folder.join("ca.crt"), &certificate)?;
        write(&folder.join("ca.key"), &key.serialize_pem())?;
        let authority = Self {
            certificate,
            issuer: Issuer::new(params, key),
        };
        authority.serving(folder)?;
        let tokens = KeyPair::generate()?;
        write(&folder.join("sa.key"), &tokens.serialize_pem())?;
        write(&folder.join("sa.pub"), &tokens.public_key_pem())?;
        Ok(authority)
    }

    fn serving(&self, folder: &Path) -> Result<()> {
        let mut names: Vec<_> = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "127.0.0.1",
            "::1",
        ]
        .map(str::to_owned)
        .to_vec();
        names.extend(KUBERNETES_SERVICE.map(str::to_owned));
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(&folder.join("apiserver.crt"), &certificate.pem())?;
        write(&folder.join("apiserver.key"), &key.serialize_pem())
    }

    /// Writes a kubeconfig for this user, who is in this group, with a client certificate.
    pub(crate) fn kubeconfig(
        &self,
        path: &Path,
        server: SocketAddr,
        user: &str,
        group: Option<&str>,
    ) -> Result<()> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let content = format!(
            "apiVersion: v1
kind: Config
clusters:
- name: control-plane
  cluster:
    server: https://{server}
    certificate-authority-data: {}
users:
- name: {user}
  user:
    client-certificate-data: {}
    client-key-data: {}
contexts:
- name: control-plane
  context:
    cluster: control-plane
    user: {user}
    namespace: default
current-context: control-plane
",
            STANDARD.encode(&self.certificate),
            STANDARD.encode(certificate.pem()),
            STANDARD.encode(key.serialize_pem()),
        );
        write(path, &content)
    }
}

/// For the owner only: most of these are keys.
fn write(path: &Path, content: &str) -> Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
