//! The journal of calls: each one in order, from the moment it came in. Pure: time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operation::Operation;

/// A call of the API, admin calls excepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// 1 for the first since the start, and so on; a reset does not start again.
    pub sequence: u64,
    /// When it came in (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// What was called.
    pub operation: Operation,
    /// The load balancer that it named, as written in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// HTTP status of the answer; none yet, or never, without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `InFlight`; `Made`, `Changed`, `Unchanged`, `Read`, `Deleted`, `Watching`; the code of a problem; or
    /// `Abandoned` when the client went away first.
    pub result: String,
    /// Seconds from the call to the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) status: Option<u16>,
    pub(crate) result: String,
    pub(crate) duration: Duration,
}

/// Which calls are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallFilter {
    pub(crate) operation: Option<Operation>,
    pub(crate) id: Option<String>,
    pub(crate) after: u64,
}

/// Calls in the order in which they came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallList {
    /// Those asked for.
    pub calls: Vec<Call>,
    /// Earlier calls since the last reset that are forgotten, of any kind.
    pub dropped: u64,
}

/// The last calls, as many as it may keep.
#[derive(Debug)]
pub(crate) struct Journal {
    capacity: usize,
    calls: VecDeque<Call>,
    dropped: u64,
    last: u64,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            calls: VecDeque::new(),
            dropped: 0,
            last: 0,
        }
    }

    /// A call came in; returns its sequence number.
    pub(crate) fn begin(
        &mut self,
        operation: Operation,
        id: Option<String>,
        time: Timestamp,
    ) -> u64 {
        if self.calls.len() == self.capacity {
            self.calls.pop_front();
            self.dropped += 1;
        }
        self.last += 1;
        self.calls.push_back(Call {
            sequence: self.last,
            time,
            operation,
            id,
            status: None,
            result: "InFlight".to_owned(),
            duration_seconds: None,
        });
        self.last
    }

    /// The call ended. If it is forgotten already, so is this.
    pub(crate) fn end(&mut self, sequence: u64, ending: Ending) {
        let Ok(index) = self
            .calls
            .binary_search_by_key(&sequence, |call| call.sequence)
        else {
            return;
        };
        let call = &mut self.calls[index];
        call.status = ending.status;
        call.result = ending.result;
        call.duration_seconds = Some(ending.duration.as_secs_f64());
    }

    pub(crate) fn list(&self, filter: &CallFilter) -> CallList {
        let from = self
            .calls
            .partition_point(|call| call.sequence <= filter.after);
        let asked_for = |call: &&Call| {
            // A stream is opened when it must, and not because somebody wants something.
            filter
                .operation
                .map_or(call.operation != Operation::WatchChanges, |one| {
                    call.operation == one
                })
                && (filter.id.is_none() || call.id == filter.id)
        };
        CallList {
            calls: self
                .calls
                .range(from..)
                .filter(asked_for)
                .cloned()
                .collect(),
            dropped: self.dropped,
        }
    }

    /// Forgets every call.
    pub(crate) fn reset(&mut self) {
        self.calls.clear();
        self.dropped = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(journal: &mut Journal, operation: Operation, id: &str) -> u64 {
        journal.begin(operation, Some(id.to_owned()), Timestamp::UNIX_EPOCH)
    }

    fn sequences(journal: &Journal, filter: &CallFilter) -> Vec<u64> {
        let calls = journal.list(filter).calls;
        calls.iter().map(|call| call.sequence).collect()
    }

    #[test]
    fn a_call_is_there_before_it_ends() {
        let mut journal = Journal::new(10);
        let sequence = begin(&mut journal, Operation::PutLoadBalancer, "a");
        assert_eq!(
            journal.list(&CallFilter::default()).calls[0].result,
            "InFlight"
        );
        let ending = Ending {
            status: Some(201),
            result: "Made".into(),
            duration: Duration::from_millis(5),
        };
        journal.end(sequence, ending);
        let call = &journal.list(&CallFilter::default()).calls[0];
        assert_eq!((call.status, &*call.result), (Some(201), "Made"));
    }

    #[test]
    fn the_oldest_calls_are_forgotten_and_counted() {
        let mut journal = Journal::new(2);
        for _ in 0..5 {
            begin(&mut journal, Operation::ListLoadBalancers, "a");
        }
        assert_eq!(sequences(&journal, &CallFilter::default()), [4, 5]);
        assert_eq!(journal.list(&CallFilter::default()).dropped, 3);
        let forgotten = Ending {
            status: None,
            result: String::new(),
            duration: Duration::ZERO,
        };
        journal.end(1, forgotten);
        journal.reset();
        assert_eq!(journal.list(&CallFilter::default()).dropped, 0);
        assert_eq!(begin(&mut journal, Operation::GetLoadBalancer, "a"), 6);
    }

    #[test]
    fn calls_are_found_by_operation_id_and_place() {
        let mut journal = Journal::new(10);
        begin(&mut journal, Operation::PutLoadBalancer, "a");
        begin(&mut journal, Operation::PutLoadBalancer, "b");
        begin(&mut journal, Operation::DeleteLoadBalancer, "a");
        let filter = |operation, id: Option<&str>, after| CallFilter {
            operation,
            id: id.map(str::to_owned),
            after,
        };
        let put = Some(Operation::PutLoadBalancer);
        for (filter, expected) in [
            (filter(None, None, 0), &[1, 2, 3][..]),
            (filter(put, None, 0), &[1, 2]),
            (filter(None, Some("a"), 0), &[1, 3]),
            (filter(put, Some("a"), 0), &[1]),
            (filter(None, None, 2), &[3]),
            (filter(None, None, 3), &[]),
        ] {
            assert_eq!(sequences(&journal, &filter), expected, "{filter:?}");
        }
    }
}
