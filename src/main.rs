//! The binary: hands its arguments to the library and returns the exit code.

fn main() -> std::process::ExitCode {
    evenkeel::cli::main()
}
