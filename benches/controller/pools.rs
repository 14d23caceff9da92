//! The bare-metal provider among many Services: addresses from a pool, and what edits of the pool and
//! restarts cost those who have one.

use std::time::Instant;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::AddressPool;
use serde_json::json;

use crate::Bench;
use crate::cluster::{Seen, object, pause};
use crate::measure::{
    Row, Table, cpu_seconds, load_average, peak_rss_mib, rss_mib, sorted, sorted_millis,
};
use crate::process::Process;
use crate::trivial::TrivialClient;

const POOL: &str = "bench";
/// The pool, and the same with twice as many addresses.
const NETWORKS: [&str; 2] = ["10.64.0.0/16", "10.64.0.0/15"];

impl Bench {
    /// All of it, as rows of the table.
    pub async fn pools(&mut self, table: &mut Table) {
        self.create_pool().await;
        let mut controller = self.mass_of_pools(table).await;
        self.edits(table, controller.id()).await;
        self.restarts_of_pools(table, &mut controller).await;
        controller.signal("TERM");
        controller.ended();
    }

    fn api(&self) -> Api<AddressPool> {
        Api::all(self.cluster.client.clone())
    }

    async fn create_pool(&self) {
        let definitions = Api::<CustomResourceDefinition>::all(self.cluster.client.clone());
        for definition in crds() {
            let name = definition.name_any();
            let parameters = PostParams::default();
            definitions.create(&parameters, &definition).await.unwrap();
            loop {
                let found = definitions.get(&name).await.unwrap();
                let conditions = found.status.and_then(|it| it.conditions);
                let mut conditions = conditions.iter().flatten();
                if conditions.any(|it| it.type_ == "Established" && it.status == "True") {
                    break;
                }
                pause().await;
            }
        }
        let pool = json!({"metadata": {"name": POOL}, "spec": {"addresses": [NETWORKS[0]]}});
        let parameters = PostParams::default();
        // Established is a moment before served.
        while self
            .api()
            .create(&parameters, &object(pool.clone()))
            .await
            .is_err()
        {
            pause().await;
        }
    }

    /// All pending at the start. The last controller goes on.
    async fn mass_of_pools(&mut self, table: &mut Table) -> Process {
        let (mut ours, mut trivial) = (Vec::new(), Vec::new());
        let (mut writes, mut cpu, mut rss, mut peak) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut pool_writes = Vec::new();
        let mut kept = None;
        let count = self.count as f64;
        for turn in 0..self.repetitions {
            self.cluster.reset().await;
            trivial.push(self.by_trivial_client_of_pools().await);
            self.cluster.reset().await;
            let mut seen = Seen::from_now(&self.cluster).await;
            let before = self.cluster.writes().await;
            let start = Instant::now();
            let mut controller = self.subject.start_with_pools();
            seen.until_served(self.count).await;
            ours.push(start.elapsed().as_secs_f64());
            self.cluster.settle().await;
            let made = self.cluster.writes().await.since(&before);
            let id = controller.id();
            eprintln!("{made:?}; load average {}", load_average());
            writes.push(made.total() / count);
            pool_writes.push(made.pools / start.elapsed().as_secs_f64());
            cpu.push(cpu_seconds(id) * 1000.0 / count);
            rss.push(rss_mib(id));
            peak.push(peak_rss_mib(id));
            if turn + 1 < self.repetitions {
                controller.signal("TERM");
                controller.ended();
            } else {
                kept = Some(controller);
            }
        }
        let (ours, trivial) = (sorted(ours), sorted(trivial));
        let what = format!(
            "pools: {} pending: controller started → last address, s",
            self.count
        );
        table.add(Row::of(&what, &ours, "≤ 1.25 ×").against(&trivial));
        let what = "pools: the same writes by the trivial client, s";
        table.add(Row::of(what, &trivial, ""));
        let what = "pools: API writes for each Service";
        table.add(Row::of(what, &sorted(writes), "2"));
        let what = "pools: writes of the pool's status for each second";
        table.add(Row::of(what, &sorted(pool_writes), "≤ 1"));
        let what = "pools: processor time for each Service, ms";
        table.add(Row::of(what, &sorted(cpu), "≤ 0.6"));
        let what = "pools: RSS after that, MiB";
        table.add(Row::of(what, &sorted(rss), "≤ 120"));
        let what = "pools: RSS at its peak, MiB";
        table.add(Row::of(what, &sorted(peak), "≤ 120"));
        kept.expect("at least one repetition")
    }

