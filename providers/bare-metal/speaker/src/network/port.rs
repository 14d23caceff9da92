//! What goes in and out at one interface.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use landfall_bare_metal_l2::{Frame, Mac};

use super::packet::{LONGEST, Packets, Speech};

/// Frames that are read in one turn, before timers have theirs. All that a socket keeps while the
/// process is held up is less.
const TURN: usize = 1024;
/// Frames that wait until the kernel takes them: four thousand addresses can be announced and probed
/// at once, in less than a megabyte.
const MOST_WAITING: usize = 8192;

/// The sockets of an interface.
#[derive(Debug)]
pub(super) struct Port {
    interface: u32,
    mac: Mac,
    arp: Packets,
    ndp: Packets,
    waiting: VecDeque<Frame>,
    /// When a frame of another host came in last.
    pub(super) last_heard: Option<Instant>,
}

impl Port {
    pub(super) fn open(interface: u32, mac: Mac) -> io::Result<Self> {
        Ok(Self {
            interface,
            mac,
            arp: Packets::open(Speech::Arp, interface)?,
            ndp: Packets::open(Speech::Ndp, interface)?,
            waiting: VecDeque::new(),
            last_heard: None,
        })
    }

    /// The interface has another hardware address now.
    pub(super) fn set_mac(&mut self, mac: Mac) {
        self.mac = mac;
    }

    /// Hands over all frames that are there. Ready if there was one.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        mut hear: impl FnMut(u32, &[u8]),
    ) -> Poll<()> {
        let mut frame = [0; LONGEST];
        let mut result = Poll::Pending;
        for socket in [&self.arp, &self.ndp] {
            for _ in 0..TURN {
                let Poll::Ready(read) = socket.poll_read(context, &mut frame) else {
                    break;
                };
                result = Poll::Ready(());
                match read {
                    Ok(length) => {
                        let frame = &frame[..length];
                        // A switch may send our own frames back to us.
                        if frame.get(6..12) != Some(&self.mac.0) {
                            self.last_heard = Some(Instant::now());
                        }
                        hear(self.interface, frame);
                    }
                    // Once, when the interface goes down or is deleted.
                    Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
                    Err(error) => {
                        tracing::warn!(interface = self.interface, %error, "cannot read frames");
                        break;
                    }
                }
            }
        }
        result
    }

    /// Takes a frame that is to be sent. Returns whether there is room.
    pub(super) fn put(&mut self, frame: Frame) -> bool {
        let is_room = self.waiting.len() < MOST_WAITING;
        if is_room {
            self.waiting.push_back(frame);
        }
        is_room
    }

    /// Sends what is waiting, as far as the kernel takes it. Returns how many it has refused.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> u64 {
        let mut refused = 0;
        while let Some(frame) = self.waiting.front() {
            let socket = match Speech::of(frame) {
                Speech::Arp => &self.arp,
                Speech::Ndp => &self.ndp,
            };
            match socket.poll_send(context, frame) {
                Poll::Pending => break,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    // It went down, or is deleted, or its queue is full.
                    tracing::debug!(interface = self.interface, %error, "cannot send a frame");
                    refused += 1;
                }
            }
            self.waiting.pop_front();
        }
        refused
    }

    /// Forgets what is waiting: it would be late when the interface is up again.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
