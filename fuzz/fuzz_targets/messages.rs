#![no_main]

#[path = "../../providers/bare-metal/l2/tests/corpus/holds.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| holds::message(bytes));
