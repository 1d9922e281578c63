//! `strace` before the binary: system calls that are made to fail, and those that were made.

use std::fs;
use std::path::Path;

use crate::house::House;
use crate::process::needs;

fn strace(house: &House, words: &[&str]) -> Vec<String> {
    needs("strace", "strace");
    // The binary stays the child of the test; a file per thread, so that no call is cut in two.
    let log = house.beside("strace").display().to_string();
    let first = ["strace", "-D", "-ff", "-y", "-qq", "-s", "0", "-o", &log];
    first.iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// Lets some calls fail, only those that concern `paths` where there are any.
pub fn failing(house: &House, calls: &str, inject: &str, paths: &[&Path]) -> Vec<String> {
    let mut command = strace(house, &["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")]);
    for path in paths {
        command.extend([String::from("-P"), path.display().to_string()]);
    }
    command
}

/// Only notes some calls, for [`calls`].
pub fn watching(house: &House, calls: &str) -> Vec<String> {
    strace(house, &["-e", &format!("trace={calls}")])
}

/// The calls so far, one a line.
pub fn calls(house: &House) -> Vec<String> {
    let files = fs::read_dir(house.beside("")).expect("a listing").flatten();
    let files = files.filter(|file| file.file_name().as_encoded_bytes().starts_with(b"strace."));
    let text = files.map(|file| fs::read_to_string(file.path()).expect("what strace wrote"));
    text.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// What reads a file.
pub const READING: &str = "read,readv,pread64,preadv,preadv2,sendfile,copy_file_range";

/// How many bytes of logs were read so far, where [`READING`] is watched.
pub fn bytes_of_logs(house: &House) -> u64 {
    let calls = calls(house);
    let read = calls.iter().filter(|call| call.contains("/run.log>"));
    read.filter_map(|call| call.rsplit(" = ").next()?.trim().parse::<u64>().ok()).sum()
}
