//! What a scrape of the metrics finds of the pools.

use std::fmt;
use std::sync::Arc;

use landfall_bare_metal_allocator::Pool;
use landfall_provider_api::Family;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::keeper::{Keeper, locked};

/// A metric: its name, what it tells, and where that stands.
type Metric = (&'static str, &'static str, fn(&Pool, Family) -> u128);

const METRICS: [Metric; 3] = [
    (
        "pool_addresses",
        "Addresses that an AddressPool has, those left out by `exclude` not counted.",
        Pool::total,
    ),
    (
        "pool_addresses_assigned",
        "Addresses of an AddressPool that Services and reservations have.",
        Pool::assigned,
    ),
    (
        "pool_addresses_available",
        "Addresses of an AddressPool that nobody has and that do not rest; AddressPool.spec.allocation \
         and its conditions say whether they are given.",
        Pool::available,
    ),
];

/// Counts when it is asked: nothing is kept for it between.
pub(crate) struct Counting(pub(crate) Arc<Keeper>);

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").finish_non_exhaustive()
    }
}

impl Collector for Counting {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let state = locked(&self.0.state);
        for (name, help, number) in METRICS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for pool in state.allocator.pools() {
                for family in [Family::IPv4, Family::IPv6] {
                    if pool.total(family) == 0 {
                        continue;
                    }
                    #[expect(
                        clippy::cast_precision_loss,
                        reason = "OpenMetrics has no larger numbers than these"
                    )]
                    let number = ConstGauge::new(number(pool, family) as f64);
                    let labels = [("pool", &*pool.name), ("family", &family.to_string())];
                    number.encode(metric.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
