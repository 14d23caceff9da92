//! How a node is left: its routes are marked first, so that routers send traffic elsewhere while it is still
//! carried here; then they are withdrawn; then the sessions are closed (RFC 8326 §4).

use std::time::{Duration, Instant};

use futures::future::join_all;
use landfall_bare_metal_bgp::Leave;

use super::{Handle, Phase, Sessions, WITHDRAWN, session};

impl Handle {
    /// One that has ended already needs nothing.
    pub(super) fn send(&self, command: session::Command) {
        let _ = self.commands.send(command);
    }
}

impl Sessions {
    /// Traffic is to move away, and is given so long for it.
    pub(super) fn leave(&mut self, time: Duration) {
        if self.ends {
            self.restart();
        }
        if self.phase == Phase::Here {
            self.phase = Phase::Marked;
            for handle in self.running.values() {
                handle.send(session::Command::Leaving(true));
            }
        }
        if self.phase == Phase::Closed {
            return;
        }
        let is_empty = self.running.is_empty();
        let due = Instant::now() + if is_empty { Duration::ZERO } else { time };
        self.phase_due = Some(self.phase_due.map_or(due, |it| it.min(due)));
    }

    /// Routers that keep our routes over a restart are not told anything, unless the node is drained: then
    /// nobody comes back soon.
    fn restart(&mut self) {
        if self.is_draining {
            return;
        }
        let kept = self.reports.iter().filter(|(_, it)| {
            let agreed = it.agreed.as_ref();
            agreed.is_some_and(|it| it.is_kept_over_restart)
        });
        for id in kept.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.stop_one(&id, Leave::Restart("the speaker is restarted".to_owned()));
        }
    }

    pub(super) fn next_phase(&mut self) {
        match self.phase {
            Phase::Here | Phase::Closed => {}
            Phase::Marked => {
                self.phase = Phase::Withdrawn;
                for handle in self.running.values() {
                    let all = self.routes.keys().map(|it| (*it, None)).collect();
                    handle.send(session::Command::Routes(all));
                }
                let is_empty = self.running.is_empty();
                let wait = if is_empty { Duration::ZERO } else { WITHDRAWN };
                self.phase_due = Some(Instant::now() + wait);
            }
            Phase::Withdrawn => {
                self.phase = Phase::Closed;
                let why = if self.ends {
                    "the speaker ends"
                } else {
                    "the node is drained"
                };
                for id in self.running.keys().cloned().collect::<Vec<_>>() {
                    self.stop_one(&id, Leave::Shutdown(why.to_owned()));
                }
                self.outside
                    .listeners
                    .set(&std::collections::BTreeMap::new());
            }
        }
    }

    /// The node is to carry traffic again.
    pub(super) fn come_back(&mut self) {
        let before = std::mem::replace(&mut self.phase, Phase::Here);
        self.phase_due = None;
        for ((name, _), handle) in &self.running {
            if before == Phase::Withdrawn {
                handle.send(session::Command::Routes(self.all_routes(name)));
            }
            handle.send(session::Command::Leaving(false));
        }
        self.settle();
    }

    /// Waits until every session has said its last word.
    pub(super) async fn end(&mut self) {
        let ending = std::mem::take(&mut self.ending);
        join_all(ending.into_values()).await;
        self.reports.clear();
        self.outside.teller.send_replace(std::sync::Arc::default());
    }
}
