//! Spans as plain data, the schema of the tests, and random lists of spans full of collisions.

use std::sync::Arc;

use betrace_corpora::build::{Builder, SpanRecord};
use ir::module::{
    Atom, Clause, Field, FieldId, Formula, FormulaId, Module, Operation, OperationId, Predicate,
    PredicateId, Rule, SetId, Severity, SpanSet, Test,
};
use ir::{Schema, Value};

pub type Attributes = Vec<(String, Value)>;

/// A span with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace_id: u128,
    pub span_id: u64,
    pub parent_id: u64,
    pub name: String,
    pub kind: u8,
    pub status: u8,
    pub message: String,
    pub start: u64,
    pub end: u64,
    pub flags: u32,
    pub resource: Attributes,
    pub scope: (String, String),
    pub attributes: Attributes,
}

impl Span {
    pub fn new(trace_id: u128, span_id: u64, name: &str, start: u64, end: u64) -> Self {
        Self {
            trace_id,
            span_id,
            parent_id: 0,
            name: name.to_owned(),
            kind: 1,
            status: 0,
            message: String::new(),
            start,
            end,
            flags: 0,
            resource: Vec::new(),
            scope: (String::new(), String::new()),
            attributes: Vec::new(),
        }
    }

    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.attributes.push((key.to_owned(), value));
        self
    }

    /// Adds it to a builder.
    pub fn add_to(&self, builder: &mut Builder) {
        let record = SpanRecord {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            name: &self.name,
            kind: self.kind,
            status: self.status,
            message: &self.message,
            start: self.start,
            end: self.end,
            flags: self.flags,
            resource: builder.resource(pairs(&self.resource), ""),
            scope: builder.scope(&self.scope.0, &self.scope.1, ""),
            rest: "",
        };
        builder.span(&record, pairs(&self.attributes));
    }
}

/// Attributes as builders and look-ups take them.
pub fn pairs(
    attributes: &Attributes,
) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator + Clone {
    attributes.iter().map(|(key, value)| (key.as_str(), value))
}

/// Rules that read `n`, `a.b` and the status message of `pay`; `r` and the resource's `zone` of
/// `refund`; `n` of `GET *`; and `ctx` and `note` as context.
pub fn schema() -> Schema {
    let mut module = Module::default();
    let reads: [(Operation, &[Field]); 3] = [
        (
            Operation::Named("pay".into()),
            &[Field::Span("n".into()), Field::Any("a.b".into()), Field::StatusMessage],
        ),
        (
            Operation::Named("refund".into()),
            &[Field::Any("r".into()), Field::Resource("zone".into())],
        ),
        (Operation::Wildcard(["GET ".into(), "".into()].into()), &[Field::Span("n".into())]),
    ];
    for (operation, fields) in reads {
        module.operations.push(operation);
        for field in fields {
            let field = add_field(&mut module, field.clone());
            module.predicates.push(Predicate::Test(field, Test::Exists));
            let operation = OperationId::new(module.operations.len() - 1);
            let predicate = PredicateId::new(module.predicates.len() - 1);
            module.sets.push(SpanSet { operation, predicate });
            module.atoms.push(Atom::Has(SetId::new(module.sets.len() - 1)));
        }
    }
    module.formulas.push(Formula::Const(true));
    let context = [Field::Any("ctx".into()), Field::Span("note".into())]
        .map(|field| ("value".into(), add_field(&mut module, field)));
    module.rules.push(Rule {
        id: "rule".into(),
        severity: Severity::Info,
        hash: "".into(),
        signal_type: None,
        message: "".into(),
        when: None,
        always: vec![Clause { formula: FormulaId::new(0), text: "true".into() }],
        never: Vec::new(),
        operations: Vec::new(),
        context: context.to_vec(),
    });
    Schema::of(&module)
}

fn add_field(module: &mut Module, field: Field) -> FieldId {
    module.fields.push(field);
    FieldId::new(module.fields.len() - 1)
}

/// Builders for a run of `count` workers.
pub fn builders(schema: &Arc<Schema>, count: usize) -> Vec<Builder> {
    (0..count).map(|_| Builder::new(Arc::clone(schema))).collect()
}

/// A small generator of random numbers (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A span from ranges so small that ids, times and whole spans often collide.
    pub fn span(&mut self, traces: u64) -> Span {
        const TIMES: [u64; 7] = [0, 1, 5, 1_000, 1 << 40, u64::MAX - 1, u64::MAX];
        let names = ["pay", "refund", "GET /a", "GET /b", "other", "unheard of"];
        let name = *self.pick(&names);
        let trace_id = u128::from(self.below(traces)) << 64 | 7;
        let id = self.below(6);
        let mut span = Span::new(trace_id, id, name, *self.pick(&TIMES), *self.pick(&TIMES));
        span.parent_id = self.below(3);
        span.kind = self.below(8) as u8;
        span.status = self.below(4) as u8;
        span.message = (*self.pick(&["", "a", "b"])).to_owned();
        span.flags = self.below(3) as u32;
        span.scope = ((*self.pick(&["", "lib", "other"])).to_owned(), "1".to_owned());
        span.resource = self.attributes(&["zone", "r", "ctx", "a", "service.name", "host"], 8);
        span.attributes = self.attributes(&["n", "a.b", "a", "r", "ctx", "note", "unread"], 4);
        span
    }

    /// Each key once in `rarity` draws, of any type, now and then twice.
    fn attributes(&mut self, keys: &[&str], rarity: u64) -> Attributes {
        let mut attributes = Vec::new();
        for _ in 0..2 {
            for key in keys {
                if self.below(rarity) == 0 {
                    attributes.push(((*key).to_owned(), self.value()));
                }
            }
        }
        attributes
    }

    fn value(&mut self) -> Value {
        let map = |value| Value::Map(vec![("b".to_owned(), value)]);
        match self.below(14) {
            0 => Value::Empty,
            1 | 2 => Value::Text((*self.pick(&["", "5", "x", "NaN"])).to_owned()),
            3 => Value::Bool(self.below(2) == 0),
            4..=7 => Value::Int(*self.pick(&[5, -1, i64::MIN, i64::MAX])),
            8 | 9 => Value::Float(*self.pick(&[5.0, 0.0, -0.0, 0.1, f64::NAN, f64::INFINITY])),
            10 => Value::Bytes(vec![1, 2]),
            11 => Value::List(vec![Value::Int(1), Value::Empty]),
            12 => map(Value::Int(self.below(3) as i64)),
            _ => map(Value::Empty),
        }
    }
}
