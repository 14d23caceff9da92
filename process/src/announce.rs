//! Lines on standard output; first of all those by which a starter learns where a process listens.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::Failure;

/// Says where the socket `name` listens: `listening NAME ADDRESS`.
pub fn listening(name: &str, address: SocketAddr) -> Result<(), Failure> {
    say(format_args!("listening {name} {address}"))
}

/// Says that everything that `listening` named now answers: `ready`.
pub fn ready() -> Result<(), Failure> {
    say(format_args!("ready"))
}

/// Prints a line on standard output. Whoever reads does so while we run, so each line leaves at
/// once; nobody left to read is a failure, not a panic.
pub fn say(line: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::run(format!("cannot write to standard output: {error}")))
}
