#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| evenkeel::targets::yaml(text));
