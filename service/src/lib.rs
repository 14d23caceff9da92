//! What a Service asks for, and what to do next about it.
