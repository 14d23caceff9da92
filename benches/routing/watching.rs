//! When messages arrive at a router, and routes in its kernel.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use landfall_test_network::Lan;

/// Microseconds since 1970: of the clock that packets are stamped with.
pub type Time = u64;

pub fn now() -> Time {
    u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

const PATIENCE: Duration = Duration::from_mins(2);

/// A program that prints a line for each thing that happens.
pub struct Watch {
    child: Child,
    lines: Arc<Mutex<Vec<(Time, String)>>>,
}

impl Watch {
    /// Any program of that kind; it has half a second to begin.
    pub fn of(command: Command) -> Self {
        let watch = Self::start(command);
        std::thread::sleep(Duration::from_millis(500));
        watch
    }

    fn start(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let lines = Arc::<Mutex<Vec<_>>>::default();
        let output = BufReader::new(child.stdout.take().unwrap());
        let told = lines.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let read = now();
                told.lock().unwrap().push((read, line));
            }
        });
        Self { child, lines }
    }

    /// Routes of BGP as they come and go in the kernel of a host.
    pub fn routes(lan: &Lan, host: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["-n", &lan.namespace(host), "monitor", "route"]);
        let watch = Self::start(command);
        // It says nothing when it listens; what happens before it does would be missed.
        std::thread::sleep(Duration::from_millis(300));
        watch
    }

    /// BGP messages of the type UPDATE that arrive at a host from another, by the stamps of the kernel.
    pub fn updates(lan: &Lan, host: &str, from: &str) -> Self {
        let mut command = lan.command(host, "tcpdump");
        let from = lan.addresses(from).0;
        // The type stands behind marker and length of the message that a segment begins with, which may be
        // a KEEPALIVE with more behind it.
        let header = "((tcp[12] & 0xf0) >> 2)";
        let kind = format!("tcp[{header} + 18]");
        let longer = format!("ip[2:2] - ((ip[0] & 0xf) << 2) - {header} > 19");
        let filter = format!(
            "src host {from} and tcp port 179 and ({kind} = 2 or ({kind} = 4 and {longer}))"
        );
        command.args(["-i", "eth0", "-n", "-tt", "-l", "--immediate-mode", &filter]);
        Self::of(command)
    }

    /// The first line since then that is so: when, by the line's own stamp if it has one.
    pub fn first(&self, since: Time, is_so: impl Fn(&str) -> bool) -> Time {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Whoever adds lines waits for this.
            let lines = self.lines.lock().unwrap().clone();
            let mut stamped = lines
                .iter()
                .map(|(read, line)| (stamp(line).unwrap_or(*read), line));
            if let Some((at, _)) = stamped.find(|(at, line)| *at >= since && is_so(line)) {
                return at;
            }
            assert!(
                Instant::now() < deadline,
                "it never happens after {since}: {lines:#?}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many lines since then are so.
    pub fn count(&self, since: Time, is_so: impl Fn(&str) -> bool) -> usize {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|(at, line)| *at >= since && is_so(line))
            .count()
    }
}

/// As tcpdump prints it: `1764320000.123456 IP …`.
fn stamp(line: &str) -> Option<Time> {
    let (seconds, rest) = line.split_once('.')?;
    let micros = rest.get(..6)?;
    let seconds: u64 = seconds.parse().ok()?;
    Some(seconds * 1_000_000 + micros.parse::<u64>().ok()?)
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Milliseconds from one time to another.
pub fn ms(from: Time, to: Time) -> f64 {
    (to as f64 - from as f64) / 1000.0
}
