//! What the watcher's hints lead to: a turn, a walk, or a full scan. Nothing depends on a hint being right.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::key::LogName;
use super::super::place::Kind;
use super::super::watch::Heard;
use super::Engine;

impl Engine {
    /// Takes what the watcher heard.
    pub(super) fn hear(&mut self) {
        let news = self.watch.take();
        if news.lost > 0 {
            self.overflows += news.lost;
            self.scans.want();
        }
        let now = Instant::now();
        for (path, heard) in news.paths {
            match self.locate(&path) {
                Some((root, below)) if !below.as_os_str().is_empty() => self.heard(root, &path, &below, heard, now),
                // A state directory itself, or one that is none any more.
                Some(_) | None => self.scans.want(),
            }
        }
    }

    fn locate(&self, path: &Path) -> Option<(u16, PathBuf)> {
        let mut bases = self.bases.iter().enumerate();
        bases.find_map(|(root, base)| {
            let below = path.strip_prefix(&base.place.as_ref().ok()?.real).ok()?;
            Some((u16::try_from(root).ok()?, below.to_owned()))
        })
    }

    fn heard(&mut self, root: u16, path: &Path, below: &Path, heard: Heard, now: Instant) {
        if below.file_name().is_some_and(|name| self.name.matches(name)) {
            match self.key_of(root, below) {
                Some(key) => self.want(&key, true, now),
                None => {
                    let directory = below.parent().unwrap_or(Path::new(""));
                    self.agenda.walks.insert((root, directory.to_owned()));
                }
            }
            // With a glob a directory may have a log's name, too.
            if matches!(&*self.name, LogName::Exact(_)) {
                return;
            }
        }
        if heard.appeared {
            self.appeared(root, path, below);
        }
        // Other files come and go all the time; only a directory that mattered is worth a scan.
        if heard.vanished && self.watch.covers(path) {
            self.watch.forget(path);
            self.scans.want();
        }
    }

    /// A directory appeared: watched first and walked then, so that nothing falls between.
    fn appeared(&mut self, root: u16, path: &Path, below: &Path) {
        let Some(Ok(place)) = self.bases.get(usize::from(root)).map(|base| base.place.clone()) else { return };
        let Some(look) = place.look(below).ok().filter(|look| look.kind == Kind::Directory) else { return };
        self.watch.add(path, (look.stat.device, look.stat.inode));
        self.agenda.walks.insert((root, below.to_owned()));
    }
}
