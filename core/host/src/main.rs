//! The stock product.
fn main() {}
