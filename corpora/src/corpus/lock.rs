//! A lock on a file.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A file to lock, unlocked when this goes.
///
/// Closing it would not do: a process that another thread has just forked, and that has not yet
/// executed its program, holds the same open file, and the lock with it.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Opens the file, which is made if it is not there; what it says stays.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).open(path).map(Self)
    }
}

impl Deref for Lock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for Lock {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when it is closed.
        let _ = self.0.unlock();
    }
}
