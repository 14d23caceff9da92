//! The log of changes: what happened last, in order, so that a client who was away can go on where
//! it was. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use landfall_mock_cloud_wire::Serving;

use crate::id::Id;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Counts from 1 in each log.
    pub(crate) sequence: u64,
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A load balancer was made, altered or provisioned.
    Changed {
        id: Id,
        tags: BTreeMap<String, String>,
        /// Those before the change, where they differ.
        before: Option<BTreeMap<String, String>>,
        etag: String,
    },
    /// A load balancer is gone.
    Deleted {
        id: Id,
        tags: BTreeMap<String, String>,
    },
    /// Whether what arrives gets through is another now.
    Serving {
        id: Id,
        tags: BTreeMap<String, String>,
        serving: Serving,
    },
    /// These addresses can be had now; none if something else became free.
    FreedCapacity { addresses: Vec<IpAddr> },
}

impl What {
    /// Whether it concerns a client who asks for load balancers with all these tags.
    pub(crate) fn concerns(&self, tags: &[(String, String)]) -> bool {
        let all = |of: &BTreeMap<String, String>| {
            tags.iter().all(|(key, value)| of.get(key) == Some(value))
        };
        match self {
            Self::Changed { tags, before, .. } => all(tags) || before.as_ref().is_some_and(all),
            Self::Deleted { tags, .. } | Self::Serving { tags, .. } => all(tags),
            Self::FreedCapacity { .. } => true,
        }
    }
}

/// The last changes, as many as it may keep.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    /// Tells this log from that of another run, whose numbers mean something else.
    epoch: String,
    capacity: usize,
    kept: VecDeque<Arc<Change>>,
    last: u64,
}

/// Where a client goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// With these, which it has not seen.
    With(Vec<Arc<Change>>),
    /// What it missed is not known any more.
    Lost,
}

impl ChangeLog {
    /// An empty one. `epoch` must differ from run to run and hold no `-`.
    pub(crate) fn new(epoch: String, capacity: usize) -> Self {
        Self {
            epoch,
            capacity,
            kept: VecDeque::new(),
            last: 0,
        }
    }

    /// Writes it down.
    pub(crate) fn add(&mut self, what: What) -> Arc<Change> {
        self.last += 1;
        let change = Arc::new(Change {
            sequence: self.last,
            what,
        });
        self.kept.push_back(change.clone());
        while self.kept.len() > self.capacity {
            self.kept.pop_front();
        }
        change
    }

    /// What the id of an event begins with: `EPOCH-SEQUENCE`.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The last change so far.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// What a client missed who saw this last; nothing for one that is new.
    pub(crate) fn since(&self, event_id: Option<&str>) -> Resumed {
        let Some(event_id) = event_id else {
            return Resumed::With(Vec::new());
        };
        let seen = event_id
            .split_once('-')
            .filter(|(epoch, _)| *epoch == self.epoch)
            .and_then(|(_, sequence)| sequence.parse::<u64>().ok());
        let first = self.kept.front().map_or(self.last + 1, |one| one.sequence);
        match seen {
            Some(seen) if seen <= self.last && seen + 1 >= first => {
                let missed = self.kept.iter().filter(|one| one.sequence > seen);
                Resumed::With(missed.cloned().collect())
            }
            _ => Resumed::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freed() -> What {
        What::FreedCapacity {
            addresses: Vec::new(),
        }
    }

    #[test]
    fn a_client_goes_on_where_it_was_while_that_is_known() {
        let mut log = ChangeLog::new("e1".into(), 3);
        assert_eq!(log.since(Some("e1-0")), Resumed::With(Vec::new()));
        for _ in 0..5 {
            log.add(freed());
        }
        for (seen, expected) in [
            (None, Some(&[][..])),
            (Some("e1-5"), Some(&[])),
            (Some("e1-4"), Some(&[5])),
            (Some("e1-2"), Some(&[3, 4, 5])),
            (Some("e1-1"), None),
            (Some("e1-6"), None),
            (Some("e0-5"), None),
            (Some("nonsense"), None),
            (Some(""), None),
        ] {
            let found = match log.since(seen) {
                Resumed::With(changes) => Some(changes.iter().map(|c| c.sequence).collect()),
                Resumed::Lost => None,
            };
            assert_eq!(found, expected.map(<[u64]>::to_vec), "{seen:?}");
        }
    }

    #[test]
    fn a_change_concerns_who_asks_for_its_tags_before_or_after() {
        let tags = |text: &str| -> BTreeMap<String, String> {
            let pairs = text
                .split_terminator(',')
                .filter_map(|pair| pair.split_once('='));
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        };
        let changed = What::Changed {
            id: "a".parse().unwrap(),
            tags: tags("team=shop"),
            before: Some(tags("team=bank,x=y")),
            etag: String::new(),
        };
        for (asked, concerned) in [
            ("", true),
            ("team=shop", true),
            ("team=bank", true),
            ("team=bank,x=y", true),
            ("team=shop,x=y", false),
            ("team=other", false),
        ] {
            let asked: Vec<_> = tags(asked).into_iter().collect();
            assert_eq!(changed.concerns(&asked), concerned, "{asked:?}");
            assert!(freed().concerns(&asked));
        }
    }
}
