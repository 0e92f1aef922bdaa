//! The entry point: hands the words of the command line to `landfall::cli` and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall::cli::main(std::env::args_os())
}
