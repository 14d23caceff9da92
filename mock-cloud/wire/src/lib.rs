//! The bodies that the mock cloud and its client exchange.
