//! The program `landfall`.
fn main() {}
