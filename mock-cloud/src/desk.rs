//! The desk that every call passes: it owns the journal and the faults. A call checks in, learns
//! what is to go wrong with it, and checks out; admin calls read and change both.

use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::faults::{FaultList, FaultRule, Faults, Verdict};
use crate::journal::{CallFilter, CallList, Ending, Journal};
use crate::operation::Operation;

/// Where calls check in. Clones reach the same desk.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    notes: mpsc::UnboundedSender<Note>,
}

/// The desk is closed: the mock cloud is about to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mock cloud is about to stop")]
pub(crate) struct Closed;

/// A call that has checked in. Dropped before it checked out, it counts as abandoned.
#[derive(Debug)]
pub(crate) struct Visit {
    sequence: u64,
    began: Instant,
    notes: Option<mpsc::UnboundedSender<Note>>,
}

#[derive(Debug)]
enum Note {
    Begin {
        operation: Operation,
        id: Option<String>,
        faulty: bool,
        reply: oneshot::Sender<(u64, Vec<Verdict>)>,
    },
    End(u64, Ending),
    Calls(CallFilter, oneshot::Sender<CallList>),
    ForgetCalls(oneshot::Sender<()>),
    AddFault(FaultRule, oneshot::Sender<()>),
    Faults(oneshot::Sender<FaultList>),
    ClearFaults(oneshot::Sender<()>),
}

impl Desk {
    /// A desk that keeps so many calls, and its task, which runs until `stop`.
    pub(crate) fn new(
        capacity: usize,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (notes, mut taken) = mpsc::unbounded_channel();
        let task = async move {
            let mut journal = Journal::new(capacity);
            let mut faults = Faults::default();
            let work = async {
                while let Some(note) = taken.recv().await {
                    take(note, &mut journal, &mut faults);
                }
            };
            stop.run_until_cancelled(work).await;
        };
        (Self { notes }, task)
    }

    /// A call came in. Tells what is to go wrong with it; nothing if it is not `faulty`, because
    /// it would be refused anyway.
    pub(crate) async fn check_in(
        &self,
        operation: Operation,
        id: Option<String>,
        faulty: bool,
    ) -> Result<(Visit, Vec<Verdict>), Closed> {
        let began = Instant::now();
        let begin = |reply| Note::Begin {
            operation,
            id,
            faulty,
            reply,
        };
        let (sequence, faults) = self.ask(begin).await?;
        let notes = Some(self.notes.clone());
        let visit = Visit {
            sequence,
            began,
            notes,
        };
        Ok((visit, faults))
    }

    pub(crate) async fn calls(&self, filter: CallFilter) -> Result<CallList, Closed> {
        self.ask(|reply| Note::Calls(filter, reply)).await
    }

    pub(crate) async fn forget_calls(&self) -> Result<(), Closed> {
        self.ask(Note::ForgetCalls).await
    }

    pub(crate) async fn add_fault(&self, rule: FaultRule) -> Result<(), Closed> {
        self.ask(|reply| Note::AddFault(rule, reply)).await
    }

    pub(crate) async fn faults(&self) -> Result<FaultList, Closed> {
        self.ask(Note::Faults).await
    }

    pub(crate) async fn clear_faults(&self) -> Result<(), Closed> {
        self.ask(Note::ClearFaults).await
    }

    async fn ask<T>(&self, note: impl FnOnce(oneshot::Sender<T>) -> Note) -> Result<T, Closed> {
        let (reply, answer) = oneshot::channel();
        self.notes.send(note(reply)).map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }
}

impl Visit {
    /// The call is about to be answered.
    pub(crate) fn check_out(mut self, status: u16, result: String) {
        self.end(Some(status), result);
    }

    fn end(&mut self, status: Option<u16>, result: String) {
        let Some(notes) = self.notes.take() else {
            return;
        };
        let ending = Ending {
            status,
            result,
            duration: self.began.elapsed(),
        };
        // A desk that is closed keeps no journal.
        let _ = notes.send(Note::End(self.sequence, ending));
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end(None, "Abandoned".to_owned());
    }
}

/// Whoever no longer waits for a reply does not miss it.
fn take(note: Note, journal: &mut Journal, faults: &mut Faults) {
    match note {
        Note::Begin {
            operation,
            id,
            faulty,
            reply,
        } => {
            let wrong = if faulty {
                faults.take(operation, id.as_deref(), Instant::now())
            } else {
                Vec::new()
            };
            let sequence = journal.begin(operation, id, Timestamp::now());
            let _ = reply.send((sequence, wrong));
        }
        Note::End(sequence, ending) => journal.end(sequence, ending),
        Note::Calls(filter, reply) => {
            let _ = reply.send(journal.list(&filter));
        }
        Note::ForgetCalls(reply) => {
            journal.reset();
            let _ = reply.send(());
        }
        Note::AddFault(rule, reply) => {
            faults.add(rule, Instant::now());
            let _ = reply.send(());
        }
        Note::Faults(reply) => {
            let _ = reply.send(faults.list(Instant::now()));
        }
        Note::ClearFaults(reply) => {
            faults.clear();
            let _ = reply.send(());
        }
    }
}
