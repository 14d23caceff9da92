//! Frames and messages that were seen, made or found by fuzzing, each a file in `corpus`.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod holds;

use std::fs;

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/corpus/{kind}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_frame_of_the_corpus_is_dropped_or_understood() {
    let frames = corpus("frames");
    assert!(frames.len() >= 20, "{}", frames.len());
    for frame in frames {
        holds::frame(&frame);
    }
}

#[test]
fn every_message_of_the_corpus_is_refused_or_understood() {
    let messages = corpus("messages");
    assert!(messages.len() >= 20, "{}", messages.len());
    for message in messages {
        holds::message(&message);
    }
}
