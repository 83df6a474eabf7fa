//! The rules of one scope over the traces of a segment that can violate them, 512 at a time.
//!
//! A block of every formula is worked out at a time, children before parents, whichever rules
//! share it; so no mask is kept but those of the atoms, and of each of these a cache line is read at
//! a time. With many rules, fetching masks is what takes time: word by word takes 1.5 times as long.

use std::borrow::Cow;
use std::ops::Range;

use ir::Mask;

use super::{Tally, Truth};
use crate::plan::{Scope, ScopedRule, Step};

/// Words that are worked out at a time: a cache line of each mask.
const WORDS: usize = 8;

/// Some words of a mask.
pub(super) type Block = [u64; WORDS];

/// See the module's text. Traces are meant by their rank among those of the part.
pub(super) struct Part<'a> {
    pub(super) scope: &'a Scope,
    /// The masks of the scope's atoms.
    atoms: Vec<Cow<'a, Mask>>,
    /// The traces that count.
    judged: Cow<'a, Mask>,
    places: Option<Places<'a>>,
    /// The words of masks that are left to do.
    left: Range<usize>,
    /// The block of every step.
    blocks: Vec<Block>,
    /// By rule of the scope; of `exercised` nothing is known here.
    pub(super) tallies: Vec<Tally>,
    /// Rules with violations in the block.
    violated: Vec<(usize, Block)>,
    /// First word of the block, the number in it of the one that is looked at, and those left.
    at: usize,
    word: usize,
    words: Range<usize>,
    /// Rules with violations in that word.
    in_word: Vec<(usize, u64)>,
    /// The bits of its traces that are not visited yet.
    unvisited: u64,
    /// The trace that is visited, with its bit.
    trace: usize,
    bit: u32,
    /// The rules that it violates, and which comes next.
    rules: Vec<usize>,
    next: usize,
}

/// The traces that have ranks; asked in ascending order.
pub(super) struct Places<'a> {
    words: &'a [u64],
    at: usize,
    /// Traces in the words before.
    before: usize,
}

impl<'a> Places<'a> {
    pub(super) fn new(traces: &'a Mask) -> Self {
        Self { words: traces.words(), at: 0, before: 0 }
    }

    #[inline(always)]
    fn trace(&mut self, rank: usize) -> usize {
        loop {
            let mut word = self.words[self.at];
            let behind = self.before + word.count_ones() as usize;
            if rank < behind {
                (self.before..rank).for_each(|_| word &= word - 1);
                return self.at * 64 + word.trailing_zeros() as usize;
            }
            (self.at, self.before) = (self.at + 1, behind);
        }
    }
}

impl<'a> Part<'a> {
    /// Over traces with ranks in a range; without `places` ranks are the traces themselves.
    pub(super) fn new(
        scope: &'a Scope,
        atoms: Vec<Cow<'a, Mask>>,
        judged: Cow<'a, Mask>,
        places: Option<Places<'a>>,
        ranks: &Range<usize>,
    ) -> Self {
        Self {
            scope,
            atoms,
            judged,
            places,
            left: ranks.start / 64..ranks.end.div_ceil(64),
            blocks: vec![[0; WORDS]; scope.steps.len()],
            tallies: vec![Tally::default(); scope.rules.len()],
            violated: Vec::new(),
            at: 0,
            word: 0,
            words: 0..0,
            in_word: Vec::new(),
            unvisited: 0,
            trace: 0,
            bit: 0,
            rules: Vec::new(),
            next: 0,
        }
    }

    /// Trace and rule of the next violation.
    pub(super) fn head(&self) -> Option<(usize, usize)> {
        self.rules.get(self.next).map(|&rule| (self.trace, rule))
    }

