#![no_main]

libfuzzer_sys::fuzz_target!(|log: &[u8]| wheelwatch_fuzz::lines(log));
