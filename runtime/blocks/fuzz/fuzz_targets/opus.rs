#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tempest_blocks_fuzz::opus::check_stream(data));
