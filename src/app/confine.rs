//! Gives up writing everywhere but in the cache's directory, where the kernel has Landlock (spec 5.3 rule 10).
//!
//! Reading stays as it is. What was given up cannot be taken back, and whatever this thread starts from then on has given
//! it up as well: so it comes before everything else is started.

use std::path::Path;

/// Gives up writing outside a directory, or everywhere without one. Gives why the kernel does not see to that, in words
/// for a person; `None` when it does.
#[cfg(target_os = "linux")]
pub(super) fn confine(directory: Option<&Path>) -> Option<String> {
    use landlock::RulesetStatus;

    match restrict(directory) {
        Ok(RulesetStatus::FullyEnforced) => None,
        Ok(RulesetStatus::PartiallyEnforced) => Some(String::from(
            "the kernel's Landlock is an early one: it does not keep files elsewhere from being cut off (Linux 6.2 does)",
        )),
        Ok(RulesetStatus::NotEnforced) => {
            Some(String::from("the kernel has no Landlock (Linux 5.13 has), or it is switched off"))
        }
        Err(error) => Some(format!("Landlock refused: {error}")),
    }
}

/// The same where there is no Landlock at all.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine(_directory: Option<&Path>) -> Option<String> {
    Some(String::from("this system has no Landlock"))
}

#[cfg(target_os = "linux")]
fn restrict(directory: Option<&Path>) -> Result<landlock::RulesetStatus, landlock::RulesetError> {
    use landlock::{ABI, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules};

    // The third version is the first that knows of cutting off a file; what came later is not about files on a disk.
    let writing = AccessFs::from_write(ABI::V3);
    let rules = Ruleset::default().handle_access(writing)?.create()?;
    Ok(rules.add_rules(path_beneath_rules(directory, writing))?.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_not_below_the_directory_can_be_read_and_not_written() {
        use std::fs;
        use std::io::ErrorKind;
        use std::path::Path;

        use super::confine;

        let place = tempfile::tempdir().expect("a temporary directory");
        let (inside, outside) = (place.path().join("cache"), place.path().join("state"));
        for directory in [&inside, &outside] {
            fs::create_dir(directory).expect("a directory");
            fs::write(directory.join("file"), "text").expect("a file");
        }
        // A thread of its own, since nothing is given back.
        let tried = std::thread::spawn(move || {
            if let Some(why) = confine(Some(&inside)) {
                return Err(why);
            }
            let everything = |directory: &Path| {
                let (file, new) = (directory.join("file"), directory.join("new"));
                [
                    fs::write(&new, "more"),
                    fs::OpenOptions::new().append(true).open(&file).map(drop),
                    fs::File::options().write(true).truncate(true).open(&file).map(drop),
                    fs::rename(&file, directory.join("renamed")),
                    fs::create_dir(directory.join("directory")),
                    fs::remove_file(&new),
                    std::os::unix::fs::symlink("a", directory.join("link")),
                ]
                .map(|tried| tried.err().map(|error| error.kind()))
            };
            let child = std::process::Command::new("touch").arg(outside.join("child")).status().expect("touch runs");
            let read = fs::read_to_string(outside.join("file")).ok();
            Ok((everything(&inside), everything(&outside), child.success(), read))
        });
        match tried.join().expect("no panic") {
            Err(why) => eprintln!("NOT TESTED: Landlock keeps this process from writing elsewhere ({why})"),
            Ok((inside, outside, child, read)) => {
                assert_eq!(inside, [None; 7], "the cache's directory");
                let denied = Some(ErrorKind::PermissionDenied);
                // What was never made cannot be removed either.
                let gone = Some(ErrorKind::NotFound);
                assert_eq!(outside, [denied, denied, denied, denied, denied, gone, denied], "another directory");
                assert!(!child, "a program that it starts can write elsewhere");
                assert_eq!(read.as_deref(), Some("text"), "reading stays");
            }
        }
        // Only that thread gave it up.
        fs::write(place.path().join("state/after"), "text").expect("this thread can still write");
    }
}
