//! The program `landfall`.

use std::process::ExitCode;

use landfall::args::Arguments;

fn main() -> ExitCode {
    landfall_process::run(|arguments: Arguments, stop| landfall::start(arguments, stop))
}
