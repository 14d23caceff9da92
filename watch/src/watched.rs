//! A watch of a kind of objects that tells how it fares: in the log, and to `/readyz`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use kube::api::ListParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::Health;
use crate::explain;
use crate::sleep_until;

/// From one question whether a broken watch would work again to the next. Such a watch is made
/// anew by itself, but as long as nothing changes it does not say so.
const PROBE: Duration = Duration::from_secs(3);

/// The first pause before a broken watch is made again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
/// The longest. kube's own is half a minute, and begins anew only after two minutes of calm: too long for
/// somebody whose Service waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The pauses before a broken watch is made again, with jitter: others' are broken, too.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0.mul_f64(0.5 + fastrand::f64());
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A watch that is made again, with back-off, whenever it breaks.
struct Watched<K> {
    /// The kind, in the plural.
    what: &'static str,
    start: Box<dyn Fn() -> BoxStream<'static, Result<Event<K>, watcher::Error>> + Send>,
    events: BoxStream<'static, Result<Event<K>, watcher::Error>>,
    /// Told when what was read turns out to be wrong.
    doubt: Arc<Notify>,
    probe: Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send>,
    probe_at: Option<Instant>,
    health: Health,
}

/// The events of the objects that `api` reads, which `what` names in the plural; what goes wrong goes
/// to the log and to `health`. `prepare` may thin out an object before anybody keeps it. Whenever
/// `doubt` is told, all is read again.
pub fn watched<K>(
    api: Api<K>,
    what: &'static str,
    health: Health,
    doubt: Arc<Notify>,
    prepare: fn(&mut K),
) -> impl Stream<Item = Event<K>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    watched_of(
        api,
        watcher::Config::default(),
        what,
        health,
        doubt,
        prepare,
    )
}

/// The same, of the objects that `selected` selects.
pub fn watched_of<K>(
    api: Api<K>,
    selected: watcher::Config,
    what: &'static str,
    health: Health,
    doubt: Arc<Notify>,
    prepare: fn(&mut K),
) -> impl Stream<Item = Event<K>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let again = api.clone();
    // Who may read one object only is asked for no others.
    let one = ListParams {
        label_selector: selected.label_selector.clone(),
        field_selector: selected.field_selector.clone(),
        ..ListParams::default().limit(1)
    };
    let start = move || {
        watcher::watcher(again.clone(), selected.clone())
            .backoff(Pauses::default())
            .modify(prepare)
            .boxed()
    };
    let probe = move || -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let (api, one) = (api.clone(), one.clone());
        Box::pin(async move {
            let listed = tokio::time::timeout(PROBE, api.list_metadata(&one)).await;
            matches!(listed, Ok(Ok(_)))
        })
    };
    let watched = Watched {
        what,
        events: start(),
        start: Box::new(start),
        doubt,
        probe: Box::new(probe),
        probe_at: None,
        health,
    };
    stream::unfold(watched, async |mut watched| {
        let event = watched.next().await?;
        Some((event, watched))
    })
}

impl<K> Watched<K> {
    async fn next(&mut self) -> Option<Event<K>> {
        loop {
            tokio::select! {
                event = self.events.next() => match event? {
                    Ok(event) => {
                        self.is_well();
                        return Some(event);
                    }
                    Err(error) => self.is_broken(&error),
                },
                () = self.doubt.notified() => {
                    tracing::warn!("{} are read again: what was read before is wrong", self.what);
                    self.events = (self.start)();
                }
                () = sleep_until(self.probe_at) => {
                    if (self.probe)().await {
                        self.is_well();
                    } else {
                        self.probe_at = Some(Instant::now() + PROBE);
                    }
                }
            }
        }
    }

    fn is_well(&mut self) {
        if self.probe_at.take().is_some() {
            tracing::info!("{} can be watched again", self.what);
            self.health.well(self.what);
        }
    }

    fn is_broken(&mut self, error: &watcher::Error) {
        let (what, error) = (self.what, explain(error));
        tracing::warn!(error, "{what} cannot be watched; trying again");
        self.health
            .trouble(what, format!("cannot be watched: {error}"));
        self.probe_at.get_or_insert_with(|| Instant::now() + PROBE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_begin_anew() {
        let mut pauses = Pauses::default();
        let of = |pauses: &mut Pauses, about: Duration| {
            let pause = pauses.next().unwrap();
            assert!(
                about.mul_f64(0.5) <= pause && pause <= about.mul_f64(1.5),
                "{pause:?}"
            );
        };
        for about in [800, 1600, 3200, 5000, 5000] {
            of(&mut pauses, Duration::from_millis(about));
        }
        pauses.reset();
        of(&mut pauses, FIRST_PAUSE);
    }
}
