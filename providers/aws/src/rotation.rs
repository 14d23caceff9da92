//! What AWS has no bulk read for, registered targets and declared attributes, is asked one after the other,
//! evenly spread: each within five minutes after a start, and then within fifteen. When is pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::calls::{Arn, Attributes, Priority, Result};
use crate::seen::{Believed, Seen};

/// By when all that a process before this one has left was asked once.
const FIRST: Duration = Duration::from_mins(5);
/// From one asking to the next.
const THEN: Duration = Duration::from_mins(15);
/// How often is looked who is due.
const TICK: Duration = Duration::from_secs(1);

/// Something that is asked by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Targets(Arn),
    GroupAttributes(Arn),
    BalancerAttributes(Arn),
    ListenerAttributes(Arn),
    Certificates(Arn),
}

/// When who is asked next.
#[derive(Debug)]
pub(crate) struct Rotation {
    began: Instant,
    due: HashMap<(String, Item), Instant>,
}

impl Rotation {
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            due: HashMap::new(),
        }
    }

    /// Who of these is due; each is due again later. What is not among them any more is forgotten.
    pub(crate) fn due(
        &mut self,
        items: Vec<(String, Item, IsAssumed)>,
        now: Instant,
    ) -> Vec<(String, Item)> {
        let mut due = HashMap::with_capacity(items.len());
        let mut asked = Vec::new();
        for (uid, item, IsAssumed(is_assumed)) in items {
            let key = (uid, item);
            let known = self.due.get(&key).copied();
            let at = known.unwrap_or_else(|| {
                if is_assumed {
                    (self.began + FIRST.mul_f64(share(&key))).max(now)
                } else {
                    now + THEN.mul_f64(0.5 + share(&key) / 2.0)
                }
            });
            if at <= now {
                asked.push(key.clone());
                due.insert(key, now + THEN);
            } else {
                due.insert(key, at);
            }
        }
        self.due = due;
        asked
    }
}

/// Whether it is only taken for what is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IsAssumed(pub(crate) bool);

/// Where in a turn it is asked: always at the same place, and each somewhere else.
fn share(of: &(String, Item)) -> f64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let share = u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX);
    f64::from(share) / f64::from(u32::MAX)
}

/// What of a Service is asked by itself.
fn items(uid: &str, seen: &Seen) -> Vec<(String, Item, IsAssumed)> {
    let mut items = Vec::new();
    let mut add = |item, is_assumed| items.push((uid.to_owned(), item, IsAssumed(is_assumed)));
    let declares = |it: &Believed<Attributes>| it.known().is_some_and(|it| !it.is_empty());
    for balancer in &seen.balancers {
        if declares(&balancer.attributes) {
            add(Item::BalancerAttributes(balancer.it.arn.clone()), false);
        }
        for listener in &balancer.listeners {
            if declares(&listener.attributes) {
                add(Item::ListenerAttributes(listener.it.arn.clone()), false);
            }
            if listener
                .certificates
                .known()
                .is_some_and(|it| !it.is_empty())
            {
                add(Item::Certificates(listener.it.arn.clone()), false);
            }
        }
    }
    for group in &seen.groups {
        add(Item::Targets(group.it.arn.clone()), group.is_assumed);
        if declares(&group.attributes) {
            add(
                Item::GroupAttributes(group.it.arn.clone()),
                group.is_assumed,
            );
        }
    }
    items
}

impl Account {
    /// Asks one after the other, for ever.
    pub(crate) async fn rotate(&self) {
        let mut rotation = Rotation::new(Instant::now());
        loop {
            tokio::time::sleep(TICK).await;
            let items = self.view.each(|uid, seen| Some(items(uid, seen)));
            let items = items.into_iter().flatten().collect();
            for (uid, item) in rotation.due(items, Instant::now()) {
                if let Err(refusal) = self.ask(&uid, &item).await {
                    tracing::debug!(%refusal, "AWS did not say how it is; it is asked at the next turn");
                }
            }
        }
    }

