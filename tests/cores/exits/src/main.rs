//! A core for tests.
fn main() {}
