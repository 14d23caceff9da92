//! Servers that cannot be reached, or do not let the controller in: it says so, waits, and heals.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::PostParams;
use landfall_test_process::Process;
use serde_json::json;

use crate::world::{World, condition, object};
use landfall_test_process::Way;

/// A controller that cannot do its work yet.
fn hindered(world: &World, kubeconfig: &Path) -> Process {
    world.controller(kubeconfig, &["--leader-elect", "false"])
}

/// Its log has a line with these words.
fn logs(controller: &Process, words: &str) {
    let errors = controller.errors();
    assert!(errors.contains(words), "no {words:?} in\n{errors}");
}

/// A kubeconfig like the story's own, with this instead of the user's credentials.
fn as_user(world: &World, credentials: &str) -> PathBuf {
    let text = std::fs::read_to_string(&world.kubeconfig).unwrap();
    let kept = |line: &&str| {
        let line = line.trim_start();
        !["token:", "client-certificate-data:", "client-key-data:"]
            .iter()
            .any(|field| line.starts_with(field))
    };
    let lines: Vec<_> = text.lines().filter(kept).collect();
    let text = lines
        .join("\n")
        .replace("\n  user:", &format!("\n  user:\n    {credentials}"));
    world.write("kubeconfig-of-another", &text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_is_not_there_is_waited_for() {
    let world = World::start().await;
    // Nobody listens where somebody has just stopped to.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let text = std::fs::read_to_string(&world.kubeconfig).unwrap();
    let text = text.replace(&world.server(), &closed.to_string());
    let kubeconfig = world.write("kubeconfig-closed", &text);
    let mut controller = hindered(&world, &kubeconfig);
    world
        .until_readyz(&mut controller, 503, "is the API server running")
        .await;
    logs(&controller, &closed.to_string());

    let gateway = world.gateway();
    gateway.set(Way::Refused);
    let kubeconfig = world.through(&gateway);
    let mut controller = hindered(&world, &kubeconfig);
    world
        .until_readyz(
            &mut controller,
            503,
            "namespace kube-system: cannot be read",
        )
        .await;
    gateway.set(Way::Open);
    controller.wait_until_ready();
    world.create("web").await;
    world.until_provisioned("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_not_accepted_are_told_with_a_remedy() {
    let world = World::start().await;
    let kubeconfig = as_user(&world, "token: expired");
    let mut controller = hindered(&world, &kubeconfig);
    world
        .until_readyz(
            &mut controller,
            503,
            "may have expired; renew the kubeconfig",
        )
        .await;
    logs(&controller, "may have expired");
    assert_eq!(
        controller
            .printed
            .iter()
            .filter(|line| *line == "ready")
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_is_told_with_a_remedy() {
    let world = World::start().await;
    let mut other = Process::start(
        std::process::Command::new(landfall_test_process::program("mock-cluster"))
            .arg("--kubeconfig")
            .arg(world.folder.path().join("other")),
    );
    other.wait_until_ready();
    let text = std::fs::read_to_string(world.folder.path().join("other")).unwrap();
    let address = other.listens("kubernetes").to_string();
    let kubeconfig = world.write("kubeconfig-other", &text.replace(&address, &world.server()));
    let mut controller = hindered(&world, &kubeconfig);
    world
        .until_readyz(&mut controller, 503, "does not vouch for")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real control plane: a mock cluster refuses nobody"]
async fn a_missing_permission_is_told_and_heals_when_it_is_given() {
    let world = World::start().await;
    let accounts = Api::<ServiceAccount>::namespaced(world.client.clone(), &world.namespace);
    let (create, name) = (PostParams::default(), "powerless");
    let account = object(json!({"metadata": {"name": name}}));
    accounts.create(&create, &account).await.unwrap();
    let asked = TokenRequest::default();
    let token = accounts.create_token_request(name, &create, &asked).await;
    let token = token.unwrap().status.unwrap().token.unwrap();
    let kubeconfig = as_user(&world, &format!("token: {token}"));
    let mut controller = hindered(&world, &kubeconfig);
    world
        .until_readyz(&mut controller, 503, "give the account that permission")
        .await;
    let bind = |role: &str| -> ClusterRoleBinding {
        object(json!({
            "metadata": {"generateName": "system-"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "namespace": world.namespace, "name": name}],
        }))
    };
    // May read all, but write nothing.
    let bindings = Api::<ClusterRoleBinding>::all(world.client.clone());
    bindings.create(&create, &bind("view")).await.unwrap();
    let reads = json!({
        "metadata": {"name": world.namespace},
        "rules": [{"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["get", "list", "watch"]}],
    });
    let roles = Api::<k8s_openapi::api::rbac::v1::ClusterRole>::all(world.client.clone());
    roles.create(&create, &object(reads)).await.unwrap();
    bindings
        .create(&create, &bind(&world.namespace))
        .await
        .unwrap();
    controller.wait_until_ready();
    world.create("web").await;
    let start = std::time::Instant::now();
    while !controller.errors().contains("cannot patch resource") {
        assert!(
            start.elapsed() < landfall_test_process::PATIENCE,
            "{}",
            controller.errors()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(
        world.held().await.is_empty(),
        "no effect before the finalizer stands"
    );
    bindings
        .create(&create, &bind("cluster-admin"))
        .await
        .unwrap();
    world.until_provisioned("web").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_does_not_let_us_in_is_told_and_heals() {
    let world = World::start().await;
    world.change_token("renewed").await;
    let kubeconfig = world.kubeconfig.clone();
    let mut controller = hindered(&world, &kubeconfig);
    let part = format!("provider {}", world.class());
    world.until_readyz(&mut controller, 503, &part).await;
    world.create("web").await;
    world
        .until("web", "is told", |it| {
            condition(it)["reason"] == "Unauthorized"
        })
        .await;
    world
        .change_token(landfall_test_process::MockCloud::TOKEN)
        .await;
    world.until_provisioned("web").await;
    world.until_readyz(&mut controller, 200, "ok").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubeconfig_that_is_no_good_ends_it_with_one_message() {
    let world = World::start().await;
    let with = |server: &str, authority: &str, context: &str| {
        format!(
            "apiVersion: v1
kind: Config
clusters: [{{name: a, cluster: {{server: '{server}', {authority}}}}}]
users: [{{name: a, user: {{token: x}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
current-context: {context}
"
        )
    };
    let https = "https://127.0.0.1:1";
    let hello = "certificate-authority-data: aGVsbG8=";
    let cases = [
        ("{{{", "unclosed bracket"),
        ("kind: Config", "current context"),
        (&with(https, "", "b"), "current context: b"),
        (
            &with("127.0.0.1:1", "", "a"),
            "write it like https://127.0.0.1:1",
        ),
        (
            &with(https, "certificate-authority-data: '!'", "a"),
            "certificate authority",
        ),
        (&with(https, hello, "a"), "holds no certificate"),
        (
            &with(https, "certificate-authority: /nowhere/ca.crt", "a"),
            "/nowhere/ca.crt",
        ),
    ];
    for (content, words) in cases {
        let kubeconfig = world.write("kubeconfig-bad", content);
        let ended = hindered(&world, &kubeconfig).ended();
        assert_eq!(ended.status.code(), Some(2), "{content}: {}", ended.errors);
        assert!(
            ended.errors.contains(words),
            "no {words:?} in {}",
            ended.errors
        );
        assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_not_there_is_told_with_a_remedy_and_heals() {
    let mut world = World::start().await;
    world.put_gateway(Duration::ZERO).set(Way::Refused);
    let mut controller = hindered(&world, &world.kubeconfig);
    let part = format!("provider {}", world.class());
    world.until_readyz(&mut controller, 503, &part).await;
    world.create("web").await;
    let told = world
        .until("web", "is told", |it| {
            condition(it)["reason"] == "ProviderUnavailable"
        })
        .await;
    let message = condition(&told)["message"].as_str().unwrap();
    assert!(
        message.contains("the mock cloud at http://127.0.0.1:"),
        "{message}"
    );
    world.to_cloud().set(Way::Open);
    world.until_provisioned("web").await;
    world.until_readyz(&mut controller, 200, "ok").await;

    // It goes away while nothing is asked of it: the next comparison tells.
    world.to_cloud().set(Way::Refused);
    world.until_readyz(&mut controller, 503, &part).await;
    let service = world.get("web").await;
    assert_eq!(
        condition(&service)["status"],
        "True",
        "nothing is cleared: {service:#}"
    );
    world.to_cloud().set(Way::Open);
    world.until_readyz(&mut controller, 200, "ok").await;
}
