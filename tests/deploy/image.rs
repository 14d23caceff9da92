//! The program of the image, in a root folder that has nothing but what a container runtime puts
//! there, as the user and with the capabilities of the manifest: none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tempfile::TempDir;

use crate::audit::EXAMPLE_CLOUD;
use crate::manifests::container;
use crate::plane::{object, until};
use crate::process::{MockCloud, Process, output, program, skip};

/// Where a pod finds what the cluster gives it.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// A static program, as the runner of all tests built it.
fn static_program(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LANDFALL_STATIC").map(PathBuf::from);
    if folder.is_none() {
        skip("the program of the image: LANDFALL_STATIC names no folder; tests/run builds it");
    }
    folder.map(|it| it.join(name))
}

fn is_root() -> bool {
    let (_, id) = output(Command::new("id").arg("-u"));
    let is_root = id.trim() == "0";
    if !is_root {
        skip("the program of the image in a root folder of its own: only root can change it");
    }
    is_root
}

/// A folder to be the root of a container.
struct Root(TempDir);

impl Root {
    fn with(program: &Path) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(root.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(program, root.0.path().join("landfall")).unwrap();
        root
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sources of chance, which every container has (OCI runtime specification, default devices).
    /// False where devices can't be made.
    fn give_chance(&self) -> bool {
        let folder = self.0.path().join("dev");
        fs::create_dir(&folder).unwrap();
        [("random", "8"), ("urandom", "9")]
            .iter()
            .all(|(name, minor)| {
                let mut command = Command::new("mknod");
                command.arg("--mode=666").arg(folder.join(name));
                let (made, said) = output(command.args(["c", "1", minor]));
                if !made {
                    skip(&format!(
                        "the program of the image in a root folder of its own: {said}"
                    ));
                }
                made
            })
    }

    /// The program in there, as this user. What is in the bounding set is for `chroot` itself: it
    /// is of no use to who has none of it and can gain none.
    fn command(&self, user: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .env_clear()
            .args(["--bounding-set=-all,+sys_chroot,+setuid,+setgid"])
            .args(["--no-new-privs", "--", "/usr/sbin/chroot", "--groups="])
            .arg(format!("--userspec={user}"))
            .arg(self.0.path())
            .arg("/landfall");
        command
    }
}

/// User and group of the manifest, `UID:GID`.
fn user() -> String {
    let (_, pod) = container("controller/deployment.yaml");
    let of = |field: &str| pod["securityContext"][field].as_u64().unwrap();
    format!("{}:{}", of("runAsUser"), of("runAsGroup"))
}

#[test]
fn manifests_and_image_name_one_user_and_drop_every_capability() {
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap();
    let user = user();
    assert!(dockerfile.contains(&format!("\nUSER {user}\n")), "{user}");
    let (sidecar, _) = container("sidecar/container.yaml");
    let of = |field: &str| sidecar["securityContext"][field].as_u64().unwrap();
    assert_eq!(format!("{}:{}", of("runAsUser"), of("runAsGroup")), user);
    let (controller, _) = container("controller/deployment.yaml");
    for container in [controller, sidecar] {
        let dropped = &container["securityContext"]["capabilities"];
        assert_eq!(*dropped, json!({"drop": ["ALL"]}));
    }
}

#[test]
fn speakers_run_a_program_of_the_image_which_needs_no_file() {
    let (speaker, _) = container("speaker/daemonset.yaml");
    let command = speaker["command"][0].as_str().unwrap();
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap();
    let copied = format!("COPY --from=build /programs{command} {command}\n");
    assert!(dockerfile.contains(&copied), "{copied}");
    let Some(program) = static_program(command.trim_start_matches('/')) else {
        return;
    };
    if !is_root() {
        return;
    }
    let root = Root::with(&program);
    let (succeeded, said) = output(root.command(&user()).arg("--version"));
    assert!(succeeded && said.starts_with("landfall"), "{said}");
}

#[tokio::test]
async fn the_program_of_the_image_needs_no_file_no_right_and_no_user_but_its_own() {
    let Some(program_file) = static_program("landfall") else {
        return;
    };
    if !is_root() {
        return;
    }
    let root = Root::with(&program_file);
    let (succeeded, said) = output(root.command(&user()).arg("--version"));
    assert!(succeeded && said.starts_with("landfall "), "{said}");
    if !root.give_chance() {
        return;
    }

    let cluster = Cluster::start().await;
    let folder = tempfile::tempdir().unwrap();
    let pool = format!("127.191.{}.0/28", std::process::id() % 256);
    let cloud = MockCloud::start(folder.path(), &pool);
    cluster.give(&root);
    furnish(&root, folder.path(), &cloud);

    let (container, _) = container("controller/deployment.yaml");
    let arguments = container["args"].as_array().unwrap().iter();
    // The port is free in a pod, and may not be here.
    let arguments = arguments.map(|it| it.as_str().unwrap().replace(":10261", ":0"));
    let mut command = root.command(&user());
    command
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", cluster.port.to_string());
    let mut controller = Process::start(command.args(arguments));
    let admin = controller.listens("admin").port();
    controller.wait_until_ready();
    check_status(controller.id());
    let healthy = reqwest::get(format!("http://127.0.0.1:{admin}/readyz")).await;
    assert!(healthy.unwrap().status().is_success());

    let service = json!({
        "metadata": {"name": "web"},
        "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "landfall.dev/mock-cloud",
            "ports": [{"port": 8080}],
        },
    });
    let services = Api::<Service>::default_namespaced(cluster.client.clone());
    let parameters = PostParams::default();
    services
        .create(&parameters, &object(service))
        .await
        .unwrap();
    until("web has an address", async || {
        let service = services.get("web").await.unwrap();
        let service = serde_json::to_value(service).unwrap();
        service["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
    })
    .await;
    controller.signal("TERM");
    let ended = controller.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
}

/// Configuration and what a container runtime adds: the cloud is found by its name.
fn furnish(root: &Root, tokens: &Path, cloud: &MockCloud) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/deploy/controller/landfall.yaml"
    );
    let config = fs::read_to_string(path).unwrap();
    assert!(config.contains(EXAMPLE_CLOUD), "{config}");
    let named = EXAMPLE_CLOUD.replace("9090", &cloud.address.port().to_string());
    root.write(
        "etc/landfall/landfall.yaml",
        config.replace(EXAMPLE_CLOUD, &named),
    );
    let token = fs::read(tokens.join(MockCloud::TOKEN_FILE)).unwrap();
    root.write("etc/landfall/mock-cloud.token", token);
    root.write("etc/hosts", "127.0.0.1 mock-cloud.example\n");
}

