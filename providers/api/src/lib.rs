//! The Provider trait, the types it speaks, and the conformance suite.