    /// What holds on the trace of the next violation.
    pub(super) fn truth(&self) -> Truth<'_> {
        let Self { scope, blocks, word, bit, .. } = self;
        Truth { positions: &scope.positions, blocks, word: *word, bit: *bit }
    }

    /// Goes on behind the next violation.
    pub(super) fn pass(&mut self) {
        self.next += 1;
        if self.next >= self.rules.len() {
            self.advance();
        }
    }

    /// Goes on to the next trace with violations.
    pub(super) fn advance(&mut self) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            #[expect(unsafe_code, reason = "only here is it known what the machine can do")]
            // SAFETY: it has been asked for both features that the function needs.
            return unsafe { self.wide_advance() };
        }
        self.portable_advance();
    }

    /// [`Self::portable_advance`], where there are vectors of 256 bits and an instruction that counts bits: a
    /// third of the instructions.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,popcnt")]
    fn wide_advance(&mut self) {
        self.portable_advance();
    }

    #[inline(always)]
    fn portable_advance(&mut self) {
        self.rules.clear();
        self.next = 0;
        while self.unvisited == 0 {
            let Some(word) = self.words.next() else {
                if self.next_block() {
                    continue;
                }
                return;
            };
            self.word = word;
            let own = self.violated.iter().map(|(rule, violated)| (*rule, violated[word]));
            self.in_word.clear();
            self.in_word.extend(own.filter(|(_, violated)| *violated != 0));
            self.unvisited = self.in_word.iter().fold(0, |all, (_, own)| all | own);
        }
        let bit = self.unvisited.trailing_zeros();
        self.unvisited &= self.unvisited - 1;
        let rank = (self.at + self.word) * 64 + bit as usize;
        self.bit = bit;
        self.trace = self.places.as_mut().map_or(rank, |places| places.trace(rank));
        let rules = self.in_word.iter().filter(|(_, own)| own >> bit & 1 == 1);
        self.rules.extend(rules.map(|(rule, _)| *rule));
    }

    /// Goes before the first word of the next block with violations; false where there is none.
    #[inline(always)]
    fn next_block(&mut self) -> bool {
        self.violated.clear();
        while self.violated.is_empty() {
            if self.left.is_empty() {
                return false;
            }
            self.at = self.left.start;
            self.left.start += WORDS;
            self.step(self.at);
        }
        self.words = 0..WORDS;
        true
    }

    /// Works out the block of words from `at` on. Of formulas, bits that stand for no trace may come
    /// out set.
    #[inline(always)]
    fn step(&mut self, at: usize) {
        let blocks = &mut self.blocks;
        for (number, step) in self.scope.steps.iter().enumerate() {
            blocks[number] = match step {
                Step::Const(always) => [u64::from(*always).wrapping_neg(); WORDS],
                Step::Atom(atom) => block_at(self.atoms[*atom].words(), at),
                Step::Not(inner) => not(&blocks[*inner]),
                Step::And(parts) => {
                    let mut all = [!0; WORDS];
                    parts.iter().for_each(|part| and(&mut all, &blocks[*part]));
                    all
                }
                Step::Or(parts) => {
                    let mut all = [0; WORDS];
                    parts.iter().for_each(|part| or(&mut all, &blocks[*part]));
                    all
                }
            };
        }
        let judged = block_at(self.judged.words(), at);
        self.violated.clear();
        for (rule, tally) in self.scope.rules.iter().zip(&mut self.tallies) {
            let mut applied = judged;
            rule.when.iter().for_each(|when| and(&mut applied, &blocks[*when]));
            tally.applied += count(&applied);
            let mut violated = offended(rule, blocks);
            and(&mut violated, &applied);
            if violated != [0; WORDS] {
                tally.violated += count(&violated);
                self.violated.push((rule.number, violated));
            }
        }
    }
}

/// The traces of a block on which some `always` does not hold or some `never` does.
#[inline(always)]
fn offended(rule: &ScopedRule, blocks: &[Block]) -> Block {
    let mut offended = [0; WORDS];
    rule.always.iter().for_each(|clause| or(&mut offended, &not(&blocks[*clause])));
    rule.never.iter().for_each(|clause| or(&mut offended, &blocks[*clause]));
    offended
}

/// The words from `at` on; zeros behind the end, which comes sooner where a segment is damaged.
#[inline(always)]
fn block_at(words: &[u64], at: usize) -> Block {
    let words = words.get(at..).unwrap_or_default();
    words.first_chunk().copied().unwrap_or_else(|| {
        let mut block = [0; WORDS];
        block[..words.len()].copy_from_slice(words);
        block
    })
}

#[inline(always)]
fn and(all: &mut Block, part: &Block) {
    for word in 0..WORDS {
        all[word] &= part[word];
    }
}

#[inline(always)]
fn or(all: &mut Block, part: &Block) {
    for word in 0..WORDS {
        all[word] |= part[word];
    }
}

#[inline(always)]
fn not(block: &Block) -> Block {
    let mut all = *block;
    for word in &mut all {
        *word = !*word;
    }
    all
}

#[inline(always)]
fn count(block: &Block) -> u64 {
    let mut count = 0;
    for word in block {
        count += u64::from(word.count_ones());
    }
    count
}
