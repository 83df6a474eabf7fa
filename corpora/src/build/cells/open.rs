//! Attribute values of a chunk of rows to which more come: packed once it is full.

use ir::segment::DictionaryBuilder;

use super::{Cell, Cells, Kind};

/// The cells of the rows of a chunk that still grows: those that there are.
#[derive(Debug, Default)]
pub(in crate::build) struct OpenCells {
    /// `None` as long as no row has a value.
    kind: Option<Kind>,
    /// The rows with a value, ascending.
    rows: Vec<u16>,
    /// Their values.
    bits: Vec<u64>,
}

impl OpenCells {
    /// Sets or unsets the value of `row`, the last one; by how many the values become more.
    #[inline]
    pub(in crate::build) fn set(
        &mut self,
        row: usize,
        cell: Option<Cell>,
        dictionary: &mut DictionaryBuilder,
    ) -> isize {
        match cell {
            Some(cell)
                if self.kind == Some(cell.kind) && self.rows.last() != Some(&(row as u16)) =>
            {
                self.rows.push(row as u16);
                self.bits.push(cell.bits);
                1
            }
            _ => self.change(row, cell, dictionary),
        }
    }

    /// The same, where the value may be there already or of another kind.
    #[inline(never)]
    fn change(
        &mut self,
        row: usize,
        cell: Option<Cell>,
        dictionary: &mut DictionaryBuilder,
    ) -> isize {
        let row = row as u16;
        let held = self.rows.last() == Some(&row);
        let Some(cell) = cell else {
            if held {
                self.rows.pop();
                self.bits.pop();
            }
            return -isize::from(held);
        };
        if held {
            self.bits.pop();
        } else {
            self.rows.push(row);
        }
        let bits = match self.kind {
            Some(kind) if kind != cell.kind => {
                self.turn_to_codes(dictionary);
                cell.code(dictionary).into()
            }
            _ => {
                self.kind = Some(cell.kind);
                cell.bits
            }
        };
        self.bits.push(bits);
        isize::from(!held)
    }

    /// Packs the cells of a chunk of `rows` rows and forgets them, but keeps the memory; nothing
    /// if no row has a value.
    pub(in crate::build) fn pack(&mut self, rows: usize) -> Option<Cells> {
        let kind = self.kind.take()?;
        let cells =
            (!self.rows.is_empty()).then(|| Cells::pack(kind, &self.rows, &self.bits, rows));
        self.rows.clear();
        self.bits.clear();
        cells
    }

    fn turn_to_codes(&mut self, dictionary: &mut DictionaryBuilder) {
        let Some(kind) = self.kind.replace(Kind::Codes) else { return };
        for bits in &mut self.bits {
            *bits = Cell { kind, bits: *bits }.code(dictionary).into();
        }
    }

    /// Bytes that it takes.
    pub(in crate::build) fn bytes(&self) -> usize {
        self.bits.capacity() * size_of::<u64>() + self.rows.capacity() * size_of::<u16>()
    }
}

#[cfg(test)]
mod tests {
    use ir::Type;

    use super::*;

    #[test]
    fn the_last_value_that_is_set_counts() {
        let dictionary = &mut DictionaryBuilder::default();
        let mut open = OpenCells::default();
        let code = Cell::from_code(dictionary.intern(Type::Text, "a"));
        let changes = [Some(Cell::int(7)), None, None, Some(Cell::int(8)), Some(code)]
            .map(|cell| open.set(0, cell, dictionary));
        assert_eq!(changes, [1, -1, 0, 1, 0]);
        assert_eq!(open.pack(1).and_then(|cells| cells.get(0)), Some(code));
        assert!(open.pack(1).is_none());
    }
}
