//! Memory with a thousand Services of ten targets. The stand-in is a process of its own, so that only the
//! provider is measured.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use landfall_provider_aws::Aws;
use landfall_test_aws as stand_in;
use stand_in::{Options, Quotas, World};

use crate::row;
use crate::services::{all_made, begun, cluster, service, settings};

/// The argument by which this program is the stand-in.
pub(crate) const STAND_IN: &str = "stand-in";
/// The argument by which this program is what is measured.
pub(crate) const MEASURED: &str = "measured";
const SERVICES: usize = 1000;
const TARGETS: usize = 10;

/// Serves until nobody listens any more.
pub(crate) fn stand_in() {
    let aws = stand_in::Aws::start(Options {
        provisioning: Duration::ZERO,
        initial: Duration::ZERO,
        quotas: Quotas {
            load_balancers: 2000,
            security_groups: 5000,
            ..Quotas::default()
        },
        ..Options::default()
    });
    let ids = aws.world(&World {
        cluster: "bench".to_owned(),
        nodes: TARGETS,
        ..World::default()
    });
    println!("{} {} {}", aws.url(), aws.region(), ids.vpc);
    for node in &ids.nodes {
        println!("{} {} {}", node.address, node.provider_id, node.zone);
    }
    println!();
    std::io::stdout().flush().expect("somebody reads it");
    // Ends with who has started it.
    let _ = std::io::stdin().lines().count();
}

/// Makes the Services, and prints this process's memory in KiB.
pub(crate) fn measured() {
    let mut lines = std::io::stdin().lines().map_while(Result::ok);
    let head = lines.next().expect("the stand-in says where it is");
    let [url, region, vpc] = head.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{head:?} does not say where the stand-in is")
    };
    let node = |line: String| {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        landfall_provider_api::Node {
            name: words[1].clone(),
            addresses: words[0].parse().into_iter().collect(),
            provider_id: Some(words[1].clone()),
            zone: Some(words[2].clone()),
            labels: std::collections::BTreeMap::new(),
        }
    };
    let all: std::sync::Arc<[_]> = lines.take_while(|it| !it.is_empty()).map(node).collect();
    let runtime = tokio::runtime::Runtime::new().expect("there is a runtime");
    runtime.block_on(async {
        let provider = Aws::new(settings(url, region, vpc), cluster());
        begun(&provider, &[]).await;
        let wanted: Vec<_> = (0..SERVICES)
            .map(|it| service(&format!("s{it:04}"), &[80], &all))
            .collect();
        all_made(&provider, &wanted).await;
        landfall_provider_api::Provider::owned(&provider)
            .await
            .expect("all is read");
        println!("{} {}", memory("VmRSS:"), memory("VmHWM:"));
    });
}

fn memory(of: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|it| it.starts_with(of))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok())
        .unwrap_or_default()
}

pub(crate) fn print() {
    let this = std::env::current_exe().expect("a program knows where it is");
    let mut stand_in = Command::new(&this)
        .arg(STAND_IN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    let says = BufReader::new(stand_in.stdout.take().expect("it is piped"));
    let says: Vec<_> = says
        .lines()
        .map_while(Result::ok)
        .take_while(|it| !it.is_empty())
        .collect();
    let mut measured = Command::new(&this)
        .arg(MEASURED)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    let mut input = measured.stdin.take().expect("it is piped");
    for line in says {
        writeln!(input, "{line}").expect("it reads");
    }
    drop(input);
    let output = measured.wait_with_output().expect("it ends");
    drop(stand_in.stdin.take());
    stand_in.wait().expect("it ends with its input");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mib =
        |of: Option<&str>| of.and_then(|it| it.parse::<f64>().ok()).unwrap_or_default() / 1024.0;
    let mut words = text.split(' ');
    let (now, most) = (mib(words.next()), mib(words.next()));
    println!("\n| memory | the AWS controller | asked | ours | load |");
    println!("|---|---:|---:|---:|---:|");
    let ours = format!("{now:.1} MiB now, {most:.1} MiB at most");
    row("1,000 Services of 10 targets, RSS", "-", "< 60 MB", &ours);
}
