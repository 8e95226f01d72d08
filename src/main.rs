//! Parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    helm_iris::start::main()
}
