//! The bare-metal provider: which Service gets which address.

mod allocator;
