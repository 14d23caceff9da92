//! What the controller counts. No label grows with the number of Services.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use landfall_service::Class;

/// From half a millisecond to about half a minute, the deadline of a provider call.
const BUCKETS: (f64, f64, u16) = (0.0005, 2.0, 17);

/// The controller's metrics. Clones count into the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    pub(super) queue_depth: Gauge,
    pub(super) syncs: Family<SyncLabels, Histogram>,
    pub(super) provider_calls: Family<CallLabels, Histogram>,
    pub(super) service_writes: Family<WriteLabels, Counter>,
    pub(super) repairs: Family<ClassLabel, Counter>,
    pub(super) orphans: Family<ClassLabel, Gauge>,
    pub(super) orphans_held_back: Family<ClassLabel, Gauge>,
    pub(super) stands_aside: Family<ClassLabel, Gauge>,
    pub(super) leader: Gauge,
}

/// How a look at a Service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Synced {
    /// It is as it should be, or waits for a change.
    Settled,
    /// It is to be looked at again at a set time.
    Postponed,
}

/// A method of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Operation {
    Begin,
    Ensure,
    Release,
    Owned,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SyncLabels {
    pub(super) result: Synced,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) class: String,
    pub(super) operation: Operation,
    /// `Ok`, or the error's reason.
    pub(super) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WriteLabels {
    /// `Done`, `Overtaken`, `Gone` or `Failed`.
    pub(super) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ClassLabel {
    class: String,
}

impl ClassLabel {
    pub(super) fn of(class: &Class) -> Self {
        Self {
            class: class.to_string(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || {
            let (start, factor, length) = BUCKETS;
            Histogram::new(exponential_buckets(start, factor, length))
        };
        let mut metrics = Self {
            registry: Arc::default(),
            queue_depth: Gauge::default(),
            syncs: Family::new_with_constructor(histogram),
            provider_calls: Family::new_with_constructor(histogram),
            service_writes: Family::default(),
            repairs: Family::default(),
            orphans: Family::default(),
            orphans_held_back: Family::default(),
            stands_aside: Family::default(),
            leader: Gauge::default(),
        };
        metrics.registry = Arc::new(RwLock::new(metrics.registered()));
        metrics
    }
}

impl Metrics {
    /// Every metric with its help text, which is its documentation.
    fn registered(&self) -> Registry {
        let mut registry = Registry::with_prefix("landfall");
        let it = &mut registry;
        it.register(
            "queue_depth",
            "Services that have a look now or wait for one, those that wait for a retry included",
            self.queue_depth.clone(),
        );
        it.register_with_unit(
            "sync",
            "Looks at a Service, by how they ended",
            Unit::Seconds,
            self.syncs.clone(),
        );
        it.register_with_unit(
            "provider_call",
            "Calls of a provider, by method and result",
            Unit::Seconds,
            self.provider_calls.clone(),
        );
        it.register(
            "service_writes",
            "Writes to Services, by result",
            self.service_writes.clone(),
        );
        it.register(
            "repairs",
            "Load balancers that somebody else had altered or removed, and that were put right",
            self.repairs.clone(),
        );
        it.register(
            "orphans",
            "Load balancers that belonged to no Service at the last comparison",
            self.orphans.clone(),
        );
        it.register(
            "orphans_held_back",
            "1 if so many are orphans that none is released before `landfall sweep --confirm`",
            self.orphans_held_back.clone(),
        );
        it.register(
            "stands_aside",
            "1 while the provider leaves Services that are not of its own class to somebody else; the log says why",
            self.stands_aside.clone(),
        );
        it.register(
            "leader",
            "1 while this replica works, 0 while it stands by",
            self.leader.clone(),
        );
        registry
    }

    /// Adds what a provider counts itself.
    pub fn add(&self, collector: Box<dyn Collector>) {
        let mut registry = self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(collector);
    }

    /// All of them, in the OpenMetrics text format.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(
            &mut text,
            &self.registry.read().unwrap_or_else(PoisonError::into_inner),
        )?;
        Ok(text)
    }

    pub(super) fn called(
        &self,
        class: &Class,
        operation: Operation,
        result: &'static str,
        took: Duration,
    ) {
        let labels = CallLabels {
            class: class.to_string(),
            operation,
            result,
        };
        self.provider_calls
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_told_with_its_help() {
        let metrics = Metrics::default();
        let class = Class::new("landfall.dev/test");
        metrics.called(&class, Operation::Ensure, "Ok", Duration::from_millis(3));
        metrics
            .orphans_held_back
            .get_or_create(&ClassLabel::of(&class))
            .set(1);
        metrics.leader.set(1);
        let text = metrics.encode().unwrap();
        for expected in [
            "# HELP landfall_queue_depth ",
            "# HELP landfall_provider_call_seconds ",
            "landfall_orphans_held_back{class=\"landfall.dev/test\"} 1",
            "landfall_leader 1",
            "landfall_provider_call_seconds_count{class=\"landfall.dev/test\",operation=\"Ensure\",result=\"Ok\"} 1",
        ] {
            assert!(text.contains(expected), "no {expected} in\n{text}");
        }
    }
}
