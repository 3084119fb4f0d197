//! The `cellsweep` program.

fn main() {}
