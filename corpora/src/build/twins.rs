//! Spans that came more than once, and may differ: what the one row bears that stays of them.
//!
//! Each field and each key has the least of the twins' values by itself, a value before none; flags
//! are joined. So no value depends on what else is kept, nor on the order in which spans came.

use std::cmp::Ordering;

use ir::segment::Dictionary;

use super::cells::Cell;
use super::fields::Fields;
use super::interner::{Interner, MISSING};
use super::merge::Shared;
use super::resource::{self, ResourceList};
use super::values::KeyValues;

/// A span that stays and one that is the same: numbers in their plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twin {
    pub(super) kept: u32,
    pub(super) other: u32,
}

/// The resources of a run, and those that only rows of one segment have, whose twins had several.
pub(super) struct Resources<'a> {
    shared: &'a Shared,
    merged: Interner,
    scratch: ResourceList,
}

impl<'a> Resources<'a> {
    /// Those of the run.
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, merged: Interner::default(), scratch: ResourceList::default() }
    }

    /// The list of a resource.
    pub(super) fn get(&self, number: u32) -> &[u32] {
        let own = self.shared.resources.lists();
        let number = number as usize;
        own.get(number).unwrap_or_else(|| &self.merged.lists()[number - own.len()])
    }

    /// The resource that has the least value of two for each key.
    fn least(&mut self, a: u32, b: u32) -> u32 {
        if a == b {
            return a;
        }
        let shared = self.shared;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let (a, b) = (self.get(a), self.get(b));
        resource::attributes(a).for_each(|(key, code)| scratch.set(key, code));
        for (key, code) in resource::attributes(b) {
            let old = scratch.get(key);
            let is_less = |old| {
                let [code, old] = [code, old].map(Cell::from_code);
                compare(code, old, &shared.dictionaries[key]) == Ordering::Less
            };
            if old.is_none_or(is_less) {
                scratch.set(key, code);
            }
        }
        let text = |code: u32| {
            (code == MISSING, (code != MISSING).then(|| shared.origin_texts.text(code)))
        };
        let rests = [a, b].map(resource::rest);
        let rest = if text(rests[1]) < text(rests[0]) { rests[1] } else { rests[0] };
        let list = scratch.list(MISSING, rest);
        let number = shared
            .resources
            .find(list)
            .unwrap_or_else(|| shared.resources.lists().len() as u32 + self.merged.intern(list));
        self.scratch = scratch;
        number
    }
}

/// Gives the span that stays of each twins the least of their fields.
pub(super) fn join_fields(
    fields: &mut Fields,
    twins: &[Twin],
    shared: &Shared,
    resources: &mut Resources<'_>,
) {
    let text = |code: u32, dictionary: &Dictionary| match code.checked_sub(1) {
        Some(code) => (false, dictionary.text(code).to_owned()),
        None => (true, String::new()),
    };
    let scope = |&number: &u32| {
        let list = &shared.scopes.lists()[number as usize];
        [0, 1, 2].map(|at| shared.origin_texts.text(list[at]))
    };
    for &Twin { kept, other } in twins {
        let (kept, other) = (kept as usize, other as usize);
        fields.status[kept] = fields.status[kept].min(fields.status[other]);
        least(&mut fields.message, kept, other, |&code| text(code, &shared.messages));
        least(&mut fields.parent, kept, other, |&parent| parent);
        least(&mut fields.rest, kept, other, |&code| text(code, &shared.rests));
        least(&mut fields.scope, kept, other, scope);
        if fields.structure {
            fields.flags[kept] |= fields.flags[other];
        }
        fields.resource[kept] = resources.least(fields.resource[kept], fields.resource[other]);
    }
}

/// Does the same for the values of a key.
pub(super) fn join_values(values: &mut KeyValues, twins: &[Twin], dictionary: &Dictionary) {
    let Some(kind) = values.kind else { return };
    for &Twin { kept, other } in twins {
        let (kept, other) = (kept as usize, other as usize);
        let [old, new] = [kept, other].map(|at| Cell { kind, bits: values.bits[at] });
        if !values.present[other] {
            continue;
        }
        if !values.present[kept] {
            values.present[kept] = true;
        } else if compare(new, old, dictionary) != Ordering::Less {
            continue;
        }
        values.bits[kept] = new.bits;
    }
}

/// Sets `kept` to the value of `other` if that is less; nothing where the field is left out.
fn least<T: Copy + PartialEq, O: Ord>(
    field: &mut [T],
    kept: usize,
    other: usize,
    order: impl Fn(&T) -> O,
) {
    if let (Some(&old), Some(&new)) = (field.get(kept), field.get(other))
        && old != new
        && order(&new) < order(&old)
    {
        field[kept] = new;
    }
}

/// By canonical text, then type.
fn compare(a: Cell, b: Cell, dictionary: &Dictionary) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let [a, b] = [a, b].map(|cell| cell.datum(dictionary));
    a.text().cmp(&b.text()).then_with(|| a.value_type().cmp(&b.value_type()))
}
