//! The program `landfall-speaker`: `landfall speaker`, and nothing else.
//!
//! It runs on every node, so it is worth a program of its own that has none of the controller's code.

use std::process::ExitCode;

use landfall::args::SpeakerProgram;

fn main() -> ExitCode {
    landfall_process::run(|arguments: SpeakerProgram, stop| landfall::speak(arguments, stop))
}
