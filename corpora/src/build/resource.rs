//! A resource as a list of numbers: the codes of its service and of the text of what else it bears,
//! then the number of each key that it
//! bears, ascending, and the code of the key's value. With ten thousand rules a resource may be
//! asked for as many keys and bear three of them.

use hashbrown::HashSet;

use super::interner::MISSING;

/// Makes such a list, attribute by attribute.
#[derive(Debug, Default)]
pub(super) struct ResourceList {
    attributes: Vec<(u32, u32)>,
    list: Vec<u32>,
}

impl ResourceList {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.attributes.clear();
    }

    /// Sets the value of a key, or unsets it by [`MISSING`].
    pub(super) fn set(&mut self, key: usize, code: u32) {
        let key = key as u32;
        match self.attributes.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) if code == MISSING => {
                self.attributes.remove(at);
            }
            Ok(at) => self.attributes[at].1 = code,
            Err(_) if code == MISSING => {}
            Err(at) => self.attributes.insert(at, (key, code)),
        }
    }

    /// The code of the value of a key, if there is one.
    pub(super) fn get(&self, key: usize) -> Option<u32> {
        let at = self.attributes.binary_search_by_key(&(key as u32), |(key, _)| *key).ok()?;
        Some(self.attributes[at].1)
    }

    /// The list.
    pub(super) fn list(&mut self, service: u32, rest: u32) -> &[u32] {
        self.list.clear();
        self.list.extend([service, rest]);
        self.list.extend(self.attributes.iter().flat_map(|&(key, code)| [key, code]));
        &self.list
    }
}

/// The code of the service of a list, [`MISSING`] without one.
pub(super) fn service(list: &[u32]) -> u32 {
    list[0]
}

/// The code of what else the resource of a list bears, [`MISSING`] for nothing.
pub(super) fn rest(list: &[u32]) -> u32 {
    list[1]
}

/// Numbers of keys and codes of values of a list.
pub(super) fn attributes(list: &[u32]) -> impl Iterator<Item = (usize, u32)> {
    list[2..].chunks_exact(2).map(|pair| (pair[0] as usize, pair[1]))
}

/// How many different keys lists have.
pub(super) fn keys(lists: &[Box<[u32]>]) -> usize {
    let keys = lists.iter().flat_map(|list| attributes(list)).map(|(key, _)| key);
    keys.collect::<HashSet<usize>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_what_was_set_last() {
        let mut resource = ResourceList::default();
        for (key, code) in [(9, 1), (2, 5), (9, 3), (4, 4), (4, MISSING), (1, MISSING)] {
            resource.set(key, code);
        }
        let list = resource.list(7, 8).to_vec();
        assert_eq!((service(&list), rest(&list)), (7, 8));
        assert_eq!((service(&list), attributes(&list).collect()), (7, vec![(2, 5), (9, 3)]));
        resource.clear();
        assert_eq!(resource.list(MISSING, MISSING), [MISSING, MISSING]);
    }
}
