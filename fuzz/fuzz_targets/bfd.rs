#![no_main]

#[path = "../../providers/bare-metal/bfd/tests/corpus/holds.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    holds::datagram(bytes);
    holds::story(bytes);
});
