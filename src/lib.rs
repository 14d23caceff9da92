//! Landfall, as a library.