/// It is somebody else, and can do nothing that not everybody can.
fn check_status(id: u32) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let user = user();
    let (uid, gid) = user.split_once(':').unwrap();
    assert_eq!(field("Uid:"), [uid; 4].join(" "));
    assert_eq!(field("Gid:"), [gid; 4].join(" "));
    assert_eq!(field("Groups:"), "");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
}

/// A mock cluster, known as a pod knows its own.
struct Cluster {
    _process: Process,
    _folder: TempDir,
    kubeconfig: Kubeconfig,
    client: Client,
    port: u16,
}

impl Cluster {
    async fn start() -> Self {
        // A second call fails only because a first succeeded.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let mut command = Command::new(program("mock-cluster"));
        command.args(["--listen", "127.0.0.1:0", "--kubeconfig"]);
        let mut process = Process::start(command.arg(&path));
        process.wait_until_ready();
        let port = process.listens("kubernetes").port();
        let kubeconfig = Kubeconfig::read_from(&path).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await;
        let client = Client::try_from(config.unwrap()).unwrap();
        let namespace = object(json!({"metadata": {"name": "landfall-system"}}));
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        Self {
            _process: process,
            _folder: folder,
            kubeconfig,
            client,
            port,
        }
    }

    /// Puts token and CA where a pod has them.
    fn give(&self, root: &Root) {
        let cluster = self.kubeconfig.clusters[0].cluster.as_ref().unwrap();
        let ca = cluster.certificate_authority_data.as_ref().unwrap();
        let ca = base64::engine::general_purpose::STANDARD
            .decode(ca)
            .unwrap();
        root.write(&format!("{ACCOUNT}/ca.crt"), ca);
        let user = self.kubeconfig.auth_infos[0].auth_info.as_ref().unwrap();
        let token = serde_json::to_value(user).unwrap()["token"].clone();
        root.write(&format!("{ACCOUNT}/token"), token.as_str().unwrap());
        root.write(&format!("{ACCOUNT}/namespace"), "landfall-system");
    }
}
