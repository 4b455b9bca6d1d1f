//! `tempest-train`: see [`tempest_trainer::cli`].

/// Training allocates and frees tensors of a few MB all the time: the system's allocator returns each to the kernel and
/// pays for every page again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Batches are sharded over threads; products inside a shard stay on one, which keeps the sums in one order.
    // candle reads this variable before every product.
    #[allow(
        unsafe_code,
        reason = "set_var is unsafe once other threads run; this is the first statement of the process"
    )]
    unsafe {
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
    tempest_trainer::cli::main()
}
