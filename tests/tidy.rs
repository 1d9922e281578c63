//! Holds the shape of the house: which room may use which, how long files are, and what is only in one room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rooms from the top of the house to its ground; a room may use itself and what stands below it here.
/// `ingest` and `web` stand beside each other and never use each other (the crate's documentation, "The rooms").
const ORDER: [&[&str]; 7] = [&["main"], &["cli"], &["app"], &["ingest", "web"], &["query"], &["store"], &["reducer"]];

/// The end for a file, without the tests at its end.
const MAX_LINES: usize = 600;

/// One source file of the crate.
struct Source {
    path: PathBuf,
    /// `reducer`, `cli`, …; `lib` for the map itself.
    room: String,
    /// Without the tests module at the end.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the walk found only {files:?}");
    let read = |path: PathBuf| (fs::read_to_string(&path).expect("a source file is UTF-8"), path);
    let files: Vec<(String, PathBuf)> = files.into_iter().map(read).collect();
    let of_tests: Vec<PathBuf> = files.iter().flat_map(|(text, path)| test_modules(text, path)).collect();
    let source = |(text, path): (String, PathBuf)| {
        let first = path.strip_prefix(&root).expect("below the root").components().next().expect("a file");
        let room = Path::new(first.as_os_str()).file_stem().expect("a name").to_string_lossy().into_owned();
        Source { code: without_tests(&text).to_owned(), room, path }
    };
    files.into_iter().filter(|(_, path)| !of_tests.iter().any(|test| path.starts_with(test))).map(source).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a source directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The files and folders of the modules that a file only has for tests (`#[cfg(test)] mod name;`).
fn test_modules(text: &str, path: &Path) -> Vec<PathBuf> {
    let is_root = path.file_stem().is_some_and(|stem| ["mod", "lib", "main"].iter().any(|name| stem == *name));
    let folder = if is_root { path.with_file_name("") } else { path.with_extension("") };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let names = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").filter_map(|pair| {
        let name = pair[1].strip_suffix(';')?.rsplit_once("mod ")?.1;
        Some([folder.join(format!("{name}.rs")), folder.join(name)])
    });
    names.flatten().collect()
}

/// The file without the tests at its end.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {").map_or(text, |end| &text[..end])
}

/// The code without comments, so that words in prose do not count.
fn bare(code: &str) -> String {
    let mut out = String::new();
    for line in code.lines() {
        let line = line.split_once("//").map_or(line, |(before, _)| before);
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn complain(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// Whether code of one room may name another.
fn may_use(room: &str, other: &str) -> bool {
    match (rank(room), rank(other)) {
        (Some(from), Some(to)) => room == other || from < to,
        // `lib` names all rooms; what is no room (`std`, crates) is not held here.
        _ => true,
    }
}

/// The rooms that a piece of code names: `crate::room`, `wheelwatch::room`, and `crate::{a, b::c}`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for start in ["crate::", "wheelwatch::"] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => named.extend(first_names(group)),
                None => named.extend(word(rest)),
            }
        }
    }
    named
}

/// The first name of each part of a `{…}` group, which may hold groups itself.
fn first_names(group: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names = Vec::new();
    let mut part = String::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(word(&std::mem::take(&mut part))),
            _ => {}
        }
        if !(c == ',' && depth == 0) {
            part.push(c);
        }
    }
    names.extend(word(&part));
    names
}

