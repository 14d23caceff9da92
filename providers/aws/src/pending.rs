//! Load balancers that AWS is still at work on: asked again and again, all at once, at growing intervals,
//! until there is nothing to wait for. When to ask is pure; the asking is at the end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::account::Account;
use crate::calls::{Arn, Priority, Result, Which};
use crate::ensuring::Pends;
use crate::seen::Seen;

/// The longest one: by then it is a matter of minutes, or of somebody who has to do something.
const LONGEST: Duration = Duration::from_mins(1);
/// The same where pods wait: a rolling update goes on as soon as they are told.
const LONGEST_FOR_PODS: Duration = Duration::from_secs(15);

/// Who waits, by UID of the Service.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The first interval; it doubles.
    first: Duration,
    waiting: Mutex<HashMap<String, Wait>>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    /// When AWS is asked next; `None` if it is to be woken only.
    ask_at: Option<Instant>,
    interval: Duration,
    /// The longest that it becomes.
    longest: Duration,
    /// When to look again, whatever AWS says.
    wake_at: Option<Instant>,
}

impl Pending {
    pub(crate) fn new(first: Duration) -> Self {
        Self {
            first,
            waiting: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// What it waits for now.
    pub(crate) fn note(&self, service_uid: &str, pends: Pends) {
        let now = Instant::now();
        let mut waiting = self.waiting();
        if pends == Pends::default() {
            waiting.remove(service_uid);
            return;
        }
        let before = waiting.get(service_uid).copied();
        let longest = if pends.is_awaited {
            LONGEST_FOR_PODS
        } else {
            LONGEST
        };
        let interval = before.map_or(self.first, |it| it.interval).min(longest);
        let ask_at = pends.is_unfinished.then(|| {
            // It goes on where it was: to be looked at is no reason to begin again.
            let before = before.and_then(|it| it.ask_at);
            let before = before.unwrap_or(now + interval);
            if pends.is_awaited {
                before.min(now + interval)
            } else {
                before
            }
        });
        let wait = Wait {
            ask_at,
            interval,
            longest,
            wake_at: pends.until,
        };
        waiting.insert(service_uid.to_owned(), wait);
        drop(waiting);
        self.changed.notify_one();
    }

    pub(crate) fn forget(&self, service_uid: &str) {
        self.waiting().remove(service_uid);
    }

    /// When somebody is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting();
        let times = waiting.values().flat_map(|it| [it.ask_at, it.wake_at]);
        times.flatten().min()
    }

    /// Who is due, and whether AWS is to be asked about it. Each is due again after a longer interval.
    fn due(&self, now: Instant) -> Vec<(String, bool)> {
        let mut due = Vec::new();
        for (uid, wait) in self.waiting().iter_mut() {
            let is_woken = wait.wake_at.is_some_and(|it| it <= now);
            let is_asked = wait.ask_at.is_some_and(|it| it <= now);
            if is_woken {
                wait.wake_at = None;
            }
            if is_asked {
                wait.interval = (wait.interval * 2).min(wait.longest);
                wait.ask_at = Some(now + wait.interval);
            }
            if is_woken || is_asked {
                due.push((uid.clone(), !is_woken));
            }
        }
        due
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Wait>> {
        // Nothing that holds it leaves a half-made change behind.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Asks AWS about those that wait, for ever.
    pub(crate) async fn ask_of_pending(&self) {
        loop {
            let next = self.pending.next();
            let sleep = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.pending.changed.notified() => continue,
            }
            let due = self.pending.due(Instant::now());
            let (asked, woken): (Vec<_>, Vec<_>) = due.into_iter().partition(|(_, asks)| *asks);
            for (uid, _) in woken {
                self.wake(&uid);
            }
            let asked: Vec<_> = asked.into_iter().map(|(uid, _)| uid).collect();
            if let Err(refusal) = self.ask_of(&asked).await {
                tracing::debug!(%refusal, "AWS did not say how far load balancers are");
            }
        }
    }

    async fn ask_of(&self, uids: &[String]) -> Result<()> {
        let mut news = self.ask_balancers(uids).await?;
        // What has just become active is asked at once whether somebody is well behind it. Nobody is woken
        // before: whoever is at work is not told what was asked meanwhile.
        for uid in uids {
            let open = self.view.of(uid, what_is_open).unwrap_or_default();
            for group in open.groups {
                let asked = self.ask_targets(Priority::Change, uid, &group).await;
                if let Err(refusal) = asked {
                    tracing::debug!(%refusal, "AWS did not say how targets are");
                }
            }
            if open.has_leftovers {
                news.insert(uid.clone());
            }
        }
        for uid in &news {
            self.wake(uid);
        }
        Ok(())
    }

    /// Asks how far load balancers are that are not active, all at once. Tells whose are further.
    async fn ask_balancers(&self, uids: &[String]) -> Result<BTreeSet<String>> {
        let mut news = BTreeSet::new();
        let mut unmade: HashMap<Arn, &String> = HashMap::new();
        for uid in uids {
            let open = self.view.of(uid, what_is_open).unwrap_or_default();
            unmade.extend(open.balancers.into_iter().map(|it| (it, uid)));
        }
        let arns: Vec<_> = unmade.keys().cloned().collect();
        if arns.is_empty() {
            return Ok(news);
        }
        let which = Which::Arns(&arns);
        let read = self.calls.load_balancers(Priority::Change, which).await?;
        for (arn, uid) in unmade {
            let now = read.iter().find(|it| it.arn == arn);
            let is_news = self
                .view
                .alter(uid, |seen| match (now, seen.balancer(&arn)) {
                    (Some(now), Some(there)) => {
                        let is_news =
                            there.it.state != now.state || there.it.dns_name != now.dns_name;
                        there.it.state = now.state.clone();
                        there.it.reason.clone_from(&now.reason);
                        there.it.dns_name.clone_from(&now.dns_name);
                        is_news
                    }
                    (None, Some(_)) => {
                        seen.forget_balancer(&arn);
                        true
                    }
                    _ => false,
                });
            if is_news {
                news.insert(uid.clone());
            }
        }
        Ok(news)
    }

    /// Asks how the targets of a group are. Whoever is concerned is woken if that is news.
    pub(crate) async fn ask_targets(&self, priority: Priority, uid: &str, arn: &Arn) -> Result<()> {
        let health = match self.calls.target_health(priority, arn).await {
            Ok(health) => health,
            Err(refusal) if refusal.is_not_found() => {
                self.view.alter(uid, |seen| {
                    seen.groups.retain(|it| it.it.arn != *arn);
                    true
                });
                self.view.is_altered(uid);
                self.wake(uid);
                return Ok(());
            }
            Err(refusal) => return Err(refusal),
        };
        let mut is_altered = false;
        let is_news = self.view.alter(uid, |seen| {
            let Some(group) = seen.group(arn) else {
                return false;
            };
            let before = group.targets.known().cloned();
            let is_news = group.asked(&health);
            is_altered = before.is_some() && before.as_ref() != group.targets.known();
            is_news
        });
        if is_altered {
            self.view.is_altered(uid);
        }
        if is_news {
            self.wake(uid);
        }
        Ok(())
    }
}

/// What of a Service AWS is to be asked about.
#[derive(Debug, Default)]
struct Open {
    /// Load balancers that are not active.
    balancers: Vec<Arn>,
    /// Target groups of which nobody is known to be well, or a pod waits to be.
    groups: Vec<Arn>,
    /// Whether something is there that was to be removed, and could not be.
    has_leftovers: bool,
}

fn what_is_open(seen: &Seen) -> Open {
    let unmade = seen.balancers.iter().filter(|it| !it.is_active());
    let unmade: Vec<_> = unmade.map(|it| it.it.arn.clone()).collect();
    let is_open = |it: &&crate::seen::Group| {
        let is_behind = !it.it.load_balancers.is_empty();
        let is_made = it.it.load_balancers.iter().all(|it| !unmade.contains(it));
        let has_targets = it.targets.known().is_none_or(|it| !it.is_empty());
        let is_unserved = it.health.is_none_or(|it| it.healthy == 0);
        is_behind && is_made && has_targets && (is_unserved || it.is_awaited())
    };
    let open = seen.groups.iter().filter(is_open);
    let groups: Vec<_> = open.map(|it| it.it.arn.clone()).collect();
    let has_spare_group = seen.groups.iter().any(|it| it.it.load_balancers.is_empty());
    let has_spare_front = seen.fronts.iter().any(|front| {
        let mut balancers = seen.balancers.iter();
        !balancers.any(|it| it.it.security_groups.contains(&front.id))
    });
    Open {
        has_leftovers: has_spare_group || has_spare_front || seen.balancers.len() > 1,
        balancers: unmade,
        groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNFINISHED: Pends = Pends {
        is_unfinished: true,
        is_awaited: false,
        until: None,
    };

    #[test]
    fn intervals_grow_until_the_longest() {
        let pending = Pending::new(Duration::from_secs(1));
        pending.note("s1", UNFINISHED);
        let mut now = pending.next().expect("it is waited for");
        let mut intervals = Vec::new();
        for _ in 0..9 {
            assert_eq!(pending.due(now), [("s1".to_owned(), true)]);
            assert!(pending.due(now).is_empty(), "it is asked once");
            let next = pending.next().expect("it is waited for");
            intervals.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(intervals, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
        // To look at it meanwhile changes nothing.
        pending.note("s1", UNFINISHED);
        assert_eq!(pending.next(), Some(now));
        pending.note("s1", Pends::default());
        assert_eq!(pending.next(), None);
    }

    #[test]
    fn where_pods_wait_aws_is_asked_more_often() {
        let pending = Pending::new(Duration::from_secs(1));
        pending.note("s1", UNFINISHED);
        for _ in 0..8 {
            let now = pending.next().expect("it is waited for");
            pending.due(now);
        }
        let awaited = Pends {
            is_awaited: true,
            ..UNFINISHED
        };
        pending.note("s1", awaited);
        let next = pending.next().expect("it is waited for");
        assert!(
            next <= Instant::now() + LONGEST_FOR_PODS,
            "it is not put off"
        );
        for _ in 0..3 {
            let now = pending.next().expect("it is waited for");
            pending.due(now);
            let next = pending.next().expect("it is waited for");
            assert_eq!(next - now, LONGEST_FOR_PODS);
        }
    }

    #[test]
    fn who_waits_for_a_time_is_woken_then_once() {
        let pending = Pending::new(Duration::from_secs(1));
        let until = Instant::now() + Duration::from_secs(90);
        let pends = Pends {
            until: Some(until),
            ..Pends::default()
        };
        pending.note("s1", pends);
        assert_eq!(pending.next(), Some(until));
        assert_eq!(pending.due(until), [("s1".to_owned(), false)]);
        assert_eq!(pending.next(), None);
    }
}
