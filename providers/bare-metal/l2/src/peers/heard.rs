//! What another speaker states, as far as it was heard.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::message::Body;
use super::statement::{Entry, Statement};

/// Parts that a whole statement may have; more than any has.
const MOST_PARTS: u16 = 4096;

/// A statement of another speaker.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) statement: Statement,
    /// The version that was last heard of.
    latest: u64,
    /// A whole statement of which parts have come: its version, and them.
    parts: Option<(u64, Vec<Option<Vec<Entry>>>)>,
    /// When it was asked for all.
    asked: Option<Instant>,
    /// When it was told all.
    answered: Option<Instant>,
}

/// What has changed in a statement.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Addresses whose claim is another one now.
    pub(super) claims: BTreeSet<IpAddr>,
    /// Interfaces, or whether it drains.
    pub(super) is_of_place: bool,
}

impl News {
    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Claim(address, _) | Entry::Unclaimed(address) => {
                self.claims.insert(*address);
            }
            Entry::Interface(..) | Entry::NoInterface(_) | Entry::Draining(_) => {
                self.is_of_place = true;
            }
        }
    }
}

impl Heard {
    /// Takes in what a message says of its sender's statement.
    pub(super) fn take_in(&mut self, version: u64, body: &Body) -> News {
        let mut news = News::default();
        self.latest = version;
        match body {
            Body::Change { before, entries } if *before == self.statement.version => {
                for entry in entries {
                    news.note(entry);
                    self.statement.apply(entry);
                }
                self.statement.version = before.saturating_add(1);
            }
            Body::Whole {
                part,
                parts,
                entries,
            } if version != self.statement.version => {
                if let Some(whole) = self.gather(version, *part, *parts, entries) {
                    self.replace(whole, &mut news);
                }
            }
            _ => {}
        }
        news
    }

    /// The whole statement, when all its parts are there.
    fn gather(
        &mut self,
        version: u64,
        part: u16,
        parts: u16,
        entries: &[Entry],
    ) -> Option<Statement> {
        let count = usize::from(parts.min(MOST_PARTS));
        let (_, gathered) = match &mut self.parts {
            Some(it) if it.0 == version && it.1.len() == count => it,
            other => other.insert((version, vec![None; count])),
        };
        *gathered.get_mut(usize::from(part))? = Some(entries.to_vec());
        if gathered.iter().any(Option::is_none) {
            return None;
        }
        let (_, gathered) = self.parts.take()?;
        let mut whole: Statement = gathered.into_iter().flatten().flatten().collect();
        whole.version = version;
        Some(whole)
    }

    fn replace(&mut self, whole: Statement, news: &mut News) {
        let old = std::mem::replace(&mut self.statement, whole);
        let new = &self.statement;
        let all = old.claims.keys().chain(new.claims.keys());
        let differs = |it: &&IpAddr| old.claims.get(*it) != new.claims.get(*it);
        news.claims.extend(all.filter(differs));
        news.is_of_place = (&old.interfaces, old.is_draining) != (&new.interfaces, new.is_draining);
    }

    /// Whether something is missing that no message under way brings.
    fn is_behind(&self, body: &Body) -> bool {
        match body {
            // The rest of what has changed follows.
            Body::Change { before, .. } => self.statement.version < *before,
            Body::Whole { .. } => false,
            _ => self.statement.version != self.latest,
        }
    }

    /// Whether all is to be asked for, since this message came, or (`None`) since none came. Once in a
    /// while.
    pub(super) fn is_to_be_asked(
        &mut self,
        body: Option<&Body>,
        pause: Duration,
        now: Instant,
    ) -> bool {
        self.is_behind(body.unwrap_or(&Body::Heartbeat)) && is_time(&mut self.asked, pause, now)
    }

    /// Whether it is to be told all, since it asks. Once in a while.
    pub(super) fn is_to_be_told(&mut self, pause: Duration, now: Instant) -> bool {
        is_time(&mut self.answered, pause, now)
    }
}

fn is_time(last: &mut Option<Instant>, pause: Duration, now: Instant) -> bool {
    let is_time = last.is_none_or(|at| now >= at + pause);
    if is_time {
        *last = Some(now);
    }
    is_time
}
