//! The `zkmig` command.

use std::process::ExitCode;

mod hidden;

fn main() -> ExitCode {
    hidden::hide();
    zkmig::cli::main()
}
