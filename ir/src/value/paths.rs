//! All paths into maps at once: what [`lookup`](super::lookup) answers, for every path that it may be
//! asked for.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::Value;

/// The values of entries of maps, by path: those of `attributes` that [`lookup`](super::lookup) finds
/// under names that no attribute has itself.
pub fn entries_of_maps<'a>(
    attributes: impl Iterator<Item = (&'a str, &'a Value)>,
) -> BTreeMap<String, &'a Value> {
    let last: HashMap<&str, &Value> = attributes.collect();
    let mut found = inside(&last);
    found.retain(|path, _| !last.contains_key(path.as_str()));
    found
}

/// Goes as deep as the values do, which decoders bound.
fn inside<'a>(entries: &HashMap<&'a str, &'a Value>) -> BTreeMap<String, &'a Value> {
    let maps = entries.iter().filter_map(|(name, value)| match value {
        Value::Map(inner) => Some((*name, inner)),
        _ => None,
    });
    let mut maps: Vec<_> = maps.collect();
    // The longest name wins: what comes later stays.
    maps.sort_unstable_by_key(|(name, _)| name.len());
    let mut found = BTreeMap::new();
    for (name, inner) in maps {
        let inner: HashMap<&str, &Value> =
            inner.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let mut deeper = inside(&inner);
        for (key, value) in inner {
            match value {
                Value::Empty => deeper.remove(key),
                value => deeper.insert(key.to_owned(), value),
            };
        }
        found.extend(deeper.into_iter().map(|(path, value)| (format!("{name}.{path}"), value)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::lookup;

    const NAMES: [&str; 6] = ["a", "b", "", "a.b", ".", "b.a"];

    /// Values of random maps, and the next state of the generator.
    fn map(state: &mut u64, depth: usize) -> Vec<(String, Value)> {
        let mut below = |bound: u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*state >> 33) % bound
        };
        let count = below(4);
        let choices: Vec<(u64, u64)> = (0..count).map(|_| (below(6), below(5))).collect();
        let entry = |(name, kind): (u64, u64)| {
            let value = match kind {
                0 => Value::Empty,
                1 => Value::Int(kind.cast_signed()),
                _ if depth == 0 => Value::Bool(true),
                _ => Value::Map(map(state, depth - 1)),
            };
            (NAMES[name as usize].to_owned(), value)
        };
        choices.into_iter().map(entry).collect()
    }

    /// All paths of up to four of the names.
    fn paths() -> Vec<String> {
        let mut all: Vec<String> = NAMES.map(str::to_owned).to_vec();
        for _ in 0..3 {
            let longer = all.iter().flat_map(|path| NAMES.map(|name| format!("{path}.{name}")));
            let longer: Vec<String> = longer.collect();
            all.extend(longer);
            all.sort();
            all.dedup();
        }
        all
    }

    #[test]
    fn every_path_has_the_answer_of_the_look_up() {
        let paths = paths();
        let mut state = 7;
        let mut answers = 0;
        for _ in 0..800 {
            let attributes = map(&mut state, 3);
            let pairs = || attributes.iter().map(|(key, value)| (key.as_str(), value));
            let found = entries_of_maps(pairs());
            for path in &paths {
                let own = attributes.iter().any(|(key, _)| key == path);
                let expected = lookup(pairs(), path).filter(|_| !own);
                assert_eq!(found.get(path).copied(), expected, "{path} of {attributes:?}");
                answers += usize::from(expected.is_some());
            }
        }
        assert!(answers > 1000, "{answers} answers are too few to say anything");
    }
}
