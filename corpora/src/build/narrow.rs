//! What the columns of chunks need of narrow ones.

use ir::segment::Narrow;

/// Appends what `make` makes of the values of `rows`, ascending; the width is looked at once.
pub(super) fn append<T>(values: &Narrow, rows: &[u16], all: &mut Vec<T>, make: impl Fn(u64) -> T) {
    match values {
        Narrow::U8(values) => append_of(values, rows, all, make),
        Narrow::U16(values) => append_of(values, rows, all, make),
        Narrow::U32(values) => append_of(values, rows, all, make),
        Narrow::U64(values) => append_of(values, rows, all, make),
    }
}

/// The same of values of one width.
pub(super) fn append_of<S: Copy + Into<u64>, T>(
    values: &[S],
    rows: &[u16],
    all: &mut Vec<T>,
    make: impl Fn(u64) -> T,
) {
    if rows.len() == values.len() {
        all.extend(values.iter().map(|&value| make(value.into())));
    } else {
        all.extend(rows.iter().map(|&row| make(values[usize::from(row)].into())));
    }
}

/// Appends what `make` makes of all values; the width is looked at once.
pub(super) fn read<T>(values: &Narrow, all: &mut Vec<T>, make: impl Fn(u64) -> T) {
    match values {
        Narrow::U8(values) => all.extend(values.iter().map(|&value| make(value.into()))),
        Narrow::U16(values) => all.extend(values.iter().map(|&value| make(value.into()))),
        Narrow::U32(values) => all.extend(values.iter().map(|&value| make(value.into()))),
        Narrow::U64(values) => all.extend(values.iter().map(|&value| make(value))),
    }
}

/// Bytes that a narrow column takes.
pub(super) fn narrow_bytes(narrow: &Narrow) -> usize {
    match narrow {
        Narrow::U8(values) => values.bytes(),
        Narrow::U16(values) => values.bytes(),
        Narrow::U32(values) => values.bytes(),
        Narrow::U64(values) => values.bytes(),
    }
}
