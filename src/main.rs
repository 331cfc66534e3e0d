//! The `zkmig` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    zkmig::cli::main()
}
