//! What the controller and the speakers both know by the same name.

/// Condition of a Service that has addresses of the bare-metal provider's: whether a node makes the
/// network send them to it.
pub const ANNOUNCED: &str = "landfall.dev/Announced";
/// The Secret with the key of the speakers, which the controller makes.
pub const SECRET: &str = "landfall-speaker";
/// Where the key stands in it that speakers sign with.
pub const KEY: &str = "key";
/// Where one may stand that is accepted besides, while keys change.
pub const NEXT: &str = "next";
/// Bytes of the shortest key that speakers take.
pub const SHORTEST_KEY: usize = 16;
