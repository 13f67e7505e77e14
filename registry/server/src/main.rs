//! The registry's binary.
fn main() {}
