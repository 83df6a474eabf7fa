//! Packs sorted spans into the columns of tables, with resources and scopes numbered anew by the
//! segment, in the order of their first use.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{
    Attributes, Buffer, Column, Dictionary, Index, Integers, Narrow, OperationRows, Scopes,
    Segment, Slot, Table, Traces, Values, signed_difference,
};
use ir::{Mask, Type};

use super::cells::{Cell, Kind};
use super::chunk::Row;
use super::interner::MISSING;
use super::merge::Shared;
use super::resource;
use super::seal::{Content, PlanSpans};

/// The tables of a segment so far.
pub(super) struct Tables<'a> {
    shared: &'a Shared,
    /// Starts of the traces, by ordinal.
    starts: Vec<u64>,
    tables: Vec<Table>,
    resources: Local,
    scopes: Local,
}

/// Numbers of a segment for some of the run's.
#[derive(Default)]
struct Local {
    /// Our number of each of the run's, [`MISSING`] for one that was not used yet.
    numbers: Vec<u32>,
    used: Vec<u32>,
}

impl<'a> Tables<'a> {
    /// The tables of these contents.
    pub(super) fn new(
        shared: &'a Shared,
        starts: Vec<u64>,
        plans: &[PlanSpans],
        contents: &[Content],
    ) -> Self {
        let (resources, scopes) = (Local::default(), Local::default());
        let mut tables = Self { shared, starts, tables: Vec::new(), resources, scopes };
        let columns = attributes(shared, plans, contents);
        for (Content { plan, rows }, columns) in contents.iter().zip(columns) {
            tables.push(&plans[*plan], rows, columns);
        }
        tables
    }

    fn push(&mut self, plan: &PlanSpans, rows: &[u32], columns: Vec<(usize, Column)>) {
        let shared = self.shared;
        // Copied side by side once, since every column below passes over them.
        let spans: Vec<Row> = rows.iter().map(|&row| *plan.span(row)).collect();
        let structure = shared.schema.structure();
        let ints = |value: fn(&Row) -> i64| Slot::Decoded(integers(spans.iter().map(value)));
        let kept = |slot: Slot| if structure { slot } else { Slot::NotDecoded };
        let resources = spans.iter().map(|row| self.resources.number(row.resource));
        let resources: Vec<u64> = resources.collect();
        let scopes = match structure {
            true => spans.iter().map(|row| self.scopes.number(row.scope)).collect(),
            false => Vec::new(),
        };
        let reads = &shared.reads[plan.plan()];
        let start = |row: &Row| row.start - self.starts[row.trace as usize];
        let codes = |code: fn(&Row) -> u8, dictionary: &Arc<Dictionary>| {
            let codes = Narrow::pack(spans.iter().map(|row| code(row).into()));
            let values = Values::Codes(codes, Arc::clone(dictionary));
            Slot::Decoded(Column { values, present: None })
        };
        let decoded = vec![Arc::clone(&reads.keys), Arc::clone(shared.schema.reads_anywhere())];
        let message = || {
            let code = |row: &Row| row.message.checked_sub(1).map(Cell::from_code);
            Slot::Decoded(column(spans.iter().map(code), &shared.messages))
        };
        self.tables.push(Table {
            trace: Buffer::collect(spans.iter().map(|row| row.trace)),
            start: Narrow::pack(spans.iter().map(start)),
            id: Buffer::collect(spans.iter().map(|row| row.id)),
            resource: Narrow::pack(resources.into_iter()),
            duration: ints(|row| signed_difference(row.end, row.start)),
            kind: codes(|row| row.kind, &shared.kinds),
            status: codes(|row| row.status, &shared.statuses),
            message: if reads.message { message() } else { Slot::NotDecoded },
            parent: kept(ints(|row| row.parent.cast_signed())),
            scope: kept(Slot::Decoded(integers(scopes.iter().map(|&scope: &u64| scope as i64)))),
            flags: kept(ints(|row| row.flags.into())),
            attributes: Attributes::new(columns, decoded),
        });
    }

    /// The segment of these tables.
    pub(super) fn finish(self, traces: Traces, operations: Vec<OperationRows>) -> Segment {
        let shared = self.shared;
        let schema = &shared.schema;
        let mut resources = vec![Slot::NotDecoded; schema.keys().len()];
        for &key in schema.resource_keys() {
            resources[key] = Slot::Decoded(Column::EMPTY);
        }
        for (key, cells) in self.resource_cells() {
            let column = column(cells.into_iter(), &shared.dictionaries[key]);
            resources[key] = Slot::Decoded(column);
        }
        let scope = |position: usize| {
            if !schema.structure() {
                return Slot::NotDecoded;
            }
            let text = |&number: &u32| {
                let code = shared.scopes.get(number as usize)?[position];
                (!shared.scope_texts.text(code).is_empty()).then_some(Cell::from_code(code))
            };
            Slot::Decoded(column(self.scopes.used.iter().map(text), &shared.scope_texts))
        };
        Segment {
            traces,
            keys: schema.keys().to_vec(),
            operations,
            tables: self.tables.into_iter().collect(),
            resources,
            scopes: Scopes { name: scope(0), version: scope(1) },
            coverage: schema.coverage(),
            hidden: None,
            store: None,
            index: Index::default(),
        }
    }

