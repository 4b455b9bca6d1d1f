#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tempest_blocks_fuzz::mp3::check_stream(data));
