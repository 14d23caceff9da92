//! What every provider must do for a cluster that was restored, and has another UID since.

use std::time::SystemTime;

use super::{Subject, begun, cluster, ensured, wanted};
use crate::{Error, Held, LoadBalancer, LoadBalancerId, Provider, Snapshot};

pub(super) async fn all<S: Subject>(start: &impl AsyncFn() -> S) {
    what_a_restored_cluster_had_is_adopted(&start().await).await;
    an_adoption_that_was_cut_off_is_completed(&start().await).await;
    of_several_foreign_clusters_one_is_adopted_at_most(&start().await).await;
}

/// A Service of cluster `c2` with this UID, under the name of the one of `c1` that had that UID.
fn restored(subject: &impl Subject, uid: &str, before: &str) -> LoadBalancer {
    LoadBalancer {
        service: wanted(subject, &cluster("c1"), before).service,
        ..wanted(subject, &cluster("c2"), uid)
    }
}

fn adopting(services: &[&LoadBalancer]) -> Snapshot {
    let held = |wanted: &&LoadBalancer| Held {
        id: wanted.id.clone(),
        service: wanted.service.clone(),
        created: SystemTime::UNIX_EPOCH,
        ours: true,
        ingress: Vec::new(),
        wanted: Some((*wanted).clone()),
    };
    Snapshot {
        services: services.iter().map(held).collect(),
        adopts: Some("c1".to_owned()),
    }
}

async fn ids(provider: &dyn Provider) -> Vec<LoadBalancerId> {
    let owned = provider.owned().await.expect("owned");
    let mut ids: Vec<_> = owned.into_iter().filter_map(|it| it.id).collect();
    ids.sort();
    ids
}

async fn what_a_restored_cluster_had_is_adopted(subject: &impl Subject) {
    let old = begun(subject, &cluster("c1")).await;
    let before = ensured(&*old, &wanted(subject, &cluster("c1"), "s1")).await;
    ensured(&*old, &wanted(subject, &cluster("c1"), "gone")).await;

    let web = restored(subject, "n1", "s1");
    let left_over = LoadBalancerId {
        service_uid: "gone".into(),
        ..web.id.clone()
    };
    let new = subject.provider(&cluster("c2"));
    let owned = new.begin(adopting(&[&web]).known()).await.expect("begin");
    assert_eq!(owned.len(), 2, "not all was adopted: {owned:?}");
    let mut expected = vec![web.id.clone(), left_over.clone()];
    expected.sort();
    assert_eq!(ids(&*new).await, expected);
    let after = ensured(&*new, &web).await;
    assert_eq!(
        before.ingress, after.ingress,
        "an adoption moved an address"
    );
    assert_eq!(ids(&*new).await, expected, "it was made twice");

    let old = subject.provider(&cluster("c1"));
    assert!(
        ids(&*old).await.is_empty(),
        "the old cluster still owns some"
    );
    let refused = old.begin(Snapshot::default().known()).await;
    assert!(
        matches!(&refused, Err(Error::NameTaken { uid, .. }) if uid == "c2"),
        "{refused:?}"
    );

    let restarted = begun(subject, &cluster("c2")).await;
    let again = ensured(&*restarted, &web).await;
    assert_eq!(before.ingress, again.ingress, "a restart moved an address");
    for id in [&web.id, &left_over] {
        restarted.release(id).await.expect("release");
    }
    let nobody_s = begun(subject, &cluster("c3")).await;
    assert!(ids(&*restarted).await.is_empty(), "parts were left");
    assert!(ids(&*nobody_s).await.is_empty());
}

/// As if the adoption had ended after one of two: the Service that has one gets no second.
async fn an_adoption_that_was_cut_off_is_completed(subject: &impl Subject) {
    let (first, second) = (
        wanted(subject, &cluster("c1"), "s1"),
        wanted(subject, &cluster("c1"), "s2"),
    );
    let (web, other) = (restored(subject, "n1", "s1"), restored(subject, "n2", "s2"));
    let late = begun(subject, &cluster("c1")).await;
    let old = begun(subject, &cluster("c1")).await;
    let before = ensured(&*old, &first).await;
    let new = subject.provider(&cluster("c2"));
    new.begin(adopting(&[&web, &other]).known())
        .await
        .expect("begin");
    let other_before = ensured(&*late, &second).await;
    // The same once more, and with nothing left to do.
    for _ in 0..2 {
        let new = subject.provider(&cluster("c2"));
        new.begin(adopting(&[&web, &other]).known())
            .await
            .expect("begin");
        assert_eq!(ids(&*new).await, [web.id.clone(), other.id.clone()]);
        let after = ensured(&*new, &web).await;
        let other_after = ensured(&*new, &other).await;
        assert_eq!(before.ingress, after.ingress);
        assert_eq!(other_before.ingress, other_after.ingress);
    }
}

async fn of_several_foreign_clusters_one_is_adopted_at_most(subject: &impl Subject) {
    let (one, another) = (
        begun(subject, &cluster("c1")).await,
        begun(subject, &cluster("c3")).await,
    );
    ensured(&*one, &wanted(subject, &cluster("c1"), "s1")).await;
    ensured(&*another, &wanted(subject, &cluster("c3"), "s3")).await;
    let new = subject.provider(&cluster("c2"));
    let refused = new.begin(adopting(&[]).known()).await;
    assert!(
        matches!(&refused, Err(Error::NameTaken { uid, .. }) if uid == "c3"),
        "{refused:?}"
    );
    for provider in [one, another] {
        let owned = ids(&*provider).await;
        assert_eq!(owned.len(), 1, "what was refused had an effect: {owned:?}");
    }
}
