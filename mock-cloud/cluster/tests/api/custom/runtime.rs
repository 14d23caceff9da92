//! kube-rs follows custom objects: lists, watches of both kinds, and the end of a kind.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use landfall_mock_cluster::Cluster;
use serde_json::json;
use tokio::time::timeout;

use super::{DEFINITIONS, define, object, pool, pools};
use crate::raw::Raw;

/// Long enough for a loaded machine.
const LONG: Duration = Duration::from_mins(1);

async fn next(
    events: &mut BoxStream<'_, watcher::Result<Event<DynamicObject>>>,
) -> Event<DynamicObject> {
    let next = timeout(LONG, events.try_next()).await;
    next.expect("an event in time").unwrap().unwrap()
}

#[tokio::test]
async fn watchers_see_objects_come_change_and_go() {
    for config in [
        watcher::Config::default().page_size(2),
        watcher::Config::default().streaming_lists(),
    ] {
        let raw = Raw::of(Cluster::new());
        let group = "watched.example.dev";
        let path = define(
            &raw,
            pools(group, object(json!({ "size": { "type": "integer" } }))),
        )
        .await;
        for name in ["a", "b", "c"] {
            raw.post(&path, pool(group, name, json!({})))
                .await
                .expect(201);
        }
        let kind = GroupVersionKind::gvk(group, "v1alpha1", "Pool");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pools");
        let api: Api<DynamicObject> = Api::default_namespaced_with(raw.cluster.client(), &resource);
        let mut events = watcher(api.clone(), config).boxed();
        let mut listed = Vec::new();
        loop {
            match next(&mut events).await {
                Event::Init => {}
                Event::InitApply(object) => listed.push(object.name_any()),
                Event::InitDone => break,
                other => panic!("{other:?}"),
            }
        }
        listed.sort();
        assert_eq!(listed, ["a", "b", "c"]);
        let patch = Patch::Merge(json!({ "status": { "free": 4 } }));
        api.patch_status("b", &PatchParams::default(), &patch)
            .await
            .unwrap();
        let Event::Apply(changed) = next(&mut events).await else {
            panic!()
        };
        assert_eq!(
            (changed.name_any().as_str(), &changed.data["status"]["free"]),
            ("b", &json!(4))
        );
        // With the definition go the objects, and a watch shows that before it ends.
        raw.delete(&format!("{DEFINITIONS}/pools.{group}"))
            .await
            .expect(200);
        let mut gone = Vec::new();
        while gone.len() < 3 {
            match next(&mut events).await {
                Event::Delete(object) => gone.push(object.name_any()),
                other => panic!("{other:?}"),
            }
        }
        gone.sort();
        assert_eq!(gone, ["a", "b", "c"]);
        // It lists again, and there is nothing to list.
        let ended = timeout(LONG, events.next()).await.unwrap().unwrap();
        assert!(!matches!(ended, Ok(Event::Apply(_))), "{ended:?}");
    }
}