    /// The values of each key that a resource bears, by number of the resource.
    fn resource_cells(&self) -> Vec<(usize, Vec<Option<Cell>>)> {
        let used = &self.resources.used;
        let mut all: HashMap<usize, Vec<Option<Cell>>> = HashMap::new();
        for (number, &of_run) in used.iter().enumerate() {
            for (key, code) in resource::attributes(&self.shared.resources[of_run as usize]) {
                let cells = all.entry(key).or_insert_with(|| vec![None; used.len()]);
                cells[number] = Some(Cell::from_code(code));
            }
        }
        all.into_iter().collect()
    }
}

/// The attribute columns of each content, by number of the key. Each is read out once for all
/// contents of a plan, and thrown away before the next.
fn attributes(
    shared: &Shared,
    plans: &[PlanSpans],
    contents: &[Content],
) -> Vec<Vec<(usize, Column)>> {
    let mut of_plans: Vec<Vec<usize>> = vec![Vec::new(); plans.len()];
    for (table, content) in contents.iter().enumerate() {
        of_plans[content.plan].push(table);
    }
    let mut columns: Vec<Vec<(usize, Column)>> = vec![Vec::new(); contents.len()];
    for (plan, tables) in plans.iter().zip(of_plans) {
        for key in plan.keys() {
            let values = plan.values(shared, key);
            let Some(kind) = values.kind else { continue };
            for &table in &tables {
                let rows = &contents[table].rows;
                let bits = rows.iter().map(|&row| values.bits[row as usize]).collect();
                let mut present = Mask::empty(rows.len());
                let bears = |(_, row): &(usize, &u32)| values.present[**row as usize];
                rows.iter().enumerate().filter(bears).for_each(|(at, _)| present.insert(at));
                let column = column_of(kind, bits, present, &shared.dictionaries[key]);
                if !matches!(column.values, Values::Empty) {
                    columns[table].push((key, column));
                }
            }
        }
    }
    columns
}

impl Local {
    fn number(&mut self, of_run: u32) -> u64 {
        let Self { numbers, used } = self;
        let at = of_run as usize;
        if at >= numbers.len() {
            numbers.resize(at + 1, MISSING);
        }
        if numbers[at] == MISSING {
            numbers[at] = used.len() as u32;
            used.push(of_run);
        }
        u64::from(numbers[at])
    }
}

/// Packing passes over the values again and again, so they are laid side by side.
fn integers(values: impl ExactSizeIterator<Item = i64>) -> Column {
    let values: Vec<i64> = values.collect();
    Column { values: Values::Integers(Integers::pack(values.iter().copied())), present: None }
}

/// The column of these cells, all of one kind: numbers if all values are of one numeric type.
fn column(
    cells: impl ExactSizeIterator<Item = Option<Cell>>,
    dictionary: &Arc<Dictionary>,
) -> Column {
    let mut present = Mask::empty(cells.len());
    let mut bits = vec![0; cells.len()];
    let mut kind = None;
    for (row, cell) in cells.enumerate() {
        if let Some(cell) = cell {
            present.insert(row);
            bits[row] = cell.bits;
            kind = Some(cell.kind);
        }
    }
    kind.map_or(Column::EMPTY, |kind| column_of(kind, bits, present, dictionary))
}

/// The column of values of one kind, `bits` where `present` says.
fn column_of(
    mut kind: Kind,
    mut bits: Vec<u64>,
    present: Mask,
    dictionary: &Arc<Dictionary>,
) -> Column {
    let Some(first) = present.iter().next() else { return Column::EMPTY };
    if kind == Kind::Codes {
        kind = numbers_of_codes(&mut bits, &present, dictionary).unwrap_or(kind);
    }
    // A missing slot holds some value of the column, so that it does not widen it.
    let first = bits[first];
    for (row, bits) in bits.iter_mut().enumerate() {
        *bits = if present.get(row) { *bits } else { first };
    }
    let bits = bits.iter().copied();
    let values = match kind {
        Kind::Ints => Values::Integers(Integers::pack(bits.map(u64::cast_signed))),
        Kind::Floats => Values::Floats(Buffer::collect(bits.map(f64::from_bits))),
        Kind::Codes => Values::Codes(Narrow::pack(bits), Arc::clone(dictionary)),
    };
    Column::new(values, present)
}

/// Replaces codes by the numbers that they stand for, if all stand for numbers of one type.
fn numbers_of_codes(bits: &mut [u64], present: &Mask, dictionary: &Dictionary) -> Option<Kind> {
    let mut types = present.iter().map(|row| dictionary.get(bits[row] as u32).value_type());
    let first = types.next()?;
    let (kind, number): (Kind, fn(&str) -> Option<u64>) = match first {
        Type::Int => (Kind::Ints, |text| text.parse().ok().map(i64::cast_unsigned)),
        Type::Float => (Kind::Floats, |text| text.parse().ok().map(f64::to_bits)),
        _ => return None,
    };
    if types.any(|other| other != first) {
        return None;
    }
    for row in present.iter() {
        bits[row] = number(dictionary.text(bits[row] as u32))
            .expect("the canonical text of a number reads as that number");
    }
    Some(kind)
}
