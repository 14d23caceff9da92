#![no_main]

#[path = "../../providers/bare-metal/bgp/tests/corpus/holds.rs"]
#[expect(dead_code, reason = "the other target's")]
mod holds;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    holds::message(bytes);
});
