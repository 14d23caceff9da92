//! What the provider costs: calls to AWS for each kind of work, and how long a hundred Services take, on a
//! strict stand-in for AWS.
//!
//!     cargo bench -p landfall-provider-aws
//!
//! Beside each number stands what was measured of the AWS controller, and what is asked for.

mod memory;
mod services;
mod work;

use std::process::{Command, ExitCode};

/// By these the chain of credentials finds what the stand-in takes.
const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if arguments.iter().any(|it| it == memory::STAND_IN) {
        memory::stand_in();
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(KEY).is_none() {
        // A process cannot safely alter its own environment.
        let key = &landfall_test_aws::Options::default().keys[0];
        let this = std::env::current_exe().expect("a program knows where it is");
        let again = Command::new(this)
            .args(&arguments[1..])
            .env(KEY, key)
            .env(SECRET, "secret")
            .status();
        let is_done = again.expect("this program can be started").success();
        return if is_done {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    if arguments.iter().any(|it| it == memory::MEASURED) {
        memory::measured();
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("there is a runtime");
    runtime.block_on(work::print());
    memory::print();
    ExitCode::SUCCESS
}

/// Load average of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// A row of the table.
fn row(what: &str, theirs: &str, asked: &str, ours: &str) {
    println!("| {what} | {theirs} | {asked} | {ours} | {} |", load());
}
