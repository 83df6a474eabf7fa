//! Predicates over the rows of one operation: algebra of row masks over decided tests.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;
use ir::module::{FieldId, Module, Predicate, PredicateId, Test};
use ir::segment::{Column, Dictionary, Fault, Narrow, Values};
use ir::{Mask, Segment};

use super::against;
use super::decide::{Codes, Decided};
use super::fuse::Fuse;
use super::rows::Rows;
use super::runs::LastRuns;
use super::settle::{Leaf, Settled};
use super::source::{Source, Sources};

/// Bytes of row masks of shared predicates that are kept while one operation is asked.
const SHARED_BYTES: usize = 32 << 20;
/// Bytes of sets of codes that are kept during one call.
const DECIDED_BYTES: usize = 32 << 20;

/// Evaluates the predicates of a module over a segment, during one call.
pub struct Evaluator<'a> {
    /// The module.
    pub module: &'a Module,
    /// The segment.
    pub segment: &'a Segment,
    /// Its fields.
    pub sources: Sources<'a>,
    /// The runs of the operation that was asked last.
    pub runs: LastRuns<'a>,
    /// What is asked before the loops are.
    fuse: Option<&'a dyn Fuse>,
    /// The predicate being worked on.
    pub root: PredicateId,
    /// Whether `fuse` gave up on it and left the rest of it to the loops.
    pub loops: bool,
    uses: Vec<u32>,
    shared: HashMap<(usize, PredicateId), Rows>,
    shared_bytes: usize,
    tests: HashMap<*const Test, Rc<Decided<'a>>>,
    /// By the address of the dictionary or of the resources' column, and of the test.
    codes: HashMap<(*const (), *const Test), Rc<Codes>>,
    codes_bytes: usize,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that knows nothing yet.
    pub fn new(module: &'a Module, segment: &'a Segment, fuse: Option<&'a dyn Fuse>) -> Self {
        Self {
            module,
            segment,
            runs: LastRuns::default(),
            fuse,
            root: PredicateId::new(0),
            loops: false,
            sources: Sources(segment),
            uses: uses(module),
            shared: HashMap::new(),
            shared_bytes: 0,
            tests: HashMap::new(),
            codes: HashMap::new(),
            codes_bytes: 0,
        }
    }

    /// Forgets the row masks of the operation asked so far.
    pub fn forget_rows(&mut self) {
        self.shared.clear();
        self.shared_bytes = 0;
    }

    /// The rows of `operation` that satisfy a predicate. The walk over its parts keeps its own
    /// stack, so that deep predicates need little of the thread's.
    ///
    /// # Errors
    /// A fault where the segment was not made to hold a field that is read.
    pub fn rows(&mut self, operation: usize, id: PredicateId) -> Result<Rows, Fault> {
        if self.segment.operations[operation].rows.is_empty() {
            return Ok(Rows::None);
        }
        (self.root, self.loops) = (id, false);
        if let Some(fuse) = self.fuse
            && !self.shared.contains_key(&(operation, id))
            && let (rows, rest) = fuse.fuse(self, operation, &[id], true)?
            && rest.is_empty()
        {
            return Ok(self.share(operation, id, rows));
        }
        let mut open: Vec<Open> = Vec::new();
        let mut asked = Some((id, Rows::All));
        let mut answer = Rows::None;
        loop {
            if let Some((id, alive)) = asked.take() {
                match self.enter(operation, id, alive)? {
                    Entered::Answer(rows) => answer = rows,
                    Entered::Open(entered) => open.push(entered),
                }
            }
            let Some(top) = open.last_mut() else { return Ok(answer) };
            let predicate = &self.module.predicates[top.id.index()];
            top.absorb(predicate, std::mem::replace(&mut answer, Rows::None));
            asked = top.next(predicate);
            if asked.is_none()
                && let Some(Open { id, wanted, rows, .. }) = open.pop()
            {
                answer = self.share(operation, id, rows).and(&wanted);
            }
        }
    }

    /// Answers what has no parts; opens the rest. What several parents share is worked out for all
    /// rows, once.
    fn enter(&mut self, operation: usize, id: PredicateId, alive: Rows) -> Result<Entered, Fault> {
        let module = self.module;
        let predicate = &module.predicates[id.index()];
        if alive.is_none() || *predicate == Predicate::Const(false) {
            return Ok(Entered::Answer(Rows::None));
        }
        if *predicate == Predicate::Const(true) {
            return Ok(Entered::Answer(alive));
        }
        if let Some(rows) = self.shared.get(&(operation, id)) {
            return Ok(Entered::Answer(rows.clone().and(&alive)));
        }
        let (left, wanted) =
            if self.uses[id.index()] < 2 { (alive, Rows::All) } else { (Rows::All, alive) };
        if let Predicate::Test(field, test) = predicate {
            let rows = self.leaf(operation, *field, test, &left)?;
            return Ok(Entered::Answer(self.share(operation, id, rows).and(&wanted)));
        }
        let mut entered = Open { id, wanted, left, rows: Rows::None, parts: Vec::new(), asked: 0 };
        entered.parts = match predicate {
            Predicate::Not(inner) => vec![*inner],
            Predicate::And(parts) | Predicate::Or(parts) => match self.fuse {
                None => parts.to_vec(),
                Some(fuse) => {
                    let all = matches!(predicate, Predicate::And(_));
                    let (rows, rest) = fuse.fuse(self, operation, parts, all)?;
                    entered.answered(predicate, rows);
                    rest
                }
            },
            Predicate::Const(_) | Predicate::Test(..) => Vec::new(),
        };
        Ok(Entered::Open(entered))
    }

    /// Whether several sets or predicates refer to a predicate.
    pub fn is_shared(&self, id: PredicateId) -> bool {
        self.uses[id.index()] > 1
    }

    /// Keeps the rows of a predicate that has several parents, as long as there is room.
    fn share(&mut self, operation: usize, id: PredicateId, rows: Rows) -> Rows {
        let bytes = size_of::<((usize, PredicateId), Rows)>() + rows.bytes();
        if self.uses[id.index()] > 1 && self.shared_bytes + bytes <= SHARED_BYTES {
            self.shared_bytes += bytes;
            self.shared.insert((operation, id), rows.clone());
        }
        rows
    }

    fn leaf(
        &mut self,
        operation: usize,
        field: FieldId,
        test: &'a Test,
        alive: &Rows,
    ) -> Result<Rows, Fault> {
        let find =
            |field: FieldId| self.sources.find(operation, &self.module.fields[field.index()]);
        let source = find(field)?;
        let other = test.other_field().map(find).transpose()?;
        let range = self.segment.operations[operation].rows.clone();
        Ok(match other {
            None => self.test(&source, range, test, alive),
            Some(other) => against::field((&source, &other), &range, test, alive),
        })
    }

    fn test(
        &mut self,
        source: &Source<'a>,
        range: Range<usize>,
        test: &'a Test,
        alive: &Rows,
    ) -> Rows {
        match *source {
            Source::Constant(datum) if test.passes(datum, None) => alive.clone(),
            Source::Constant(_) => Rows::None,
            Source::Column(column) => self.column(column, range, test, alive),
            Source::Resource(resource, numbers) => {
                let codes = self.resource(resource, test);
                among(numbers, &codes, &range).and(alive)
            }
            Source::Either(own, resource, numbers) => {
                let found = self.column(own, range.clone(), test, alive);
                let left = alive.clone().minus(&present(own, &range));
                if left.is_none() {
                    return found;
                }
                let codes = self.resource(resource, test);
                found.or(&among(numbers, &codes, &range).and(&left))
            }
        }
    }

    /// The rows among `alive` whose value in `column` passes a test that reads no other field.
    pub fn column(
        &mut self,
        column: &Column,
        range: Range<usize>,
        test: &'a Test,
        alive: &Rows,
    ) -> Rows {
        let alive = present(column, &range).and(alive);
        if alive.is_none() || matches!(test, Test::Exists) {
            return alive;
        }
        match self.settle(column, test, alive.count(range.len())) {
            Settled::None => Rows::None,
            Settled::All => alive,
            Settled::Leaf(Leaf::Integers(integers, points)) => {
                Rows::each(&alive, range.len(), |row| {
                    points.binary_search(&integers.get(range.start + row)).is_ok()
                })
            }
            Settled::Leaf(leaf) => leaf.rows(&range).and(&alive),
            Settled::Each => {
                let decided = self.decided(test);
                Rows::each(&alive, range.len(), |row| {
                    let value = column.get(range.start + row);
                    value.is_some_and(|value| decided.passes(test, value))
                })
            }
        }
    }

    /// The codes of a dictionary that pass, unless they are asked for too `seldom` to be found out.
    pub fn dictionary(
        &mut self,
        dictionary: &Arc<Dictionary>,
        test: &'a Test,
        seldom: bool,
    ) -> Option<Rc<Codes>> {
        let key = (Arc::as_ptr(dictionary).cast(), std::ptr::from_ref(test));
        if let Some(codes) = self.codes.get(&key) {
            return Some(Rc::clone(codes));
        }
        if seldom {
            return None;
        }
        let codes = self.decided(test).entries.codes(dictionary);
        Some(self.keep(key, codes))
    }

    /// The numbers of the resources that pass.
    pub fn resource(&mut self, column: &'a Column, test: &'a Test) -> Rc<Codes> {
        let key = (std::ptr::from_ref(column).cast(), std::ptr::from_ref(test));
        if let Some(codes) = self.codes.get(&key) {
            return Rc::clone(codes);
        }
        let len = match &column.values {
            Values::Empty => 0,
            Values::Integers(integers) => integers.offsets.len(),
            Values::Floats(floats) => floats.len(),
            Values::Codes(codes, _) => codes.len(),
        };
        let codes = match self.column(column, 0..len, test, &Rows::All) {
            Rows::None => Codes::None,
            Rows::All => Codes::All,
            Rows::Some(mask) => Codes::of(mask),
        };
        self.keep(key, codes)
    }

    fn keep(&mut self, key: (*const (), *const Test), codes: Codes) -> Rc<Codes> {
        let bytes = if let Codes::Among(mask) = &codes { mask_bytes(mask) } else { 0 };
        if self.codes_bytes + bytes > DECIDED_BYTES {
            self.codes.clear();
            self.codes_bytes = 0;
        }
        self.codes_bytes += bytes;
        let codes = Rc::new(codes);
        self.codes.insert(key, Rc::clone(&codes));
        codes
    }

    pub fn decided(&mut self, test: &'a Test) -> Rc<Decided<'a>> {
        let decided = self.tests.entry(test).or_insert_with(|| Rc::new(Decided::new(test)));
        Rc::clone(decided)
    }
}

