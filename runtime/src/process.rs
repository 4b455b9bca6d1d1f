//! What the system says of this process.

use std::fs;

/// Most memory held at once, in bytes; `None` where `/proc` is not there.
pub fn peak_rss_bytes() -> Option<u64> {
    number("VmHWM:").map(|kibibytes| kibibytes * 1024)
}

/// Threads there are now.
pub fn threads() -> Option<u64> {
    number("Threads:")
}

/// A number of `/proc/self/status` (proc(5)).
fn number(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    #[test]
    fn memory_and_threads_are_read() {
        let held = vec![1u8; 32 << 20];
        assert!(super::peak_rss_bytes().unwrap() > held.iter().map(|&byte| u64::from(byte)).sum());
        assert!(super::threads().unwrap() >= 1);
    }
}
