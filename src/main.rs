//! The `zkmig` command.

fn main() {}
