//! Asks for an address without end and prints when it was asked for and answered, for
//! `landfall_test_network::Probe`:
//!
//! ```text
//! network-probe ping ADDRESS MICROSECONDS
//! network-probe connect ADDRESS MICROSECONDS PORT
//! network-probe who-has ADDRESS MICROSECONDS OWN-ADDRESS OWN-MAC [VLAN]
//! ```

mod connect;
mod ping;
mod who_has;

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use landfall_test_network::now;

/// One way to ask.
trait Question: Send + Sync + 'static {
    /// Sends the question of this number.
    fn ask(&self, number: usize) -> std::io::Result<()>;
    /// Waits for a packet. If it is an answer, says to which question (the newest, if it does not
    /// say), and whose.
    fn answer(&self) -> std::io::Result<Option<(Option<usize>, String)>>;
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [how, address, every, ..] = arguments[..] else {
        bail!("network-probe ping|connect|who-has ADDRESS MICROSECONDS …");
    };
    let address: IpAddr = address.parse().context(address.to_owned())?;
    let every = Duration::from_micros(every.parse().context(every.to_owned())?);
    match (how, &arguments[3..]) {
        ("ping", []) => run(ping::Ping::new(address)?, every),
        ("connect", [port]) => {
            let port = port.parse().context((*port).to_owned())?;
            run(connect::Connect::new(address, port), every)
        }
        ("who-has", [own, mac, vlan @ ..]) => {
            let vlan = vlan.first().copied();
            run(who_has::WhoHas::new(address, own, mac, vlan)?, every)
        }
        _ => bail!("unknown arguments {arguments:?}"),
    }
}

fn run(question: impl Question, every: Duration) -> anyhow::Result<()> {
    let question = Arc::new(question);
    let asked = Arc::clone(&question);
    let newest = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&newest);
    let asking = thread::spawn(move || {
        let start = Instant::now();
        for number in 0.. {
            let due = start + every * u32::try_from(number).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // First said, then sent: an answer is never printed before its question. A link that is
            // down, or no way there, is what is to be seen: nobody answers.
            say(&format!("sent {number} {}", now()));
            sent.store(number, Ordering::Relaxed);
            let _ = asked.ask(number);
        }
    });
    loop {
        match question.answer() {
            Ok(Some((number, by))) => {
                let number = number.unwrap_or_else(|| newest.load(Ordering::Relaxed));
                say(&format!("answered {number} {} {by}", now()));
            }
            Ok(None) => {}
            // A link that went down says so once.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
            Err(error) => return Err(error.into()),
        }
        if asking.is_finished() {
            bail!("nothing is sent any more");
        }
    }
}

/// A pipe that nobody reads any more ends the program.
fn say(line: &str) {
    if writeln!(std::io::stdout(), "{}", line.trim_end()).is_err() {
        std::process::exit(0);
    }
}
