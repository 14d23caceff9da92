//! What is counted of the calls. No label grows with the number of Services.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family as Labelled;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Unit;

use super::actions::Action;
use super::budget::{Family, Priority};

/// From five milliseconds to about forty seconds, more than the longest patience.
const BUCKETS: (f64, f64, u16) = (0.005, 2.0, 14);

/// What is counted of the calls. Clones count into the same. As a `Collector` it belongs into a
/// registry with the prefix `landfall`.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    calls: Labelled<CallLabels, Counter>,
    durations: Labelled<ActionLabel, Histogram>,
    throttled: Labelled<ActionLabel, Counter>,
    waits: Labelled<WaitLabels, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabel {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    family: &'static str,
    priority: &'static str,
}

impl Default for Counters {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || {
            let (start, factor, length) = BUCKETS;
            Histogram::new(exponential_buckets(start, factor, length))
        };
        Self {
            calls: Labelled::default(),
            durations: Labelled::new_with_constructor(histogram),
            throttled: Labelled::default(),
            waits: Labelled::new_with_constructor(histogram),
        }
    }
}

impl Counters {
    /// An attempt ended: `outcome` is `Ok` or what was the matter.
    pub(super) fn ended(&self, action: &'static Action, outcome: &'static str, took: Duration) {
        let label = ActionLabel {
            action: action.name,
        };
        let labels = CallLabels {
            action: action.name,
            outcome,
        };
        self.calls.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&label)
            .observe(took.as_secs_f64());
        if outcome == super::refusal::Kind::Throttled.name() {
            self.throttled.get_or_create(&label).inc();
        }
    }

    /// A call had its turn, or gave up waiting for it.
    pub(super) fn waited(&self, family: Family, priority: Priority, time: Duration) {
        let labels = WaitLabels {
            family: family.name(),
            priority: match priority {
                Priority::Change => "Change",
                Priority::Repair => "Repair",
                Priority::Refresh => "Refresh",
            },
        };
        self.waits
            .get_or_create(&labels)
            .observe(time.as_secs_f64());
    }

    /// How many attempts at an action ended so.
    #[cfg(test)]
    pub(super) fn count(&self, action: &'static str, outcome: &'static str) -> u64 {
        let labels = CallLabels { action, outcome };
        self.calls.get(&labels).map_or(0, |it| it.get())
    }
}

impl Collector for Counters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = MetricType::Counter;
        let histogram = MetricType::Histogram;
        let seconds = Some(&Unit::Seconds);
        let calls = encoder.encode_descriptor(
            "aws_calls",
            "Attempts at calls to AWS, by their action in IAM and how they ended",
            None,
            counter,
        )?;
        self.calls.encode(calls)?;
        let durations = encoder.encode_descriptor(
            "aws_call_duration",
            "How long attempts at calls to AWS took, waiting for their turn not counted",
            seconds,
            histogram,
        )?;
        self.durations.encode(durations)?;
        let throttled = encoder.encode_descriptor(
            "aws_throttled",
            "Attempts at calls that AWS refused as too many",
            None,
            counter,
        )?;
        self.throttled.encode(throttled)?;
        let waits = encoder.encode_descriptor(
            "aws_budget_wait",
            "How long calls to AWS waited for their turn in the budget of their family",
            seconds,
            histogram,
        )?;
        self.waits.encode(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::actions::DESCRIBE_SUBNETS;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    #[test]
    fn a_scrape_finds_calls_durations_throttling_and_waits() {
        let counters = Counters::default();
        let mut registry = Registry::with_prefix("landfall");
        registry.register_collector(Box::new(counters.clone()));
        let took = Duration::from_millis(20);
        counters.ended(&DESCRIBE_SUBNETS, "Ok", took);
        counters.ended(&DESCRIBE_SUBNETS, "Throttled", took);
        counters.waited(Family::Ec2Read, Priority::Refresh, took);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "landfall_aws_calls_total{action=\"ec2:DescribeSubnets\",outcome=\"Ok\"} 1",
            "landfall_aws_calls_total{action=\"ec2:DescribeSubnets\",outcome=\"Throttled\"} 1",
            "landfall_aws_throttled_total{action=\"ec2:DescribeSubnets\"} 1",
            "landfall_aws_call_duration_seconds_count{action=\"ec2:DescribeSubnets\"} 2",
            "landfall_aws_budget_wait_seconds_count{family=\"Ec2Read\",priority=\"Refresh\"} 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert_eq!(counters.count("ec2:DescribeSubnets", "Ok"), 1);
    }
}
