//! The program: everything is in the library, so that tests can call it.

/// Pages and states are made on one thread and let go on another. The C library's allocator makes its threads wait for each
/// other then; this one does not, and gives back what is free with the settings in `.cargo/config.toml`, in a
/// thread that `app` starts.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    wheelwatch::cli::run()
}
