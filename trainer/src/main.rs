//! `tempest-train`: see [`tempest_trainer::cli`].

/// Training allocates and frees tensors of a few MB all the time: the system's allocator returns each to the kernel and
/// pays for every page again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tempest_trainer::cli::main()
}
