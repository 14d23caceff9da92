use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const RATE: Rate = rate(10.0, 20.0);

/// A budget and a clock that only moves when it is told.
struct Shop {
    budget: Budget,
    now: Instant,
}

impl Shop {
    fn open(rate: Rate) -> Self {
        let now = Instant::now();
        let budget = Budget::new(rate, now);
        Self { budget, now }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Serves whoever can be served now, in order.
    fn serve(&mut self) -> Vec<(Ticket, Priority)> {
        let mut served = Vec::new();
        while let Some((ticket, priority)) = self.budget.first() {
            match self.budget.turn(ticket, self.now) {
                Turn::Now => served.push((ticket, priority)),
                Turn::At(then) => {
                    assert!(then > self.now);
                    break;
                }
                Turn::Behind => panic!("the first is behind nobody"),
            }
        }
        served
    }

    fn join(&mut self, priority: Priority, times: usize) -> Vec<Ticket> {
        (0..times).map(|_| self.budget.join(priority)).collect()
    }

    /// How many of a priority are served in a time, while enough of it wait.
    fn rate_of(&mut self, priority: Priority, seconds: u64) -> usize {
        self.join(priority, 10_000);
        self.serve();
        let mut served = 0;
        for _ in 0..seconds * 100 {
            self.pass(Duration::from_millis(10));
            served += self.serve().len();
        }
        served
    }
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
    let mut shop = Shop::open(RATE);
    let tickets = shop.join(Priority::Change, 25);
    let served: Vec<_> = shop.serve().into_iter().map(|(it, _)| it).collect();
    assert_eq!(served, tickets[..20]);
    let Turn::At(then) = shop.budget.turn(tickets[20], shop.now) else {
        panic!("the bucket is empty");
    };
    assert!(then - shop.now < Duration::from_millis(101));
    assert_eq!(shop.budget.turn(tickets[21], shop.now), Turn::Behind);
    shop.now = then;
    assert_eq!(shop.budget.turn(tickets[20], shop.now), Turn::Now);
}

#[test]
fn a_change_goes_before_a_repair_and_a_repair_before_a_refresh() {
    let mut shop = Shop::open(RATE);
    shop.join(Priority::Refresh, 1);
    shop.join(Priority::Repair, 1);
    shop.join(Priority::Change, 1);
    let served: Vec<_> = shop.serve().into_iter().map(|(_, it)| it).collect();
    assert_eq!(served, Priority::ALL);
}

#[test]
fn what_matters_less_leaves_tokens_for_a_change() {
    for (priority, goes, left) in [(Priority::Refresh, 10, 8), (Priority::Repair, 15, 4)] {
        let mut shop = Shop::open(RATE);
        shop.join(priority, 1000);
        assert_eq!(shop.serve().len(), goes, "{priority:?}");
        shop.join(Priority::Change, left);
        let served = shop.serve();
        let at_once = served.iter().take_while(|(_, it)| *it == Priority::Change);
        assert_eq!(at_once.count(), left, "{priority:?}");
    }
}

#[test]
fn a_refresh_alone_has_the_whole_rate() {
    assert_eq!(Shop::open(RATE).rate_of(Priority::Refresh, 10), 100);
}

#[test]
fn a_refresh_goes_on_in_a_storm_of_changes() {
    let mut shop = Shop::open(RATE);
    shop.join(Priority::Refresh, 1000);
    shop.join(Priority::Repair, 1000);
    shop.join(Priority::Change, 10_000);
    let mut counts: HashMap<Priority, u32> = HashMap::new();
    for _ in 0..1000 {
        shop.pass(Duration::from_millis(100));
        for (_, priority) in shop.serve() {
            *counts.entry(priority).or_default() += 1;
        }
    }
    assert!(counts[&Priority::Refresh] >= 100, "{counts:?}");
    assert!(counts[&Priority::Repair] >= 170, "{counts:?}");
    assert!(counts[&Priority::Change] >= 650, "{counts:?}");
}

#[test]
fn throttling_lowers_the_rate_once_a_second_and_a_few_seconds_give_it_back() {
    let mut shop = Shop::open(RATE);
    shop.budget.throttled(shop.now);
    shop.budget.throttled(shop.now);
    assert!((shop.budget.per_second - 7.0).abs() < 0.001);
    shop.join(Priority::Change, 1);
    assert_eq!(shop.serve().len(), 0, "AWS's bucket is empty");
    shop.pass(Duration::from_millis(999));
    shop.budget.throttled(shop.now);
    assert!(shop.budget.per_second > 7.0);
    shop.pass(Duration::from_millis(1));
    shop.budget.throttled(shop.now);
    assert!(shop.budget.per_second < 7.0);
    shop.pass(Duration::from_secs(4));
    shop.serve();
    let whole = shop.rate_of(Priority::Change, 10);
    assert!((99..=101).contains(&whole), "{whole}");
}

#[test]
fn a_rate_never_falls_below_a_third() {
    let mut shop = Shop::open(RATE);
    shop.join(Priority::Change, 10_000);
    shop.serve();
    let mut served = 0;
    for _ in 0..600 {
        shop.budget.throttled(shop.now);
        assert!(shop.budget.per_second >= RATE.per_second / 3.0);
        shop.pass(Duration::from_millis(100));
        served += shop.serve().len();
    }
    // And it does fall: to about a half in the middle.
    assert!((200..360).contains(&served), "{served} in a minute");
}

#[test]
fn the_budgets_are_told_in_one_line() {
    let line = budgets();
    assert!(line.contains("ElbWrite 20/s (burst 40)"), "{line}");
    assert_eq!((line.lines().count(), line.matches("/s").count()), (1, 6));
}

#[test]
fn one_that_leaves_holds_nobody_up() {
    let mut shop = Shop::open(rate(1.0, 1.0));
    let tickets = shop.join(Priority::Change, 3);
    assert_eq!(shop.serve().len(), 1);
    shop.budget.leave(tickets[1]);
    shop.pass(Duration::from_secs(2));
    assert_eq!(shop.serve(), [(tickets[2], Priority::Change)]);
}

#[test]
fn every_family_has_a_rate_that_a_refresh_can_use() {
    for (family, rate) in RATES {
        let mut shop = Shop::open(rate);
        shop.join(Priority::Refresh, 1);
        assert_eq!(shop.serve().len(), 1, "{family:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Join(Priority),
    Leave(usize),
    Pass(u64),
    Throttled,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop::sample::select(Priority::ALL.to_vec()).prop_map(Event::Join),
        1 => any::<usize>().prop_map(Event::Leave),
        3 => (0_u64..2_000).prop_map(Event::Pass),
        1 => Just(Event::Throttled),
    ]
}

proptest! {
    #[test]
    fn whoever_waits_is_served_in_order_and_never_beyond_the_rate(events in prop::collection::vec(event(), 1..200)) {
        let mut shop = Shop::open(RATE);
        let opened = shop.now;
        let mut waiting: Vec<(Ticket, Priority)> = Vec::new();
        let mut served = 0;
        let pass = |shop: &mut Shop, waiting: &mut Vec<(Ticket, Priority)>| {
            let gone = shop.serve();
            for (ticket, priority) in &gone {
                let first = waiting.iter().find(|(_, it)| it == priority).map(|(it, _)| *it);
                assert_eq!(first, Some(*ticket), "in the order of asking");
                waiting.retain(|(it, _)| it != ticket);
            }
            gone.len()
        };
        for event in events {
            match event {
                Event::Join(priority) => waiting.push((shop.budget.join(priority), priority)),
                Event::Leave(which) if !waiting.is_empty() => {
                    let (ticket, _) = waiting.remove(which % waiting.len());
                    shop.budget.leave(ticket);
                }
                Event::Leave(_) => {}
                Event::Pass(milliseconds) => shop.pass(Duration::from_millis(milliseconds)),
                Event::Throttled => shop.budget.throttled(shop.now),
            }
            served += pass(&mut shop, &mut waiting);
            let most = RATE.burst + RATE.per_second * (shop.now - opened).as_secs_f64();
            prop_assert!(f64::from(u32::try_from(served).unwrap()) <= most + 0.001);
        }
        for _ in 0..waiting.len() * 4 + 100 {
            shop.pass(Duration::from_secs(1));
            pass(&mut shop, &mut waiting);
        }
        prop_assert!(waiting.is_empty(), "nobody waits for ever: {waiting:?}");
    }
}