    async fn ask(&self, uid: &str, item: &Item) -> Result<()> {
        let priority = Priority::Refresh;
        let calls = &self.calls;
        let is_news = match item {
            Item::Targets(arn) => {
                // Who was refused may be taken now.
                let is_retried = self.view.alter(uid, |seen| {
                    let group = seen.group(arn);
                    group.is_some_and(|it| !std::mem::take(&mut it.refused).is_empty())
                });
                self.ask_targets(priority, uid, arn).await?;
                if is_retried {
                    self.wake(uid);
                }
                false
            }
            Item::GroupAttributes(arn) => {
                let read = calls.target_group_attributes(priority, arn).await?;
                let alter = |seen: &mut Seen| compare(&mut seen.group(arn)?.attributes, &read);
                self.view.alter(uid, |seen| alter(seen).unwrap_or(false))
            }
            Item::BalancerAttributes(arn) => {
                let read = calls.load_balancer_attributes(priority, arn).await?;
                let alter = |seen: &mut Seen| compare(&mut seen.balancer(arn)?.attributes, &read);
                self.view.alter(uid, |seen| alter(seen).unwrap_or(false))
            }
            Item::ListenerAttributes(arn) => {
                let read = calls.listener_attributes(priority, arn).await?;
                let alter = |seen: &mut Seen| compare(&mut seen.listener(arn)?.attributes, &read);
                self.view.alter(uid, |seen| alter(seen).unwrap_or(false))
            }
            Item::Certificates(arn) => {
                let read = calls.listener_certificates(priority, arn).await?;
                let read = Believed::Known(read.into_iter().collect());
                self.view.alter(uid, |seen| match seen.listener(arn) {
                    Some(listener) if listener.certificates != read => {
                        listener.certificates = read;
                        true
                    }
                    _ => false,
                })
            }
        };
        if is_news {
            self.view.is_altered(uid);
            self.wake(uid);
        }
        Ok(())
    }
}

/// Notes what was read of the attributes that are known. Tells whether one is another.
fn compare(believed: &mut Believed<Attributes>, read: &Attributes) -> Option<bool> {
    let Believed::Known(known) = believed else {
        return None;
    };
    let mut is_news = false;
    for (key, value) in known {
        let now = read.get(key).cloned().unwrap_or_default();
        is_news |= now != *value;
        *value = now;
    }
    Some(is_news)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize, is_assumed: bool) -> Vec<(String, Item, IsAssumed)> {
        let item = |index: usize| {
            let arn = format!("arn:aws:elasticloadbalancing:r:1:targetgroup/g{index}/0");
            let arn = arn.parse().expect("it is an ARN");
            (
                format!("s{index}"),
                Item::Targets(arn),
                IsAssumed(is_assumed),
            )
        };
        (0..count).map(item).collect()
    }

    /// How many are asked in each second.
    fn asked(is_assumed: bool, seconds: u64) -> Vec<usize> {
        let began = Instant::now();
        let mut rotation = Rotation::new(began);
        let second = |it| {
            let now = began + Duration::from_secs(it);
            rotation.due(items(900, is_assumed), now).len()
        };
        (0..=seconds).map(second).collect()
    }

    #[test]
    fn after_a_start_all_are_asked_within_five_minutes_and_evenly() {
        let asked = asked(true, 300);
        assert_eq!(asked.iter().sum::<usize>(), 900);
        let most = asked.iter().max().expect("there are seconds");
        assert!(*most <= 15, "{most} in one second");
        let early: usize = asked[..150].iter().sum();
        assert!((350..=550).contains(&early), "{early} in the first half");
    }

    #[test]
    fn then_each_is_asked_within_fifteen_minutes() {
        let asked = asked(false, 900);
        assert!(asked.iter().sum::<usize>() >= 900);
        let most = asked.iter().max().expect("there are seconds");
        assert!(*most <= 15, "{most} in one second");
    }
}
