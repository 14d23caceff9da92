//! etcd, kube-apiserver and kube-controller-manager on free ports of the loopback, in a temporary
//! folder.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use crate::authority::Authority;
use crate::part::Part;

/// Longest that a start may take. Four seconds on a quiet machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a start is tried again because somebody else took a port of ours.
const ATTEMPTS: usize = 5;
/// Both families, IPv4 first, as most clusters with two have them.
const CLUSTER_IPS: &str = "10.96.0.0/16,fd00:10:96::/112";
const POD_IPS: &str = "10.244.0.0/16,fd00:10:244::/56";
/// Kubernetes' default.
const NODE_PORTS: &str = "30000-32767";
/// What service accounts ask for is noted, for the tests of the rights of `deploy/`, but not what the
/// controller manager does as one. All others are administrators: stories and numbers pay nothing for it.
const AUDIT_POLICY: &str = r"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  userGroups: [system:serviceaccounts:kube-system]
- level: Metadata
  userGroups: [system:serviceaccounts]
- level: None
";

/// A control plane that is up. It ends when this is dropped.
pub(crate) struct ControlPlane {
    // Dropped in this order: the API server's clients before it, and it before its store.
    controller_manager: Part,
    api_server: Part,
    etcd: Part,
    folder: tempfile::TempDir,
}

impl ControlPlane {
    /// Starts one from the programs in this folder, with another range of node ports than usual.
    pub(crate) async fn start(binaries: &Path, node_ports: Option<&str>) -> Result<Self> {
        for name in ["etcd", "kube-apiserver", "kube-controller-manager"] {
            ensure!(
                binaries.join(name).exists(),
                "there is no {name} in {}; tests/control-plane/build builds it",
                binaries.display()
            );
        }
        for _ in 1..ATTEMPTS {
            if let Some(started) = Self::attempt(binaries, node_ports).await? {
                return Ok(started);
            }
        }
        let last = Self::attempt(binaries, node_ports).await?;
        last.context("others took our ports over and over")
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// Where the API server notes requests, an object of JSON a line.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// Fails if a part of it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        for part in [
            &mut self.etcd,
            &mut self.api_server,
            &mut self.controller_manager,
        ] {
            if let Some(ended) = part.ended()? {
                bail!("{ended}");
            }
        }
        Ok(())
    }

    /// `None` if somebody else took one of the ports.
    async fn attempt(binaries: &Path, node_ports: Option<&str>) -> Result<Option<Self>> {
        let folder = tempfile::Builder::new()
            .prefix("landfall-control-plane-")
            .tempdir()?;
        let path = folder.path().to_owned();
        let [client_port, peer_port, server_port] = free_ports()?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
        let authority = Authority::generate(&path)?;
        let admin = path.join("admin.kubeconfig");
        authority.kubeconfig(&admin, server, "admin", Some("system:masters"))?;
        let manager = path.join("controller-manager.kubeconfig");
        authority.kubeconfig(&manager, server, "system:kube-controller-manager", None)?;

        std::fs::write(path.join("audit-policy.yaml"), AUDIT_POLICY)?;

        let start = |name, arguments: &str| {
            let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
            Part::start(name, binaries, &path, &arguments)
        };
        let mut parts = vec![
            start("etcd", &etcd(client_port, peer_port))?,
            start(
                "kube-apiserver",
                &api_server(client_port, server_port, node_ports),
            )?,
        ];
        let client = client(&admin).await?;
        if !until(&mut parts, "the API server is ready", || ready(&client)).await? {
            return Ok(None);
        }
        parts.push(start("kube-controller-manager", &controller_manager())?);
        if !until(&mut parts, "the controllers work", || serves(&client)).await? {
            return Ok(None);
        }
        let [Some(controller_manager), Some(api_server), Some(etcd)] =
            [parts.pop(), parts.pop(), parts.pop()]
        else {
            unreachable!("three were started");
        };
        Ok(Some(Self {
            controller_manager,
            api_server,
            etcd,
            folder,
        }))
    }
}

/// Ports that nobody uses now. They are all held before the first is let go, so they differ.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Ready includes the roles of RBAC, and all else that the server makes for itself at its start.
async fn ready(client: &Client) -> bool {
    let request = http::Request::get("/readyz").body(Vec::new());
    match request {
        Ok(request) => client.request_text(request).await.is_ok(),
        Err(_) => false,
    }
}

/// The controller manager makes these two in every namespace.
async fn serves(client: &Client) -> bool {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    matches!(accounts.get_opt("default").await, Ok(Some(_)))
        && matches!(maps.get_opt("kube-root-ca.crt").await, Ok(Some(_)))
}

/// Polls until it is so; false if a part lost its port, an error if it ended otherwise.
async fn until<F: Future<Output = bool>>(
    parts: &mut [Part],
    what: &str,
    is_so: impl Fn() -> F,
) -> Result<bool> {
    let start = Instant::now();
    while !is_so().await {
        for part in &mut *parts {
            match part.ended()? {
                Some(ended) if ended.lost_its_port() => return Ok(false),
                Some(ended) => bail!("{ended}"),
                None => {}
            }
        }
        ensure!(start.elapsed() < PATIENCE, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(true)
}

/// Without fsync: what it stores is thrown away.
fn etcd(client: u16, peer: u16) -> String {
    format!(
        "--name=default --data-dir=etcd --unsafe-no-fsync --log-level=warn
         --listen-client-urls=http://127.0.0.1:{client}
         --advertise-client-urls=http://127.0.0.1:{client}
         --listen-peer-urls=http://127.0.0.1:{peer}
         --initial-advertise-peer-urls=http://127.0.0.1:{peer}
         --initial-cluster=default=http://127.0.0.1:{peer}"
    )
}

/// On a loopback address there can be no endpoint of the Service `kubernetes`, hence the
/// reconciler and the address from the range for documentation.
fn api_server(etcd: u16, port: u16, node_ports: Option<&str>) -> String {
    let node_ports = node_ports.unwrap_or(NODE_PORTS);
    format!(
        "--etcd-servers=http://127.0.0.1:{etcd}
         --bind-address=127.0.0.1 --secure-port={port}
         --advertise-address=192.0.2.1 --endpoint-reconciler-type=none
         --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key
         --client-ca-file=ca.crt --authorization-mode=Node,RBAC
         --service-account-issuer=https://kubernetes.default.svc
         --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key
         --service-cluster-ip-range={CLUSTER_IPS} --allow-privileged=true --profiling=false
         --service-node-port-range={node_ports}
         --audit-policy-file=audit-policy.yaml --audit-log-path=audit.log"
    )
}

/// It serves nothing: what it does shows in the API.
fn controller_manager() -> String {
    let kubeconfig = "controller-manager.kubeconfig";
    format!(
        "--kubeconfig={kubeconfig} --secure-port=0 --leader-elect=false
         --use-service-account-credentials=true --service-account-private-key-file=sa.key
         --root-ca-file=ca.crt
         --cluster-signing-cert-file=ca.crt --cluster-signing-key-file=ca.key
         --allocate-node-cidrs=true --cluster-cidr={POD_IPS}
         --service-cluster-ip-range={CLUSTER_IPS} --profiling=false"
    )
}
