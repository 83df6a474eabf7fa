//! Small traces, two or three spans each, made as segments outright: for more traces than the whole
//! workload could be made of in reasonable time. Each of the five rules is broken by about one trace
//! in 10,000, and how often is known.

use std::sync::Arc;

use corpora::corpus::{CorpusError, SegmentEntry, Writer};
use ir::module::{KINDS, STATUSES};
use ir::segment::{
    Attributes, Buffer, Column, Coverage, Dictionary, DictionaryBuilder, Integers, Later, Narrow,
    OperationRows, Scopes, Segment, Slot, Table, Traces, Values,
};
use ir::{Mask, Type};

/// Traces of a segment.
pub const TRACES: u64 = 1 << 16;
/// Nanoseconds from one trace to the next: ten million a day.
const STEP: u64 = 8_640_000;
/// The first trace starts then: 26 October 2024.
const START: u64 = 1_729_900_800_000_000_000;

/// A rule of each kind.
pub const RULES: &str = "
rules:
  - id: existence
    severity: high
    condition: when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }
    signal: { message: 'Charged without a reservation', context: [payment_intent_id, merchant] }
  - id: comparison
    severity: high
    condition: never { trace.has(payment.charge).where(amount_cents > 1000000) }
    signal: { message: 'A charge beyond the limit', context: [payment_intent_id, amount_cents] }
  - id: regex
    severity: high
    condition: never { trace.has(payment.charge).where(merchant matches \"^test-\") }
    signal: { message: 'A test merchant in production', context: [payment_intent_id, merchant] }
  - id: distinct
    severity: high
    condition: |
      when { trace.has(payment.charge).where(attempt > 1) }
      always { trace.count_distinct(payment.charge, payment_intent_id) == 1 }
    signal: { message: 'A retry took a new intent', context: [payment_intent_id, attempt] }
  - id: count-by
    severity: high
    condition: always { trace.count(payment.charge).by(payment_intent_id) <= 2 }
    signal: { message: 'One intent was charged three times', context: [payment_intent_id, attempt] }
";

/// How many traces break each rule, in the order of [`RULES`].
pub type Broken = [u64; 5];

/// Writes segment `number` of a corpus of small traces. Equal numbers give equal segments.
pub fn write(writer: &Writer, number: u64) -> Result<(SegmentEntry, Broken), CorpusError> {
    let mut made = Made::default();
    for ordinal in 0..TRACES {
        made.trace(number * TRACES + ordinal, ordinal as u32);
    }
    let broken = made.broken;
    Ok((writer.put_segment(number, &made.segment())?, broken))
}

/// The rows of an operation.
#[derive(Default)]
struct Rows {
    trace: Vec<u32>,
    start: Vec<u64>,
    duration: Vec<i64>,
    id: Vec<u64>,
    parent: Vec<i64>,
    /// A column an attribute; integers, or codes.
    values: [Vec<u64>; 4],
}

#[derive(Default)]
struct Made {
    charges: Rows,
    reserves: Rows,
    intents: DictionaryBuilder,
    merchants: DictionaryBuilder,
    warehouses: DictionaryBuilder,
    ids: Vec<u128>,
    starts: Vec<u64>,
    ends: Vec<u64>,
    spans: Vec<u64>,
    broken: Broken,
}

impl Made {
    /// Adds trace `number` of all.
    fn trace(&mut self, number: u64, ordinal: u32) {
        let mut chance = Chance(number);
        let fault = chance.next() % 10_000;
        let id = u128::from(chance.next()) << 64 | u128::from(chance.next());
        let start = START + number * STEP + chance.next() % STEP;
        let retried = fault == 3 || fault == 4 || chance.next().is_multiple_of(4);
        let tries = if fault == 4 { 3 } else { 1 + u64::from(retried) };
        let mut intent = self.intent(&mut chance);
        let root = chance.next() | 1;
        let amount = if fault == 1 { 1_000_001 } else { 100 + chance.next() % 200_000 };
        let merchant = chance.next() % 500;
        let merchant = match fault {
            2 => self.merchants.intern(Type::Text, &format!("test-{merchant}")),
            _ => self.merchants.intern(Type::Text, &format!("merchant-{merchant}")),
        };
        let mut at = 0;
        for attempt in 1..=tries {
            if fault == 3 && attempt == 2 {
                intent = self.intent(&mut chance);
            }
            let (own, parent) = if attempt == 1 { (root, 0) } else { (chance.next() | 1, root) };
            let took = 20_000_000 + chance.next() % 80_000_000;
            let values = [attempt, amount, u64::from(intent), u64::from(merchant)];
            self.charges.push(ordinal, at, took, own, parent, &values);
            at += took;
        }
        if fault == 0 {
            self.broken[0] += 1;
        } else {
            let took = 1_000_000 + chance.next() % 9_000_000;
            let place = format!("warehouse-{}", chance.next() % 12);
            let values = [self.warehouses.intern(Type::Text, &place).into(), chance.next() % 5_000];
            self.reserves.push(ordinal, at, took, chance.next() | 1, root, &values);
            at += took;
            if let Some(broken) = self.broken.get_mut(fault as usize).filter(|_| fault > 0) {
                *broken += 1;
            }
        }
        self.ids.push(id);
        self.starts.push(start);
        self.ends.push(start + at);
        self.spans.push(tries + u64::from(fault != 0));
    }

    fn intent(&mut self, chance: &mut Chance) -> u32 {
        self.intents.intern(Type::Text, &format!("pi_{:016x}", chance.next()))
    }

    fn operations(&self) -> Vec<OperationRows> {
        let operations = [("inventory.reserve", &self.reserves), ("payment.charge", &self.charges)];
        let operations = operations.iter().enumerate().map(|(table, (name, rows))| {
            let mut presence = Mask::empty(self.ids.len());
            rows.trace.iter().for_each(|&trace| presence.insert(trace as usize));
            OperationRows {
                name: (*name).into(),
                table,
                rows: 0..rows.trace.len(),
                presence: Some(presence),
            }
        });
        operations.collect()
    }

    fn segment(self) -> Segment {
        let (traces, operations) = (self.ids.len(), self.operations());
        let [intents, merchants, warehouses] =
            [self.intents, self.merchants, self.warehouses].map(|own| Arc::new(own.finish()));
        let codes = |values: &[u64], dictionary: &Arc<Dictionary>| Column {
            values: Values::Codes(Narrow::pack(values.iter().copied()), Arc::clone(dictionary)),
            present: None,
        };
        let [attempt, amount, intent, merchant] = &self.charges.values;
        let charge = vec![
            (0, integers(amount.iter().map(|&cents| cents as i64))),
            (1, integers(attempt.iter().map(|&attempt| attempt as i64))),
            (2, codes(merchant, &merchants)),
            (3, codes(intent, &intents)),
        ];
        let [warehouse, sku, ..] = &self.reserves.values;
        let reserve = vec![
            (5, integers(sku.iter().map(|&sku| sku as i64))),
            (6, codes(warehouse, &warehouses)),
        ];
        let name = text("payment.charge");
        let service = text("payments");
        let root = |dictionary: &Arc<Dictionary>| Some(codes(&vec![0; traces], dictionary));
        let service_column = Column {
            values: Values::Codes(Narrow::pack([0].into_iter()), service.clone()),
            present: None,
        };
        let keys = [
            "amount_cents",
            "attempt",
            "merchant",
            "payment_intent_id",
            "service.name",
            "sku",
            "warehouse",
        ];
        let all: Arc<[usize]> = (0..keys.len()).collect();
        let resources = (0..keys.len()).map(|key| {
            Slot::Decoded(if key == 4 { service_column.clone() } else { Column::EMPTY })
        });
        Segment {
            traces: Traces {
                id: Buffer::collect(self.ids.into_iter()),
                start: Buffer::collect(self.starts.into_iter()),
                end: Buffer::collect(self.ends.into_iter()),
                spans: Narrow::pack(self.spans.into_iter()),
                root_name: root(&name),
                root_service: root(&service),
                flags: Buffer::zeroed(traces),
            },
            keys: Arc::new(keys.map(Into::into).into_iter().collect()),
            operations,
            tables: [
                self.reserves.table(Attributes::new(reserve, vec![all.clone()])),
                self.charges.table(Attributes::new(charge, vec![all.clone()])),
            ]
            .into_iter()
            .collect(),
            resources: resources.collect(),
            resource_rest: Slot::Decoded(Column::EMPTY).into(),
            scopes: Later::from(Scopes {
                name: Slot::Decoded(Column::EMPTY),
                version: Slot::Decoded(Column::EMPTY),
                rest: Slot::Decoded(Column::EMPTY),
            }),
            coverage: Coverage::All,
            ..Segment::default()
        }
    }
}

impl Rows {
    fn push(&mut self, trace: u32, start: u64, took: u64, id: u64, parent: u64, values: &[u64]) {
        self.trace.push(trace);
        self.start.push(start);
        self.duration.push(took as i64);
        self.id.push(id);
        self.parent.push(parent.cast_signed());
        self.values.iter_mut().zip(values).for_each(|(column, &value)| column.push(value));
    }

    fn table(self, attributes: Attributes) -> Table {
        let rows = self.trace.len();
        let constant = |texts: &[&str]| {
            let mut builder = DictionaryBuilder::default();
            texts.iter().for_each(|text| {
                builder.intern(Type::Text, text);
            });
            let codes = Narrow::pack(std::iter::repeat_n(0, rows));
            Column { values: Values::Codes(codes, Arc::new(builder.finish())), present: None }
        };
        let zeros = || Slot::Decoded(integers(std::iter::repeat_n(0, rows)));
        Table {
            trace: Buffer::collect(self.trace.into_iter()),
            start: Narrow::pack(self.start.into_iter()),
            id: Buffer::collect(self.id.into_iter()),
            resource: Narrow::pack(std::iter::repeat_n(0, rows)),
            duration: Slot::Decoded(integers(self.duration.into_iter())),
            kind: Slot::Decoded(constant(&KINDS[..1])),
            status: Slot::Decoded(constant(&STATUSES[..1])),
            message: Slot::Decoded(Column::EMPTY),
            parent: Slot::Decoded(integers(self.parent.into_iter())),
            scope: zeros(),
            flags: zeros(),
            rest: Slot::Decoded(Column::EMPTY),
            attributes,
        }
    }
}

fn integers(values: impl ExactSizeIterator<Item = i64> + Clone) -> Column {
    Column { values: Values::Integers(Integers::pack(values)), present: None }
}

fn text(text: &str) -> Arc<Dictionary> {
    let mut builder = DictionaryBuilder::default();
    builder.intern(Type::Text, text);
    Arc::new(builder.finish())
}

/// Steele, Lea and Flood's splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