    async fn by_trivial_client_of_pools(&self) -> f64 {
        let client = TrivialClient::without_cloud(&self.cluster);
        let mut seen = Seen::from_now(&self.cluster).await;
        let start = Instant::now();
        let ((), ()) = tokio::join!(client.assign_all(), seen.until_served(self.count));
        start.elapsed().as_secs_f64()
    }

    /// The pool becomes larger, and smaller again, about those who have addresses of it.
    async fn edits(&self, table: &mut Table, id: u32) {
        let (mut service_writes, mut pool_writes) = (Vec::new(), Vec::new());
        let (mut cpu, mut told) = (Vec::new(), Vec::new());
        for turn in 0..self.repetitions * 2 {
            self.cluster.settle().await;
            let (before, spent) = (self.cluster.writes().await, cpu_seconds(id));
            let network = NETWORKS[(turn + 1) % NETWORKS.len()];
            let patch = Patch::Merge(json!({"spec": {"addresses": [network]}}));
            let parameters = PatchParams::default();
            let edited = self.api().patch(POOL, &parameters, &patch).await.unwrap();
            let start = Instant::now();
            let generation = edited.metadata.generation;
            while !is_told(&self.api().get(POOL).await.unwrap(), generation) {
                pause().await;
            }
            told.push(start.elapsed());
            self.cluster.settle().await;
            let made = self.cluster.writes().await.since(&before);
            service_writes.push(made.statuses + made.services + made.events);
            // One of them is the edit.
            pool_writes.push(made.pools - 1.0);
            cpu.push((cpu_seconds(id) - spent) * 1000.0);
        }
        let what = "pools: edit that keeps the addresses: writes to Services, events";
        table.add(Row::of(what, &sorted(service_writes), "0"));
        let what = "pools: edit: writes of the pool's status";
        table.add(Row::of(what, &sorted(pool_writes), "1"));
        let what = "pools: edit: processor time in all, ms";
        table.add(Row::of(what, &sorted(cpu), ""));
        let what = "pools: edit → the pool's status, ms";
        table.add(Row::of(what, &sorted_millis(told), ""));
    }

    async fn restarts_of_pools(&mut self, table: &mut Table, controller: &mut Process) {
        let (mut ready, mut late) = (Vec::new(), Vec::new());
        let (mut writes, mut rss) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            self.cluster.settle().await;
            controller.signal("TERM");
            controller.ended();
            let before = self.cluster.writes().await;
            let start = Instant::now();
            *controller = self.subject.start_with_pools();
            tokio::task::block_in_place(|| controller.wait_until_ready());
            ready.push(start.elapsed());
            let name = self.cluster.create_next().await;
            let asked = Instant::now();
            self.cluster.until_served(&name).await;
            late.push(asked.elapsed());
            self.cluster.settle().await;
            let made = self.cluster.writes().await.since(&before);
            // One for the one that comes.
            writes.push(made.statuses - 1.0);
            rss.push(rss_mib(controller.id()));
        }
        let what = "pools: restart: start → ready, ms";
        table.add(Row::of(what, &sorted_millis(ready), ""));
        let what = "pools: restart: one created at ready → its address, ms";
        table.add(Row::of(what, &sorted_millis(late), ""));
        let what = "pools: restart: writes to other Services";
        table.add(Row::of(what, &sorted(writes), "0"));
        let what = "pools: restart: RSS after that, MiB";
        table.add(Row::of(what, &sorted(rss), "≤ 120"));
    }
}

/// Whether the status is of this generation.
fn is_told(pool: &AddressPool, generation: Option<i64>) -> bool {
    let conditions = pool.status.iter().flat_map(|it| &it.conditions);
    let mut observed = conditions.map(|it| it.observed_generation);
    observed.any(|it| it == generation)
}
