//! What every provider must do when its backend fails. A subject that cannot bring a trouble about
//! declines it, and then its check shows nothing.

use futures::StreamExt;

use super::{Subject, begun, cluster, ensured, wanted};
use crate::{Error, Outcome, Provider, Retry, Snapshot};

/// Something that goes wrong with a backend, on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The next change is made, but its answer is lost.
    AnswerLost,
    /// Of the next change only a part is made or removed, and it fails.
    HalfWay,
    /// What there is stays, and no more can be had until something is released.
    Full,
    /// The next call is one too many.
    Throttled,
    /// The credentials are not accepted.
    Unauthorized,
    /// The backend cannot be used.
    Away,
}

pub(super) async fn all<S: Subject>(start: impl AsyncFn() -> S) {
    what_was_made_without_an_answer_is_adopted(&start().await).await;
    what_was_made_by_half_is_completed(&start().await).await;
    what_was_made_by_half_is_released(&start().await).await;
    what_was_released_by_half_is_released(&start().await).await;
    all_is_read_at_once(&start().await).await;
    who_found_nothing_left_is_woken(&start().await).await;
    every_failure_says_whose_fault_it_is(&start().await).await;
}

async fn what_was_made_without_an_answer_is_adopted(subject: &impl Subject) {
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let provider = begun(subject, &cluster("c1")).await;
    if !subject.provoke(Trouble::AnswerLost).await {
        return;
    }
    let lost = provider.ensure(&wanted).await;
    assert!(lost.is_err(), "a lost answer was taken for one: {lost:?}");
    for provider in [provider, begun(subject, &cluster("c1")).await] {
        ensured(&*provider, &wanted).await;
        let owned = provider.owned().await.expect("owned");
        assert_eq!(owned.len(), 1, "it was made twice: {owned:?}");
    }
}

async fn what_was_made_by_half_is_completed(subject: &impl Subject) {
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let provider = begun(subject, &cluster("c1")).await;
    if !subject.provoke(Trouble::HalfWay).await {
        return;
    }
    let half = provider.ensure(&wanted).await;
    assert!(half.is_err(), "a half was taken for the whole: {half:?}");
    let after_restart = begun(subject, &cluster("c1")).await;
    let assigned = ensured(&*after_restart, &wanted).await;
    assert!(assigned.failed_ports.is_empty(), "{assigned:?}");
    let again = ensured(&*provider, &wanted).await;
    assert_eq!(again.ingress, assigned.ingress, "there are two of it");
}

async fn what_was_made_by_half_is_released(subject: &impl Subject) {
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let provider = begun(subject, &cluster("c1")).await;
    if !subject.provoke(Trouble::HalfWay).await {
        return;
    }
    let half = provider.ensure(&wanted).await;
    assert!(half.is_err(), "a half was taken for the whole: {half:?}");
    released(&*provider, subject, &wanted.id).await;
}

async fn what_was_released_by_half_is_released(subject: &impl Subject) {
    let wanted = wanted(subject, &cluster("c1"), "s1");
    let provider = begun(subject, &cluster("c1")).await;
    ensured(&*provider, &wanted).await;
    if !subject.provoke(Trouble::HalfWay).await {
        return;
    }
    let half = provider.release(&wanted.id).await;
    assert!(half.is_err(), "a half was taken for the whole: {half:?}");
    let after_restart = begun(subject, &cluster("c1")).await;
    released(&*after_restart, subject, &wanted.id).await;
}

/// Releases it, and sees to it that nobody finds a part of it.
async fn released(provider: &dyn Provider, subject: &impl Subject, id: &crate::LoadBalancerId) {
    provider.release(id).await.expect("release");
    let fresh = begun(subject, &id.cluster).await;
    for owned in [provider.owned().await, fresh.owned().await] {
        let owned = owned.expect("owned");
        assert!(owned.is_empty(), "parts were left: {owned:?}");
    }
}

async fn all_is_read_at_once(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    let mut expected = Vec::new();
    for uid in ["s1", "s2", "s3"] {
        let wanted = wanted(subject, &cluster("c1"), uid);
        ensured(&*provider, &wanted).await;
        expected.push((Some(wanted.id), Some(wanted.service)));
    }
    let fresh = subject.provider(&cluster("c1"));
    let at_start = fresh
        .begin(Snapshot::default().known())
        .await
        .expect("begin");
    for read in [at_start, fresh.owned().await.expect("owned")] {
        let mut found: Vec<_> = read.into_iter().map(|o| (o.id, o.service)).collect();
        found.sort();
        assert_eq!(found, expected, "not all was read, or not as it is");
    }
}

pub(super) async fn who_found_nothing_left_is_woken(subject: &impl Subject) {
    let (first, late) = (
        wanted(subject, &cluster("c1"), "s1"),
        wanted(subject, &cluster("c1"), "s2"),
    );
    let provider = subject.provider(&cluster("c1"));
    let mut changes = provider.changes();
    provider
        .begin(Snapshot::default().known())
        .await
        .expect("begin");
    ensured(&*provider, &first).await;
    if !subject.provoke(Trouble::Full).await {
        return;
    }
    let told = provider.ensure(&late).await;
    let waits = matches!(
        told,
        Err(Error::Exhausted(_)) | Ok(Outcome::Waiting { held: None, .. })
    );
    assert!(waits, "nothing is left, and yet it answers {told:?}");
    provider.release(&first.id).await.expect("release");
    while changes.next().await.expect("changes do not end") != late.id {}
    ensured(&*provider, &late).await;
}

async fn every_failure_says_whose_fault_it_is(subject: &impl Subject) {
    let provider = begun(subject, &cluster("c1")).await;
    for (trouble, reason) in [
        (Trouble::Throttled, "Throttled"),
        (Trouble::Unauthorized, "Unauthorized"),
        (Trouble::Away, "ProviderUnavailable"),
    ] {
        if !subject.provoke(trouble).await {
            continue;
        }
        let wanted = wanted(subject, &cluster("c1"), "s1");
        let error = provider
            .ensure(&wanted)
            .await
            .expect_err("it was in trouble");
        assert_eq!(error.reason(), reason, "{trouble:?}: {error}");
        let waits = error.retry() == Retry::WhenChanged;
        assert!(!waits, "{trouble:?} passes by itself: {error}");
        subject.mend().await;
        ensured(&*provider, &wanted).await;
        provider.release(&wanted.id).await.expect("release");
    }
}
