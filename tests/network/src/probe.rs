//! What a client sees of an address.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use landfall_test_process::PATIENCE;

use crate::Lan;

/// After this time nothing is answered any more: a connection may take 0.9 s, and its answer as long.
const TOO_LATE: Duration = Duration::from_secs(2);

/// A time of the clock that all processes of this machine share and nobody sets
/// (`CLOCK_MONOTONIC`).
pub type Microseconds = u64;

/// What time it is.
pub fn now() -> Microseconds {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanoseconds) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
    seconds * 1_000_000 + nanoseconds / 1000
}

/// An answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When it came in.
    pub at: Microseconds,
    /// Which host says that it has the address, in the notation of hardware addresses; empty if not
    /// asked for.
    pub by: String,
}

/// A program that asks for an address without end. It is ended when this is dropped.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    /// When each question was sent.
    sent: Vec<Microseconds>,
    answers: Vec<Answer>,
    /// Numbers of the questions that were answered.
    answered: std::collections::HashSet<usize>,
    has_ended: bool,
}

impl Probe {
    /// Sends an ICMP echo request each so often. Each finds its way anew: a neighbour that has
    /// moved is noticed at once.
    pub fn ping(lan: &Lan, host: &str, address: IpAddr, every: Duration) -> Self {
        let arguments = ["ping", &address.to_string(), &micros(every)];
        Self::start(lan, host, &arguments)
    }

    /// Makes a TCP connection each so often, and asks on it who answers.
    pub fn connect(lan: &Lan, host: &str, to: SocketAddr, every: Duration) -> Self {
        let port = to.port().to_string();
        let arguments = ["connect", &to.ip().to_string(), &micros(every), &port];
        Self::start(lan, host, &arguments)
    }

    /// Asks by ARP or NDP each so often who has an address, past the kernel's table of neighbours.
    pub fn who_has(lan: &Lan, host: &str, address: IpAddr, every: Duration) -> Self {
        Self::start_asking(lan, host, address, every, None)
    }

    /// The same in frames with the tag of a VLAN; 0 is a priority, and no VLAN.
    pub fn who_has_tagged(
        lan: &Lan,
        host: &str,
        address: IpAddr,
        every: Duration,
        vlan: u16,
    ) -> Self {
        Self::start_asking(lan, host, address, every, Some(vlan))
    }

    fn start_asking(
        lan: &Lan,
        host: &str,
        address: IpAddr,
        every: Duration,
        vlan: Option<u16>,
    ) -> Self {
        let own = match address {
            IpAddr::V4(_) => IpAddr::V4(lan.addresses_of_eth0(host).0),
            IpAddr::V6(_) => IpAddr::V6(lan.addresses_of_eth0(host).1),
        };
        let (address, own, mac) = (address.to_string(), own.to_string(), lan.mac(host));
        let (mac, vlan) = (mac.to_string(), vlan.map(|it| it.to_string()));
        let mut arguments = vec!["who-has", &address];
        let every = micros(every);
        arguments.extend([every.as_str(), &own, &mac]);
        arguments.extend(vlan.as_deref());
        Self::start(lan, host, &arguments)
    }

    fn start(lan: &Lan, host: &str, arguments: &[&str]) -> Self {
        let mut command: Command =
            lan.command(host, landfall_test_process::program("network-probe"));
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let told = Arc::clone(&seen);
        thread::spawn(move || {
            for line in lines {
                let line = line.unwrap();
                told.0.lock().unwrap().take(&line);
                told.1.notify_all();
            }
            told.0.lock().unwrap().has_ended = true;
            told.1.notify_all();
        });
        let probe = Self { child, seen };
        probe.wait(|seen| !seen.sent.is_empty(), "probe is sent");
        probe
    }