/// What asking a predicate comes to.
enum Entered {
    /// It has no parts to be asked.
    Answer(Rows),
    /// Its parts come next.
    Open(Open),
}

/// A connective some of whose parts are answered.
struct Open {
    id: PredicateId,
    /// The rows that its parent asks about.
    wanted: Rows,
    /// The rows on which the parts to come decide.
    left: Rows,
    /// The rows that are known to satisfy it.
    rows: Rows,
    /// The parts that were not answered at once.
    parts: Vec<PredicateId>,
    /// How many of these were asked.
    asked: usize,
}

impl Open {
    /// Takes the answer of the part that was asked last, if one was.
    fn absorb(&mut self, predicate: &Predicate, answer: Rows) {
        if self.asked > 0 {
            self.answered(predicate, answer);
        }
    }

    /// Takes the answer of some parts.
    fn answered(&mut self, predicate: &Predicate, answer: Rows) {
        match predicate {
            Predicate::And(_) => self.left = take(&mut self.left).and(&answer),
            Predicate::Or(_) => {
                let answer = answer.and(&self.left);
                self.left = take(&mut self.left).minus(&answer);
                self.rows = take(&mut self.rows).or(&answer);
            }
            _ => self.rows = take(&mut self.left).minus(&answer),
        }
    }

