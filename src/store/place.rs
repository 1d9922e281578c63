//! Where a cache may lie, and whose file lies there already. Looks only: nothing is opened for writing here.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::StoreError;

/// `application_id` of our files: "whlw".
pub(super) const APPLICATION_ID: i32 = 0x7768_6c77;

/// As many links as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Whose the file at the place of a cache is, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// There is no file, or an empty one.
    Nobody,
    /// A cache of ours with this `user_version`.
    Ours(i32),
    /// The first bytes are no SQLite header any more, but bear our mark.
    Damaged,
    /// Another application's database, or no database at all.
    Foreign,
}

/// The place that a path leads to, with every link and `..` resolved, also where parts of it do not exist yet.
///
/// # Errors
/// When the working directory is unknown or there are more than 40 links.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut done = PathBuf::from("/");
    let mut todo = parts(&absolute);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        let Ok(target) = std::fs::read_link(&next) else {
            done = next;
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return Err(io::Error::other("too many symbolic links"));
        }
        if target.is_absolute() {
            done = PathBuf::from("/");
        }
        todo.append(&mut parts(&target));
    }
    Ok(done)
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let mut parts: Vec<OsString> = path
        .components()
        .filter_map(|component| match component {
            Component::ParentDir => Some(OsString::from("..")),
            Component::Normal(name) => Some(name.to_owned()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
        })
        .collect();
    parts.reverse();
    parts
}

/// Refuses a resolved cache path that is a state directory or lies below one (spec T87).
pub(super) fn check_outside(cache: &Path, roots: &[PathBuf]) -> Result<(), StoreError> {
    for root in roots {
        // A root that cannot be resolved cannot be opened either: nothing lies below it.
        let Ok(resolved) = resolve(root) else { continue };
        if cache.starts_with(&resolved) {
            return Err(StoreError::BelowStateDir { path: cache.to_owned(), root: root.clone() });
        }
    }
    Ok(())
}

/// Whose the file is. `marked` says that the lock file beside it is ours, so that a header that was overwritten is
/// damage and not another application's file.
pub(super) fn owner(path: &Path, marked: bool) -> io::Result<Owner> {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Ok(Owner::Foreign),
        Ok(meta) if meta.len() == 0 => return Ok(Owner::Nobody),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Owner::Nobody),
        Err(error) => return Err(error),
    }
    let mut header = Vec::with_capacity(100);
    File::open(path)?.take(100).read_to_end(&mut header)?;
    let word = |at: usize| header.get(at..at + 4).map(|b| i32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    // https://sqlite.org/fileformat2.html: user_version is at 60, application_id at 68.
    let ours = word(68) == Some(APPLICATION_ID);
    Ok(match (header.starts_with(b"SQLite format 3\0"), word(60)) {
        (true, Some(version)) if ours => Owner::Ours(version),
        _ if ours || marked => Owner::Damaged,
        _ => Owner::Foreign,
    })
}

/// The path of a file beside the cache, such as its lock or its log.
pub(super) fn beside(cache: &Path, suffix: &str) -> PathBuf {
    let mut name = cache.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_resolved_through_links_and_parents_that_exist_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let base = resolve(dir.path()).unwrap();
        std::fs::create_dir_all(base.join("state/a")).unwrap();
        symlink(base.join("state"), base.join("link")).unwrap();
        symlink("state/missing.db", base.join("dangling.db")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        for (given, resolved) in [
            ("link/x.db", "state/x.db"),
            ("state/a/../x.db", "state/x.db"),
            ("link/a/../../x.db", "x.db"),
            ("none/../x.db", "x.db"),
            ("./none//y/x.db", "none/y/x.db"),
            ("dangling.db", "state/missing.db"),
        ] {
            assert_eq!(resolve(&base.join(given)).unwrap(), base.join(resolved), "{given}");
        }
        assert!(resolve(&base.join("loop/x.db")).is_err());
    }

    #[test]
    fn the_first_bytes_tell_whose_a_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let header = |magic: &[u8], application: i32, version: i32| {
            let mut bytes = vec![0; 200];
            bytes[..magic.len()].copy_from_slice(magic);
            bytes[60..64].copy_from_slice(&version.to_be_bytes());
            bytes[68..72].copy_from_slice(&application.to_be_bytes());
            bytes
        };
        let magic = b"SQLite format 3\0";
        for (bytes, marked, owner) in [
            (Vec::new(), false, Owner::Nobody),
            (Vec::new(), true, Owner::Nobody),
            (header(magic, APPLICATION_ID, 7), false, Owner::Ours(7)),
            (header(magic, 0, 7), false, Owner::Foreign),
            (header(magic, 0, 7), true, Owner::Damaged),
            (header(b"garbage", APPLICATION_ID, 7), false, Owner::Damaged),
            (b"my notes".to_vec(), false, Owner::Foreign),
            (b"my notes".to_vec(), true, Owner::Damaged),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(super::owner(&path, marked).unwrap(), owner, "{bytes:?} {marked}");
        }
        assert_eq!(super::owner(dir.path(), true).unwrap(), Owner::Foreign);
        assert_eq!(super::owner(&dir.path().join("none"), false).unwrap(), Owner::Nobody);
    }
}
