//! From the columns of a row back to attributes: without those columns that follow from a map.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use ir::value::entries_of_maps;
use ir::{Datum, Type, Value};

/// Attributes as a span or resource bears them.
pub type Attributes<'a> = Vec<(Cow<'a, str>, Value)>;

/// The fewest attributes that a row was, or may have been, made from: given to a builder that keeps
/// everything, they give a row with the same `columns`, which are those that the row has a value in.
///
/// Entries of maps have columns under their paths, which are left out here; an entry that another
/// attribute hid (an empty one of that path) is hidden by the same again.
pub fn direct<'a>(columns: &[(&'a str, Datum<'a>)]) -> Attributes<'a> {
    let own = |value: Option<Value>| value.unwrap_or(Value::Empty);
    if columns.iter().all(|(_, datum)| datum.value_type() != Type::Map) {
        let all = columns.iter().map(|&(key, datum)| (key.into(), own(value(datum))));
        return all.collect();
    }
    let by_path: HashMap<&str, Datum<'_>> = columns.iter().copied().collect();
    let mut columns = columns.to_vec();
    // A name can only be a path into what has a shorter name.
    columns.sort_unstable_by_key(|(key, _)| (key.len(), *key));
    let mut direct: Attributes<'a> = Vec::new();
    let mut derived: BTreeMap<String, Option<(Type, String)>> = BTreeMap::new();
    for (key, datum) in columns {
        let canonical = Some((datum.value_type(), datum.text().into_owned()));
        if derived.get(key) == Some(&canonical) {
            continue;
        }
        let mut value = own(value(datum));
        if let Value::Map(entries) = &mut value {
            give_types(entries, key, &by_path);
        }
        for (path, entry) in entries_of_maps([(key, &value)].into_iter()) {
            let canonical = entry.canonical();
            let canonical = canonical.map(|(value_type, text)| (value_type, text.into_owned()));
            derived.insert(path, canonical);
        }
        direct.push((key.into(), value));
    }
    let hidden: HashSet<String> =
        derived.into_keys().filter(|path| !by_path.contains_key(path.as_str())).collect();
    direct.extend(hidden.into_iter().map(|path| (path.into(), Value::Empty)));
    direct.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    direct
}

/// The value that a datum stands for.
pub(super) fn value(datum: Datum<'_>) -> Option<Value> {
    match datum {
        Datum::Int(int) => Some(Value::Int(int)),
        Datum::Float(float) => Some(Value::Float(float)),
        Datum::Entry(value_type, text) => Value::from_canonical(value_type, text),
    }
}

/// Canonical JSON writes values of some types alike; the columns of the entries tell them apart. Goes
/// as deep as values from canonical text do, which is bounded.
fn give_types(entries: &mut [(String, Value)], path: &str, columns: &HashMap<&str, Datum<'_>>) {
    for (key, value) in entries {
        let path = format!("{path}.{key}");
        if let Value::Map(inner) = value {
            give_types(inner, &path, columns);
            continue;
        }
        let (Some(datum), Some((value_type, text))) = (columns.get(&*path), value.canonical())
        else {
            continue;
        };
        let alike = match (value_type, datum.value_type()) {
            (Type::Int, Type::Float) | (Type::Text, Type::Bytes) => true,
            (Type::Text, Type::Float) => matches!(&*text, "NaN" | "Infinity" | "-Infinity"),
            _ => false,
        };
        if alike && datum.text() == text {
            *value = self::value(*datum).unwrap_or(Value::Empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns that a builder makes of attributes.
    fn columns(attributes: &[(Cow<'_, str>, Value)]) -> BTreeMap<String, (Type, String)> {
        let pairs = || attributes.iter().map(|(key, value)| (&**key, value));
        let own: BTreeMap<&str, &Value> = pairs().collect();
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        let all = own.chain(entries_of_maps(pairs()));
        let canonical = |value: &Value| {
            value.canonical().map(|(value_type, text)| (value_type, text.into_owned()))
        };
        all.filter_map(|(path, value)| Some((path, canonical(value)?))).collect()
    }

    #[test]
    fn what_follows_from_maps_is_left_out_and_what_they_would_add_is_hidden() {
        let map = |entries: &[(&str, Value)]| {
            Value::Map(
                entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            )
        };
        let inner =
            map(&[("c", Value::Float(5.0)), ("d", Value::Bytes(vec![1])), ("e", Value::Empty)]);
        let outer =
            map(&[("b", inner.clone()), ("f", Value::Float(f64::NAN)), ("x", Value::Int(1))]);
        let attributes: Attributes<'_> = vec![
            ("a".into(), outer.clone()),
            ("a.b.c".into(), Value::Text("5".into())),
            ("a.b.d".into(), Value::Empty),
            ("a.x".into(), Value::Int(1)),
            ("z".into(), Value::List(vec![Value::Bool(true)])),
        ];
        let expected = columns(&attributes);
        let data = expected.iter().map(|(key, (kind, text))| (&**key, Datum::Entry(*kind, text)));
        let found = direct(&data.collect::<Vec<_>>());
        assert_eq!(columns(&found), expected);
        let keys: Vec<&str> = found.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["a", "a.b.c", "a.b.d", "z"]);
        assert_eq!(found[2].1, Value::Empty);
        // Types that the columns do not tell are lost: those of hidden entries.
        let typed = format!("{:?}", found[0].1);
        assert!(typed.contains("Float(NaN)") && !typed.contains("Bytes"), "{typed}");
    }
}