    /// The part to ask next, and about which rows.
    fn next(&mut self, predicate: &Predicate) -> Option<(PredicateId, Rows)> {
        match self.parts.get(self.asked) {
            Some(&part) if !self.left.is_none() => {
                self.asked += 1;
                Some((part, self.left.clone()))
            }
            _ => {
                if let Predicate::And(_) = predicate {
                    self.rows = take(&mut self.left);
                }
                None
            }
        }
    }
}

fn take(rows: &mut Rows) -> Rows {
    std::mem::replace(rows, Rows::None)
}

/// The rows that have a value in `column`.
pub fn present(column: &Column, range: &Range<usize>) -> Rows {
    match (&column.values, &column.present) {
        (Values::Empty, _) => Rows::None,
        (_, None) => Rows::All,
        (_, Some(present)) => Rows::window(present, range),
    }
}

fn among(numbers: &Narrow, wanted: &Rc<Codes>, range: &Range<usize>) -> Rows {
    match Settled::among(numbers, wanted) {
        Settled::Leaf(leaf) => leaf.rows(range),
        Settled::All => Rows::All,
        Settled::None | Settled::Each => Rows::None,
    }
}

/// How many sets and predicates refer to each predicate.
fn uses(module: &Module) -> Vec<u32> {
    let mut uses = vec![0_u32; module.predicates.len()];
    let mut refer = |id: &PredicateId| uses[id.index()] = uses[id.index()].saturating_add(1);
    module.sets.iter().for_each(|set| refer(&set.predicate));
    for predicate in &module.predicates {
        match predicate {
            Predicate::Const(_) | Predicate::Test(..) => {}
            Predicate::Not(inner) => refer(inner),
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(&mut refer),
        }
    }
    uses
}

fn mask_bytes(mask: &Mask) -> usize {
    size_of_val(mask.words())
}
