//! Calls for each kind of work, and how long a hundred Services take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_provider_api::{LoadBalancer, Provider};
use landfall_provider_aws::Aws;
use landfall_test_aws as stand_in;
use stand_in::{Fault, Ids, Options, Quotas, Times, World};

use crate::row;
use crate::services::{
    all_made, begun, cluster, nodes, released, served, service, services, settings,
};

/// Services where many are counted.
const MANY: usize = 100;

struct Stage {
    aws: stand_in::Aws,
    ids: Ids,
}

impl Stage {
    fn new() -> Self {
        let aws = stand_in::Aws::start(Options {
            provisioning: Duration::ZERO,
            initial: Duration::ZERO,
            draining: Duration::ZERO,
            interface_lag: Duration::ZERO,
            quotas: Quotas {
                load_balancers: 2000,
                security_groups: 5000,
                ..Quotas::default()
            },
            ..Options::default()
        });
        let ids = aws.world(&World {
            cluster: "bench".to_owned(),
            ..World::default()
        });
        Self { aws, ids }
    }

    async fn provider(&self, wanted: &[LoadBalancer]) -> Aws {
        let settings = settings(&self.aws.url(), &self.aws.region(), &self.ids.vpc);
        let provider = Aws::new(settings, cluster());
        begun(&provider, wanted).await;
        provider
    }

    /// Calls since this was last asked, without those that ask how far AWS is, and those.
    fn counted(&self) -> (usize, usize) {
        let counts = self.aws.counts();
        let is_look = |action: &str| {
            action.ends_with("DescribeTargetHealth") || action.ends_with("DescribeLoadBalancers")
        };
        let looks = counts
            .iter()
            .filter(|(action, _)| is_look(action))
            .map(|(_, it)| it)
            .sum();
        let all: usize = counts.values().sum();
        self.aws.clear_calls();
        (all - looks, looks)
    }

    fn count(&self) -> usize {
        let (work, looks) = self.counted();
        work + looks
    }

    fn service(&self, uid: &str, ports: &[u16]) -> LoadBalancer {
        service(uid, ports, &nodes(&self.ids.nodes))
    }
}

pub(crate) async fn print() {
    println!("Calls to AWS, counted at its door.\n");
    println!("| work | the AWS controller | asked | ours | load |");
    println!("|---|---:|---:|---:|---:|");
    one().await;
    many().await;
    println!(
        "\nHow long {MANY} Services take, {} at once.\n",
        crate::services::AT_ONCE
    );
    println!("{}\n", Aws::budgets());
    println!("| work | the AWS controller | asked | ours | load |");
    println!("|---|---:|---:|---:|---:|");
    timed("100 ms for each call", "113 s", "< 20 s", None).await;
    let throttled = Fault::refuse_any("Throttling", "Rate exceeded", 400).times(Times::EveryNth(5));
    timed(
        "100 ms, and every fifth call throttled",
        "277 s",
        "< 60 s",
        Some(throttled),
    )
    .await;
}

async fn one() {
    let stage = Stage::new();
    let provider = stage.provider(&[]).await;
    served(&provider, &stage.service("first", &[80])).await;
    stage.count();
    let mut wanted = stage.service("one", &[80]);
    served(&provider, &wanted).await;
    let (work, looks) = stage.counted();
    let ours = format!("{} ({looks} of them ask how far AWS is)", work + looks);
    row("create one Service, one port, warm", "25", "≤ 9", &ours);
    served(&provider, &stage.service("three", &[80, 81, 82])).await;
    let (three, looks_of_three) = stage.counted();
    let ours = format!(
        "{} (and {} look each)",
        (three - work) / 2,
        looks_of_three.saturating_sub(looks) / 2
    );
    row("each further port", "10", "≤ 3", &ours);
    for _ in 0..10 {
        provider.ensure(&wanted).await.expect("it is there");
    }
    row(
        "no-op resync of one Service",
        "9 + 4 a port",
        "0",
        &stage.count().to_string(),
    );
    wanted.ports[0].port = 81;
    served(&provider, &wanted).await;
    let (work, looks) = stage.counted();
    let ours = format!("{} ({looks} of them ask how far AWS is)", work + looks);
    row("port number changed", "31", "≤ 8", &ours);
    released(&provider, &wanted.id).await;
    row(
        "delete one Service, one port",
        "10",
        "≤ 6",
        &stage.count().to_string(),
    );
}

async fn many() {
    let stage = Stage::new();
    let wanted = services(MANY, &stage.ids);
    let before = stage.provider(&[]).await;
    all_made(&before, &wanted).await;
    drop(before);
    stage.aws.advance(Duration::from_mins(2));
    stage.count();
    let provider = stage.provider(&wanted).await;
    for wanted in &wanted {
        provider.ensure(wanted).await.expect("it is there");
    }
    let changes = stage.aws.changes().len();
    let ours = format!("{} ({changes} of them changes)", stage.count());
    row(
        "restart with 100 Services, nothing changed",
        "1,521",
        "≤ 25",
        &ours,
    );
    provider.owned().await.expect("it is read");
    row(
        "drift of 100 Services, each interval",
        "-",
        "≤ 15",
        &stage.count().to_string(),
    );
    stage.aws.add_node(&stage.ids, 0);
    let mut ids = stage.ids.nodes.clone();
    ids.push(stage.aws.add_node(&stage.ids, 0));
    let nodes: Arc<_> = nodes(&ids);
    stage.count();
    for wanted in wanted {
        let wanted = LoadBalancer {
            nodes: nodes.clone(),
            ..wanted
        };
        provider.ensure(&wanted).await.expect("it is registered");
    }
    row(
        "node added, 100 Services of one port",
        "200",
        "≤ 105",
        &stage.count().to_string(),
    );
}

async fn timed(what: &str, theirs: &str, asked: &str, fault: Option<Fault>) {
    let stage = Stage::new();
    let wanted = services(MANY, &stage.ids);
    let provider = stage.provider(&wanted).await;
    stage.aws.latency(Duration::from_millis(100));
    if let Some(fault) = fault {
        stage.aws.fault(fault);
    }
    let start = Instant::now();
    all_made(&provider, &wanted).await;
    let took = start.elapsed().as_secs_f64();
    let count = stage.count();
    row(what, theirs, asked, &format!("{took:.1} s, {count} calls"));
}
