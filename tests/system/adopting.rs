//! Two clusters of one name, and one that was restored.

use serde_json::Value;

use crate::world::{World, addresses};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_cluster_of_one_name_is_refused_unless_it_adopts() {
    let old = World::start().await;
    let controller = old.lone_controller();
    let mut before = Vec::new();
    for name in ["web", "db"] {
        old.create(name).await;
        before.push(addresses(&old.until_provisioned(name).await));
    }
    controller.kill();
    let (uid, ids) = (old.cluster_uid().await, ids(&old).await);

    let new = old.restored().await;
    let kubeconfig = new.kubeconfig.clone();
    let refused = new
        .controller(&kubeconfig, &["--leader-elect", "false"])
        .ended();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.errors);
    let flag = format!("--adopt-cluster-uid {uid}");
    let told: Vec<_> = refused.errors.matches(&flag).collect();
    assert_eq!(told.len(), 1, "told once: {}", refused.errors);

    for name in ["web", "db"] {
        new.create(name).await;
    }
    let flags = ["--leader-elect", "false", "--adopt-cluster-uid", &uid];
    let mut adopting = new.controller(&kubeconfig, &flags);
    adopting.wait_until_ready();
    let mut after = Vec::new();
    for name in ["web", "db"] {
        after.push(addresses(&new.until_provisioned(name).await));
    }
    assert_eq!(before, after, "an address moved");
    assert_eq!(self::ids(&new).await, ids, "something was made or removed");
    adopting.kill();

    // From now on it is this cluster's, without a flag, and nobody else's.
    let _controller = new.lone_controller();
    new.delete("web").await;
    new.until_gone("web").await;
    let db = new.get("db").await["metadata"]["uid"].clone();
    let held: Vec<_> = new.held().await.into_iter().collect();
    assert_eq!(held, [(db.as_str().unwrap().to_owned(), before[1].clone())]);
    let kubeconfig = old.kubeconfig.clone();
    let refused = old
        .controller(&kubeconfig, &["--leader-elect", "false"])
        .ended();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.errors);
    assert!(refused.errors.contains(&new.cluster_uid().await));
}

async fn ids(world: &World) -> Vec<Value> {
    let items = world.items().await.into_iter();
    items.map(|item| item["id"].clone()).collect()
}
