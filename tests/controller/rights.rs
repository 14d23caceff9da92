//! The controller with the rights that it needs and no others. Only a real control plane knows
//! rights.

use std::sync::{Arc, Mutex};

use http::{Request, StatusCode};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::PostParams;
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::place::object;
use crate::world::{World, service};

const ACCOUNT: &str = "controller";

/// All that the controller may do.
fn rules() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["services", "nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
        {
            "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"],
            "verbs": ["get"],
        },
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ])
}

/// A client that may do this, of a service account.
async fn client(world: &World, rules: Value) -> Client {
    let namespace = &world.place.namespace;
    let metadata = json!({"name": namespace});
    let role: ClusterRole = object(json!({"metadata": metadata, "rules": rules}));
    let binding: ClusterRoleBinding = object(json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT}],
    }));
    let (admin, create) = (&world.client, PostParams::default());
    let roles = Api::all(admin.clone());
    roles.create(&create, &role).await.unwrap();
    let bindings = Api::all(admin.clone());
    bindings.create(&create, &binding).await.unwrap();
    let accounts = Api::<ServiceAccount>::namespaced(admin.clone(), namespace);
    let account = object(json!({"metadata": {"name": ACCOUNT}}));
    accounts.create(&create, &account).await.unwrap();
    let request = TokenRequest::default();
    let answer = accounts.create_token_request(ACCOUNT, &create, &request);
    let token = answer.await.unwrap().status.unwrap().token;
    let mut config = world.place.config.clone().expect("a real control plane");
    config.auth_info = AuthInfo {
        token: Some(token.unwrap().into()),
        ..AuthInfo::default()
    };
    Client::try_from(config).unwrap()
}

/// The same client, and what it is refused from now on.
fn observed(client: Client) -> (Client, Arc<Mutex<Vec<String>>>) {
    let refusals = Arc::new(Mutex::new(Vec::new()));
    let noted = refusals.clone();
    let observed = tower::service_fn(move |request: Request<Body>| {
        let (client, noted) = (client.clone(), noted.clone());
        async move {
            let what = format!("{} {}", request.method(), request.uri());
            let answer = client.send(request).await;
            if let Ok(answer) = &answer
                && answer.status() == StatusCode::FORBIDDEN
            {
                noted.lock().unwrap().push(what);
            }
            answer
        }
    });
    (Client::new(observed, "default"), refusals)
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster refuses nobody"]
async fn it_needs_no_more_rights_than_these() {
    let mut world = World::without_controller().await;
    let (acting, refusals) = observed(client(&world, rules()).await);
    // The rights arrive at the authorizer by a watch of its own.
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(acting.clone());
    crate::world::eventually(
        || async { namespaces.get("kube-system").await.is_ok() },
        || "the role is bound".to_owned(),
    )
    .await;
    refusals.lock().unwrap().clear();
    world.acting = acting;
    world.start_controller().await;
    world.create(&service("web")).await;
    world.until_provisioned("web").await;
    world.until_told("web", "EnsuredLoadBalancer").await;
    world
        .patch("web", json!({"spec": {"ports": [{"port": 81}]}}))
        .await;
    world
        .until_asked("is asked again", |provider| provider.count("web").0 == 2)
        .await;
    world.create_node("node-2", "10.0.0.2").await;
    world
        .until_asked("knows both nodes", |provider| {
            provider
                .held("web")
                .first()
                .is_some_and(|it| it.nodes.len() == 2)
        })
        .await;
    world.delete("web").await;
    world.until_gone("web").await;
    world.until_told("web", "DeletedLoadBalancer").await;
    world.settle().await;
    assert_eq!(*refusals.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster refuses nobody"]
async fn these_rights_do_not_let_it_change_a_service() {
    let world = World::without_controller().await;
    let (acting, refusals) = observed(client(&world, rules()).await);
    world.create(&service("web")).await;
    let services =
        Api::<k8s_openapi::api::core::v1::Service>::namespaced(acting, &world.place.namespace);
    crate::world::eventually(
        || async { services.get("web").await.is_ok() },
        || "the role is bound".to_owned(),
    )
    .await;
    refusals.lock().unwrap().clear();
    let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    let parameters = kube::api::PatchParams::default();
    services
        .patch("web", &parameters, &patch)
        .await
        .unwrap_err();
    assert_eq!(refusals.lock().unwrap().len(), 1);
    services
        .patch_status("web", &parameters, &patch)
        .await
        .unwrap();
}
