//! How long a hundred Services take at the pace of the budgets, on a clock of its own: no request is
//! made, only the turns, the pauses and AWS's patience are real.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep};

use super::super::budget::{Budget, Family, Rate, Turn};
use super::super::running::pause;
use super::super::turns::Turns;
use super::*;

/// What one of a hundred Services asks for.
const CALLS: [Family; 6] = [
    Family::Ec2Write,
    Family::ElbWrite,
    Family::ElbWrite,
    Family::Ec2Write,
    Family::ElbTargets,
    Family::ElbWrite,
];

/// How it went.
struct Went {
    took: Duration,
    /// Requests that were sent.
    sent: usize,
    /// Calls whose patience came to its end.
    given_up: usize,
}

/// Makes a hundred Services, eight at once, with requests of 100 ms; `refuses` is AWS.
async fn made(refuses: impl Fn(Family) -> bool) -> Went {
    let (turns, pace) = (Turns::new(), Pace::default());
    let (sent, given_up) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // As `Calls::call` does it.
    let call = async |family: Family| {
        let deadline = Instant::now() + pace.patience;
        for failed in 0.. {
            let turn = turns.turn(family, Priority::Change, deadline).await;
            if turn.is_err() {
                return false;
            }
            sent.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(100)).await;
            if !refuses(family) {
                return true;
            }
            turns.throttled(family);
            let pause = pause(&pace, failed);
            if Instant::now() + pause >= deadline {
                return false;
            }
            sleep(pause).await;
        }
        unreachable!("there is no last failure")
    };
    let service = async |_| {
        for family in CALLS {
            while !call(family).await {
                given_up.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let began = Instant::now();
    futures::stream::iter(0..100)
        .for_each_concurrent(8, service)
        .await;
    Went {
        took: began.elapsed(),
        sent: sent.into_inner(),
        given_up: given_up.into_inner(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_services_take_seconds_where_aws_does_not_throttle() {
    let Went { took, sent, .. } = made(|_| false).await;
    assert!(took < Duration::from_secs(18), "{took:?}");
    assert_eq!(sent, 600);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_services_take_less_than_a_minute_where_every_fifth_call_is_throttled() {
    let count = Mutex::new(0_u32);
    let every_fifth = |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        count.is_multiple_of(5)
    };
    let Went {
        took,
        sent,
        given_up,
    } = made(every_fifth).await;
    assert!(took < Duration::from_secs(50), "{took:?}");
    assert_eq!((sent, given_up), (749, 0), "one in five again");
}

/// With the buckets that AWS publishes.
#[tokio::test(start_paused = true)]
async fn where_aws_refuses_the_pace_ends_near_what_it_admits() {
    let now = Instant::now().into_std();
    let bucket = |per_second, burst| Mutex::new(Budget::new(Rate { per_second, burst }, now));
    let buckets = [bucket(3.0, 20.0), bucket(4.0, 20.0), bucket(5.0, 50.0)];
    let refuses = |family: Family| {
        let bucket = match family {
            Family::ElbWrite => &buckets[0],
            Family::ElbTargets => &buckets[1],
            _ => &buckets[2],
        };
        let mut bucket = bucket.lock().unwrap();
        let ticket = bucket.join(Priority::Change);
        let turn = bucket.turn(ticket, Instant::now().into_std());
        bucket.leave(ticket);
        turn != Turn::Now
    };
    let Went {
        took,
        sent,
        given_up,
    } = made(refuses).await;
    // 280 changes more than the bucket of twenty holds, three a second.
    let least = Duration::from_secs_f64(280.0 / 3.0);
    assert!(took < least.mul_f64(1.25), "{took:?}");
    assert!(sent < 600 * 4, "{sent} requests");
    assert!(given_up < 600 / 20, "{given_up} calls");
}
