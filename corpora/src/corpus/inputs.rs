//! What a corpus knows of the inputs that were read into it: by entries of the manifest, one for each
//! end that an input had.

use super::manifest::{InputEntry, Manifest};
use crate::source::{Known, Prefix};

/// How many earlier ends of an input that grew stay known beside the last one.
const EARLIER_ENDS: usize = 8;

/// The entries of an input that is being read.
pub(super) struct Reading {
    /// Place of the entry of what was known when it was opened.
    known: Option<usize>,
    /// Place of its own entry, once there is one.
    own: Option<usize>,
    /// Digests of all that was known and that it begins with, by length.
    earlier: Vec<String>,
}

impl Reading {
    /// Of an input of which nothing is known but, where nothing of it could be read before, its name.
    pub(super) fn begun(inputs: &[InputEntry], name: &str) -> Self {
        let same = |other: &InputEntry| other.length == 0 && other.name == name;
        Self { known: None, own: inputs.iter().position(same), earlier: Vec::new() }
    }

    /// Of an input whose beginning is known.
    pub(super) fn resumed(inputs: &[InputEntry], prefix: &Prefix<'_, InputEntry>) -> Self {
        let earlier = prefix.all.iter().filter(|one| !one.is_damaged());
        Self {
            known: inputs.iter().position(|other| std::ptr::eq(other, prefix.known)),
            own: None,
            earlier: earlier.map(|one| one.digest.clone()).collect(),
        }
    }

    /// Whether its beginning was known.
    pub(super) fn is_resumed(&self) -> bool {
        self.known.is_some()
    }

    /// Whether the manifest knows of something that was read of it this time.
    pub(super) fn is_recorded(&self) -> bool {
        self.own.is_some()
    }

    /// Records how far it was read. What was known stays, for it may come again as it was, unless it
    /// ended in damage that was passed now; and what was sound stays beside a copy of it that ends in
    /// damage.
    pub(super) fn record(&mut self, manifest: &mut Manifest, read: InputEntry) {
        let inputs = &mut manifest.inputs;
        if self.own.is_none()
            && let Some(place) = self.known
        {
            let known = &mut inputs[place];
            let same = known.digest == read.digest;
            if known.is_damaged() || (same && !read.is_damaged()) {
                self.own = Some(place);
            } else if !same {
                known.cut.clear();
            }
        }
        match self.own {
            Some(place) => inputs[place] = read,
            None => {
                self.own = Some(inputs.len());
                inputs.push(read);
            }
        }
    }

    /// Forgets the earliest ends of an input of this name that grew often.
    pub(super) fn forget_earliest(self, manifest: &mut Manifest, name: &str) {
        let many = self.earlier.len().saturating_sub(EARLIER_ENDS);
        let forgotten = &self.earlier[..many];
        let is_forgotten = |one: &InputEntry| {
            one.name == name && one.cut.is_empty() && forgotten.contains(&one.digest)
        };
        manifest.inputs.retain(|one| !is_forgotten(one));
    }
}

impl Manifest {
    /// Whether all of an input that was read to its end was read before.
    pub(super) fn knows(&self, read: &InputEntry) -> bool {
        let end = read.seen().unwrap_or(read.read());
        let same = |one: &InputEntry| one.read() == end || one.seen() == Some(end);
        let alike = |one: &InputEntry| same(one) && one.is_damaged() == read.is_damaged();
        !(read.is_damaged() && read.length == 0) && self.inputs.iter().any(alike)
    }

    /// Forgets that an input of this name ended in damage, of which a sound copy was now seen.
    pub(super) fn mend(&mut self, name: &str, digest: &str) {
        let mended =
            |one: &InputEntry| one.is_damaged() && one.name == name && one.digest == digest;
        self.inputs.retain(|one| !mended(one));
    }
}
