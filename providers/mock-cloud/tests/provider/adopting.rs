//! A cluster whose load balancers another one adopts while it still runs.

use landfall_provider_api::{ClusterId, Error, Provider, Snapshot};

use crate::world::{World, cluster, next, wanted};
use landfall_provider_api::conformance::Subject;

async fn adopted(world: &World) -> Box<dyn Provider> {
    let new = ClusterId {
        uid: "c2".into(),
        ..cluster()
    };
    let provider = world.provider(&new);
    let snapshot = Snapshot {
        adopts: Some("c1".into()),
        ..Snapshot::default()
    };
    assert_eq!(provider.begin(snapshot.known()).await.unwrap().len(), 2);
    provider
}

/// It neither takes anything back nor releases it.
async fn leaves_all_alone(world: &World, old: &dyn Provider) {
    let before = world.items().await;
    let refused = old.ensure(&wanted("s1")).await;
    let Err(Error::NameTaken { uid, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(uid, "c2");
    for uid in ["s1", "s2"] {
        old.release(&wanted(uid).id).await.unwrap();
    }
    assert_eq!(world.items().await, before);
}

#[tokio::test]
async fn who_hears_of_it_leaves_all_alone() {
    let world = World::start().await;
    let (old, mut changes) = world.listening().await;
    for uid in ["s1", "s2"] {
        old.ensure(&wanted(uid)).await.unwrap();
    }
    adopted(&world).await;
    let mut told = [next(&mut changes).await, next(&mut changes).await];
    told.sort();
    assert_eq!(told, ["s1", "s2"]);
    leaves_all_alone(&world, &*old).await;
}

#[tokio::test]
async fn who_does_not_hear_of_it_finds_out_before_it_has_an_effect() {
    let world = World::start().await;
    for has_compared in [false, true] {
        let old = world.begun().await;
        for uid in ["s1", "s2"] {
            old.ensure(&wanted(uid)).await.unwrap();
        }
        let new = adopted(&world).await;
        if has_compared {
            assert!(old.owned().await.unwrap().is_empty());
        }
        let mut changed = wanted("s1");
        changed.ports[0].port = 9000;
        let refused = old.ensure(&changed).await.unwrap_err();
        assert!(matches!(refused, Error::NameTaken { .. }), "{refused}");
        leaves_all_alone(&world, &*old).await;
        for item in new.owned().await.unwrap() {
            new.release(&item.id.unwrap()).await.unwrap();
        }
    }
}
