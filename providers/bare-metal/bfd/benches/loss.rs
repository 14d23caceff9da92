//! How often sessions fail though both sides live, when packets are lost: `cargo bench -p
//! landfall-bare-metal-bfd`. Prints tables, for ten minutes of a session; its time is a virtual one.

#[path = "../tests/loss/router.rs"]
mod router;

use std::ops::RangeInclusive;
use std::time::Duration;

use router::{TEN_MINUTES, World, run, stream};

/// Ten minutes, so often.
const ROUNDS: u32 = 500;

fn main() {
    println!("Taken for gone in ten minutes of 50 ms, on average of {ROUNDS}\n");
    println!(
        "mult  lost  router sends  router, by us  the same, were it not asked  we, by the router  packets/s"
    );
    for (multiplier, lost) in [(3, 10), (3, 50), (3, 100), (4, 50), (5, 50)] {
        for router_sends in [750..=900, 750..=1000] {
            let world = World {
                router_sends,
                lost,
                ..World::new(multiplier)
            };
            let deaf = World {
                router_answers: false,
                ..world.clone()
            };
            let (router, own, sent) = average(&world);
            let (unasked, ..) = average(&deaf);
            let sends = percent(&world.router_sends);
            println!(
                "{multiplier:>4} {:>4}%  {sends:>12}  {router:>13.4}  {unasked:>27.4}  {own:>18.4}  {sent:>9.1}",
                lost / 10
            );
        }
    }
    println!(
        "\nBy whom packets come after so much of the interval, for a receiver that waits for its multiplier\n"
    );
    println!("mult  late up to  75 - 100 %   75 - 90 %   75 - 80 %  75 - 77.5 %  lost: 5 %");
    for multiplier in [3, 4, 5] {
        for late in [1, 5, 10] {
            let world = World {
                late: Duration::from_millis(late),
                ..World::new(multiplier)
            };
            let ranges = [750..=1000, 750..=900, 750..=800, 750..=775];
            let [a, b, c, d] = ranges.map(|range| average_stream(&world, &range));
            println!("{multiplier:>4}  {late:>7} ms  {a:>10.4}  {b:>10.4}  {c:>10.4}  {d:>11.4}");
        }
    }
}

fn percent(range: &RangeInclusive<u32>) -> String {
    format!("{} - {} %", range.start() / 10, range.end() / 10)
}

fn average(world: &World) -> (f64, f64, f64) {
    let (mut router, mut own, mut sent) = (0, 0, 0);
    for seed in 0..ROUNDS {
        let falls = run(world, TEN_MINUTES, seed.into());
        router += falls.router;
        own += falls.own;
        sent += u32::try_from(falls.sent).unwrap_or(u32::MAX);
    }
    let each = |sum: u32| f64::from(sum) / f64::from(ROUNDS);
    (
        each(router),
        each(own),
        each(sent) / TEN_MINUTES.as_secs_f64(),
    )
}

fn average_stream(world: &World, range: &RangeInclusive<u32>) -> f64 {
    let rounds = ROUNDS * 10;
    let falls = (0..rounds).map(|seed| stream(world, range.clone(), TEN_MINUTES, seed.into()));
    f64::from(falls.sum::<u32>()) / f64::from(rounds)
}