fn word(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn dependencies_point_one_way() {
    let mut found = Vec::new();
    for source in sources() {
        for other in rooms_named(&bare(&source.code)) {
            if !may_use(&source.room, &other) {
                found.push(format!("{} ({}) uses {other}", source.path.display(), source.room));
            }
        }
    }
    complain("a room uses one above or beside it", &found);
}

#[test]
fn the_check_of_directions_sees_every_way_to_name_a_room() {
    let cases: &[(&str, &[&str])] = &[
        ("use crate::web::guard;", &["web"]),
        ("use crate::{ingest, store::{self, Reader}, query::Query};", &["ingest", "store", "query"]),
        ("let x = crate::app::now();", &["app"]),
        ("wheelwatch::cli::run()", &["cli"]),
        ("use super::error::CliError;", &[]),
    ];
    for (code, expected) in cases {
        assert_eq!(rooms_named(code), *expected, "{code}");
    }
    assert!(may_use("cli", "reducer") && may_use("web", "query") && may_use("store", "store"));
    assert!(!may_use("web", "ingest") && !may_use("ingest", "web") && !may_use("reducer", "store"));
    assert!(!may_use("store", "query") && !may_use("app", "cli"));
}

#[test]
fn no_file_is_longer_than_it_may_be() {
    let folders = ["src", "tests", "benches", "fuzz/src", "fuzz/targets"];
    let files = folders.iter().flat_map(|folder| {
        let mut files = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
        assert!(!files.is_empty(), "{folder} is empty");
        files
    });
    let long = files.filter_map(|path| {
        let lines = without_tests(&fs::read_to_string(&path).expect("a source file is UTF-8")).lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines", path.display()))
    });
    complain("over 600 lines without the tests at the end", &long.collect::<Vec<_>>());
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|source| !source.code.starts_with("//! "));
    complain("does not begin with //!", &silent.map(|source| source.path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn what_belongs_to_one_room_is_in_no_other() {
    /// What it is, the rooms that may have it, the names that give it away.
    type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);
    const RULES: [Rule; 4] = [
        (
            "SQL",
            &["store"],
            &["rusqlite::Connection", "prepare_cached(", "SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "PRAGMA "],
        ),
        ("HTML", &["web"], &["maud", "html!", "<div", "<span", "<a href", "<script", "</"]),
        ("HTTP", &["web"], &["axum", "hyper", "http::"]),
        (
            "a clock",
            &["cli", "app", "ingest", "web"],
            &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"],
        ),
    ];
    let mut found = Vec::new();
    for source in sources() {
        let code = bare(&source.code);
        for (what, rooms, names) in RULES {
            let name = names.iter().find(|name| code.contains(**name));
            if let Some(name) = name.filter(|_| !rooms.contains(&source.room.as_str())) {
                found.push(format!("{}: {what} ({name})", source.path.display()));
            }
        }
    }
    complain("in the wrong room", &found);
}

#[test]
fn only_ingest_opens_logs() {
    // The store opens its own file and the command line its configuration. What else reads files reads the kernel's
    // tables below /proc and nothing else.
    const ALLOWED: [&str; 3] = ["ingest", "store", "cli"];
    const OF_THE_KERNEL: [&str; 2] = ["web/peer.rs", "web/api/health.rs"];
    let open = sources().into_iter().filter(|source| {
        let code = bare(&source.code);
        let names = ["File::open", "fs::read", "read_to_string(", "OpenOptions", "openat("];
        let of_the_kernel = OF_THE_KERNEL.iter().any(|end| source.path.ends_with(end)) && code.contains("\"/proc/");
        !ALLOWED.contains(&source.room.as_str()) && !of_the_kernel && names.iter().any(|name| code.contains(name))
    });
    complain("opens files", &open.map(|source| source.path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn the_fuzzer_builds_the_reducer_with_the_same_crates() {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::read_to_string(path).expect("the file").parse::<toml::Table>().expect("TOML")
    };
    let locked = |lock: &toml::Table, name: &str| {
        let packages = lock["package"].as_array().expect("a list").clone();
        let versions = packages.into_iter().filter(|package| package["name"].as_str() == Some(name));
        versions.map(|package| package["version"].to_string()).collect::<Vec<_>>()
    };
    let (ours, theirs) = (read("Cargo.lock"), read("fuzz/Cargo.lock"));
    let fuzz = read("fuzz/Cargo.toml");
    let names: Vec<&String> = fuzz["dependencies"].as_table().expect("a table").keys().collect();
    let others: Vec<&&String> = names.iter().filter(|name| locked(&ours, name) != locked(&theirs, name)).collect();
    assert_eq!(others, [&"libfuzzer-sys"], "bring fuzz/Cargo.toml and fuzz/Cargo.lock up to date");
}

/// They are tried now and then only (`scripts/mutations`), and one that does not apply any more breaks nothing.
#[test]
fn every_mutation_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut patches: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root.join("tests/faults/mutations")).expect("a listing") {
        patches.push(entry.expect("an entry").path());
    }
    assert!(patches.len() >= 6, "{patches:?}");
    for patch in patches {
        let tried = Command::new("git").args(["apply", "--check"]).arg(&patch).current_dir(root).output();
        let tried = tried.expect("git runs");
        let said = String::from_utf8_lossy(&tried.stderr);
        assert!(tried.status.success(), "{} does not apply: {said}", patch.display());
    }
}
