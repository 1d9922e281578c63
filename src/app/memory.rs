//! Gives back to the system what is free (spec 6, G11).

/// From now on a thread of the allocator's gives back what was freed half a second ago, also when nothing asks for memory any
/// more. It can do what the thread that calls this can: so this comes after writing elsewhere was given up.
#[cfg(target_os = "linux")]
pub(super) fn give_back() {
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        tracing::warn!(%error, "memory that is free goes back to the system only while something happens");
    }
}

/// The C library's allocator gives back what it can by itself.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_back() {}
