//! `tempest`: see [`tempest_runtime::cli`].

fn main() -> std::process::ExitCode {
    tempest_runtime::cli::main()
}
