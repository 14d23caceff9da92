//! The contract that every command of Landfall keeps with whoever starts it.
//!
//! - Standard output: one line `listening NAME ADDRESS` for each socket of the process itself,
//!   then `ready` alone on a line. What a command prints for people comes after that.
//! - Standard error: logs, as text or JSON (`--log-format`).
//! - SIGTERM and SIGINT end the process within five seconds, with status 0.
//! - A bad flag or file is one message that names it, and status 2. What fails later is one
//!   message, and status 1.
//!
//! It never knows what a command does.

mod announce;
mod failure;
mod file;
mod logs;
mod run;
mod socket;

pub use announce::{listening, ready, say};
pub use failure::Failure;
pub use file::read_token;
pub use logs::{LogFormat, LogOptions};
pub use run::{Command, run};
pub use socket::{BindError, bind};
