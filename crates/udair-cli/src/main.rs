//! udair-cli
fn main() {}
