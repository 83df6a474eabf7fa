//! Packs sorted spans into the columns of tables, with resources and scopes numbered anew by the
//! segment, in the order of their first use.

use std::sync::Arc;

use hashbrown::HashMap;
use ir::segment::{
    Attributes, Buffer, Column, Dictionary, Index, Integers, Later, Narrow, OperationRows, Scopes,
    Segment, Slot, Table, Traces, Values, signed_difference,
};
use ir::{Mask, Type};

use super::cells::{Cell, Kind};
use super::fields::of;
use super::interner::MISSING;
use super::merge::Shared;
use super::resource;
use super::seal::{Content, PlanSpans};
use super::twins::Resources;

/// The tables of a segment so far.
pub(super) struct Tables<'a> {
    shared: &'a Shared,
    /// Starts of the traces, by ordinal.
    starts: Vec<u64>,
    tables: Vec<Table>,
    /// What is kept of the spans of each table, by plan.
    plans: Vec<usize>,
    /// The attribute columns of each table, by the run's number of the key.
    columns: Vec<Vec<(usize, Column)>>,
    resources: Local,
    scopes: Local,
    /// What the numbers of resources stand for.
    lists: &'a Resources<'a>,
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
        lists: &'a Resources<'a>,
    ) -> Self {
        let mut tables = Self {
            shared,
            starts,
            tables: Vec::new(),
            plans: contents.iter().map(|content| plans[content.plan].plan()).collect(),
            columns: attributes(shared, plans, contents),
            resources: Local::default(),
            scopes: Local::default(),
            lists,
        };
        for Content { plan, rows } in contents {
            tables.push(&plans[*plan], rows);
        }
        tables
    }

    fn push(&mut self, plan: &PlanSpans, rows: &[u32]) {
        let (shared, fields) = (self.shared, plan.fields());
        let (trace, start) = (of(&fields.trace, rows), of(&fields.start, rows));
        let end = of(&fields.end, rows);
        let duration = start.iter().zip(&end).map(|(start, end)| signed_difference(*end, *start));
        let since: Vec<u64> = (start.iter().zip(&trace))
            .map(|(start, trace)| start - self.starts[*trace as usize])
            .collect();
        let resources = of(&fields.resource, rows).into_iter();
        let resources: Vec<u64> = resources.map(|run| self.resources.number(run)).collect();
        let codes = |field: &[u8], dictionary: &Arc<Dictionary>| {
            let codes = of(field, rows);
            let codes = Narrow::pack(codes.iter().map(|&code| code.into()));
            let values = Values::Codes(codes, Arc::clone(dictionary));
            Slot::Decoded(Column { values, present: None })
        };
        let texts = |field: &[u32], dictionary: &Arc<Dictionary>| {
            let code = |code: u32| code.checked_sub(1).map(Cell::from_code);
            Slot::Decoded(column(of(field, rows).into_iter().map(code), dictionary))
        };
        let mut table = Table {
            trace: Buffer::collect(trace.iter().copied()),
            start: Narrow::pack(since.iter().copied()),
            id: Buffer::collect(rows.iter().map(|&row| fields.id[row as usize])),
            resource: Narrow::pack(resources.iter().copied()),
            duration: integers(duration),
            kind: codes(&fields.kind, &shared.kinds),
            status: codes(&fields.status, &shared.statuses),
            message: Slot::NotDecoded,
            parent: Slot::NotDecoded,
            scope: Slot::NotDecoded,
            flags: Slot::NotDecoded,
            rest: Slot::NotDecoded,
            attributes: Attributes::default(),
        };
        if shared.reads[plan.plan()].message {
            table.message = texts(&fields.message, &shared.messages);
        }
        if fields.structure {
            let scopes = of(&fields.scope, rows).into_iter();
            let scopes: Vec<u64> = scopes.map(|run| self.scopes.number(run)).collect();
            table.parent = integers(of(&fields.parent, rows).into_iter().map(u64::cast_signed));
            table.scope = integers(scopes.into_iter().map(u64::cast_signed));
            table.flags = integers(of(&fields.flags, rows).into_iter().map(i64::from));
        }
        if fields.everything {
            table.rest = texts(&fields.rest, &shared.rests);
        }
        self.tables.push(table);
    }

    /// The segment of these tables.
    pub(super) fn finish(mut self, traces: Traces, operations: Vec<OperationRows>) -> Segment {
        let shared = self.shared;
        let schema = &shared.schema;
        let resource_cells = self.resource_cells();
        let keys = self.keys(&resource_cells);
        self.set_attributes(&keys);
        let everything = schema.keeps_everything();
        let mut resources = match everything {
            true => vec![Slot::Decoded(Column::EMPTY); keys.len()],
            false => vec![Slot::NotDecoded; keys.len()],
        };
        for &key in schema.resource_keys() {
            resources[key] = Slot::Decoded(Column::EMPTY);
        }
        for (key, borne) in resource_cells {
            let mut cells = vec![None; self.resources.used.len()];
            borne.into_iter().for_each(|(number, cell)| cells[number] = Some(cell));
            let column = column(cells.into_iter(), &shared.dictionaries[key]);
            resources[place(&keys, key)] = Slot::Decoded(column);
        }
        let text = |code: u32| {
            let is_text = code != MISSING && !shared.origin_texts.text(code).is_empty();
            is_text.then_some(Cell::from_code(code))
        };
        let scope = |position: usize, kept: bool| {
            let cell = |&number: &u32| text(shared.scopes.lists().get(number as usize)?[position]);
            match kept {
                true => {
                    let cells = self.scopes.used.iter().map(cell);
                    Slot::Decoded(column(cells, &shared.origin_texts))
                }
                false => Slot::NotDecoded,
            }
        };
        let resource_rest = || {
            let rest = |&number: &u32| text(resource::rest(self.lists.get(number)));
            Slot::Decoded(column(self.resources.used.iter().map(rest), &shared.origin_texts))
        };
        Segment {
            traces,
            starts: None,
            keys: Arc::new(keys.iter().map(|&key| shared.keys[key].clone()).collect()),
            operations,
            tables: self.tables.into_iter().collect(),
            resources: resources.into(),
            resource_rest: if everything { resource_rest() } else { Slot::NotDecoded }.into(),
            scopes: Later::from(Scopes {
                name: scope(0, schema.structure()),
                version: scope(1, schema.structure()),
                rest: scope(2, everything),
            }),
            coverage: schema.coverage(),
            hidden: None,
            store: None,
            index: Index::default(),
        }
    }

    /// The run's numbers of the segment's keys, ascending: all that the schema names, or those that
    /// something bears.
    fn keys(&self, resources: &[(usize, Vec<(usize, Cell)>)]) -> Vec<usize> {
        if !self.shared.schema.keeps_everything() {
            return (0..self.shared.keys.len()).collect();
        }
        let columns = self.columns.iter().flatten().map(|(key, _)| *key);
        let mut keys: Vec<usize> = columns.chain(resources.iter().map(|(key, _)| *key)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Hands the tables their columns, under the numbers of `keys`.
    fn set_attributes(&mut self, keys: &[usize]) {
        let schema = &self.shared.schema;
        let all: Arc<[usize]> = (0..keys.len()).collect();
        let columns = self.columns.drain(..).zip(&self.plans);
        for (table, (columns, &plan)) in self.tables.iter_mut().zip(columns) {
            let decoded = match schema.keeps_everything() {
                true => vec![Arc::clone(&all)],
                false => vec![
                    Arc::clone(&self.shared.reads[plan].keys),
                    Arc::clone(schema.reads_anywhere()),
                ],
            };
            let columns = columns.into_iter().map(|(key, column)| (place(keys, key), column));
            table.attributes = Attributes::new(columns.collect(), decoded);
        }
    }

    /// The values of each key that a resource bears, with the numbers of the resources.
    fn resource_cells(&self) -> Vec<(usize, Vec<(usize, Cell)>)> {
        let mut all: HashMap<usize, Vec<(usize, Cell)>> = HashMap::new();
        for (number, &of_run) in self.resources.used.iter().enumerate() {
            for (key, code) in resource::attributes(self.lists.get(of_run)) {
                all.entry(key).or_default().push((number, Cell::from_code(code)));
            }
        }
        all.into_iter().collect()
    }
}

/// The segment's number of a key, by the run's.
fn place(keys: &[usize], key: usize) -> usize {
    keys.binary_search(&key).expect("the keys are those that something bears")
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
        plan.values(shared, |key, values| {
            let Some(kind) = values.kind else { return };
            let are_all = values.are_all();
            for &table in &tables {
                let rows = &contents[table].rows;
                let present = match are_all {
                    true => Mask::full(rows.len()),
                    false => Mask::collect(of(&values.present, rows).into_iter()),
                };
                if present.any() {
                    let bits = of(&values.bits, rows);
                    let column = column_of(kind, bits, present, &shared.dictionaries[key]);
                    columns[table].push((key, column));
                }
            }
        });
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
fn integers(values: impl ExactSizeIterator<Item = i64>) -> Slot {
    let values: Vec<i64> = values.collect();
    let values = Values::Integers(Integers::pack(values.iter().copied()));
    Slot::Decoded(Column { values, present: None })
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
    for (bits, &word) in bits.chunks_mut(64).zip(present.words()).filter(|(_, word)| **word != !0) {
        for (at, bits) in bits.iter_mut().enumerate() {
            *bits = if word >> at & 1 == 1 { *bits } else { first };
        }
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