    /// Waits until something was seen.
    fn wait(&self, is_so: impl Fn(&Seen) -> bool, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        while !is_so(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!seen.has_ended, "the probe has ended before {what}");
            assert!(!left.is_zero(), "no {what} within {PATIENCE:?}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits for an answer that is younger than this, and returns it.
    pub fn answer_after(&self, since: Microseconds) -> Answer {
        let younger = |it: &&Answer| it.at > since;
        self.wait(|it| it.answers.iter().any(|it| younger(&it)), "answer");
        let seen = self.seen.0.lock().unwrap();
        seen.answers.iter().find(younger).unwrap().clone()
    }

    /// All answers so far, in order.
    pub fn answers(&self) -> Vec<Answer> {
        self.seen.0.lock().unwrap().answers.clone()
    }

    /// Lets so much time pass, by what was sent.
    pub fn pass(&self, time: Duration) {
        let until = now() + u64::try_from(time.as_micros()).unwrap();
        self.wait(|seen| seen.sent.last() > Some(&until), "probe is sent");
    }

    /// Longest time without an answer within a stretch of time, which begins and ends with one for
    /// this purpose.
    pub fn longest_gap(&self, since: Microseconds, until: Microseconds) -> Duration {
        let seen = self.seen.0.lock().unwrap();
        let times = seen.answers.iter().map(|it| it.at);
        let times = times.filter(|it| (since..until).contains(it));
        let mut last = since;
        let mut longest = 0;
        for at in times.chain([until]) {
            longest = longest.max(at - last);
            last = at;
        }
        Duration::from_micros(longest)
    }

    /// How many of the questions that were sent within a stretch of time were never answered.
    pub fn lost(&self, since: Microseconds, until: Microseconds) -> usize {
        self.lost_at(since, until).len()
    }

    /// When those were sent, in order.
    pub fn lost_at(&self, since: Microseconds, until: Microseconds) -> Vec<Microseconds> {
        let seen = self.seen.0.lock().unwrap();
        let sent = seen.sent.iter().enumerate();
        let lost = sent
            .filter(|(number, at)| (since..until).contains(at) && !seen.answered.contains(number));
        lost.map(|(_, at)| *at).collect()
    }

    /// Waits until what was sent within a stretch of time is answered, or will not be any more.
    pub fn settle(&self, since: Microseconds, until: Microseconds) {
        let deadline = until + u64::try_from(TOO_LATE.as_micros()).unwrap();
        while now() < deadline && self.lost(since, until) > 0 {
            self.pass(Duration::from_millis(20));
        }
    }

    /// Who answered within a stretch of time: the first answer of each host that answered after
    /// another.
    pub fn owners(&self, since: Microseconds, until: Microseconds) -> Vec<Answer> {
        let answers = self.answers().into_iter();
        let mut owners: Vec<_> = answers
            .filter(|it| (since..until).contains(&it.at))
            .collect();
        owners.dedup_by(|a, b| a.by == b.by);
        owners
    }

    /// How long two hosts answered side by side within a stretch of time: from the first answer of
    /// a second one to the last of any but the host that has stayed.
    pub fn owned_twice(&self, since: Microseconds, until: Microseconds) -> Duration {
        let owners = self.owners(since, until);
        let [first, .., last] = &owners[..] else {
            return Duration::ZERO;
        };
        let second = owners.iter().find(|it| it.by != first.by);
        let answers = self.answers().into_iter();
        let mut in_time = answers.filter(|it| (since..until).contains(&it.at));
        let other = in_time.rfind(|it| it.by != last.by);
        let (Some(second), Some(other)) = (second, other) else {
            return Duration::ZERO;
        };
        Duration::from_micros(other.at.saturating_sub(second.at))
    }
}

impl Seen {
    /// Reads `sent NUMBER TIME` and `answered NUMBER TIME [WHO]`.
    fn take(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let (number, at) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        match words[0] {
            "sent" => {
                assert_eq!(number, self.sent.len(), "questions are numbered from 0 on");
                self.sent.push(at);
            }
            "answered" => {
                let by = words.get(3).map_or(String::new(), ToString::to_string);
                self.answered.insert(number);
                self.answers.push(Answer { at, by });
            }
            other => panic!("the probe says {other}"),
        }
    }
}

fn micros(every: Duration) -> String {
    every.as_micros().to_string()
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
