//! The gpu-train command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gpu_train::cli::main()
}
