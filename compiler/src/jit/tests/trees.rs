//! Random predicates over random columns, and their plain meaning.

use std::borrow::Cow;
use std::rc::Rc;

use ir::Mask;
use ir::module::{Comparison, Order};
use ir::segment::{Buffer, Integers, Narrow};

use super::super::operands::{Operands, numbers};
use super::super::shape::{Part, Width};
use super::Codes;
use crate::columns::Codes as Set;

/// Numbers from a seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.word() >> 11) as usize % end
    }
}

/// A column of a tree.
pub enum Column {
    Numbers(Integers),
    Doubles(Buffer<f64>),
    Bits(Mask),
}

impl Column {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Numbers(integers) => numbers(&integers.offsets, &(0..integers.offsets.len())).1,
            Self::Doubles(values) => bytemuck::cast_slice(values),
            Self::Bits(mask) => bytemuck::cast_slice(mask.words()),
        }
    }
}

/// A predicate over columns, by their number.
#[derive(Debug)]
pub enum Node {
    Runs(usize, Vec<(u64, u64)>),
    Among(usize, Coded),
    Order(usize, Comparison, f64),
    Doubles(usize, Vec<f64>),
    Against(usize, usize, Comparison),
    Present(usize),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// A set of codes with a short `Debug`.
pub struct Coded(Codes);

impl std::fmt::Debug for Coded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Set::Among(mask) = &*self.0 { write!(f, "{} codes", mask.count()) } else { Ok(()) }
    }
}

/// A predicate and its columns.
pub struct Tree {
    pub rows: usize,
    pub columns: Vec<Column>,
    pub root: Node,
}

/// What doubles are made of: every kind of edge.
const DOUBLES: [f64; 8] =
    [0.0, -0.0, 1.5, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_993.0];

impl Tree {
    /// A tree of some leaves over some rows.
    pub fn random(random: &mut Random) -> Self {
        let rows = [1, 3, 63, 64, 65, 127, 128, 200, 448][random.below(9)];
        let mut tree = Self { rows, columns: Vec::new(), root: Node::Or(Vec::new()) };
        let depth = random.below(4);
        tree.root = tree.node(random, depth);
        tree
    }

    /// A connective of this many leaves.
    pub fn wide(random: &mut Random, leaves: usize) -> Self {
        let mut tree = Self { rows: 130, columns: Vec::new(), root: Node::Or(Vec::new()) };
        let parts = (0..leaves).map(|_| tree.leaf(random)).collect();
        tree.root = Node::Or(parts);
        tree
    }

    fn node(&mut self, random: &mut Random, depth: usize) -> Node {
        let some = |tree: &mut Self, random: &mut Random| {
            let count = 2 + random.below(3);
            (0..count).map(|_| tree.node(random, depth - 1)).collect()
        };
        match if depth == 0 { 0 } else { random.below(4) } {
            0 => self.leaf(random),
            1 => Node::Not(Box::new(self.node(random, depth - 1))),
            2 => Node::And(some(self, random)),
            _ => Node::Or(some(self, random)),
        }
    }

    fn leaf(&mut self, random: &mut Random) -> Node {
        let comparison = [
            Comparison::Equal,
            Comparison::Order(Order::Less),
            Comparison::Order(Order::LessEqual),
            Comparison::Order(Order::Greater),
            Comparison::Order(Order::GreaterEqual),
        ][random.below(5)];
        match random.below(7) {
            0 | 1 => {
                let at = self.numbers(random);
                Node::Runs(at, runs(random, self.integers(at)))
            }
            2 => {
                let at = self.numbers(random);
                let len = [1 + random.below(300), 60_000][random.below(2)];
                let mut mask = Mask::empty(len);
                (0..len).filter(|_| random.below(2) == 0).for_each(|code| mask.insert(code));
                Node::Among(at, Coded(Rc::new(Set::Among(mask))))
            }
            3 => Node::Order(self.doubles(random), comparison, DOUBLES[random.below(8)]),
            4 => {
                let count = 1 + random.below(4);
                let points = (0..count).map(|_| DOUBLES[random.below(4)]).collect();
                Node::Doubles(self.doubles(random), points)
            }
            5 => {
                let left = self.numbers(random);
                let right = if random.below(2) == 0 {
                    self.near(random, left)
                } else {
                    self.numbers(random)
                };
                Node::Against(left, right, comparison)
            }
            _ => {
                let mut mask = Mask::empty(self.rows);
                (0..self.rows).filter(|_| random.below(2) == 0).for_each(|row| mask.insert(row));
                self.columns.push(Column::Bits(mask));
                Node::Present(self.columns.len() - 1)
            }
        }
    }

    /// A column of integers of any width and base.
    fn numbers(&mut self, random: &mut Random) -> usize {
        let base = [0, -3, 1 << 40, i64::MIN, i64::MAX - 300][random.below(5)];
        let most = [7, 255, 300, 65_000, 70_000, 1 << 33, u64::MAX][random.below(7)];
        let room = i64::MAX.abs_diff(base);
        let most = most.min(room);
        let edges = [0, 1, most, most / 2, most.min(130)];
        let values: Vec<i64> = (0..self.rows)
            .map(|_| match random.below(3) {
                0 => edges[random.below(5)],
                1 => random.word() % most.clamp(1, 400),
                _ => random.word() % most.max(1),
            })
            .map(|offset| base.wrapping_add_unsigned(offset))
            .collect();
        self.columns.push(Column::Numbers(Integers::pack(values.into_iter())));
        self.columns.len() - 1
    }

    /// A column of integers that are often those of another.
    fn near(&mut self, random: &mut Random, other: usize) -> usize {
        let Column::Numbers(integers) = &self.columns[other] else { return other };
        let values: Vec<i64> = (0..self.rows)
            .map(|row| integers.get(row).saturating_add(random.below(3) as i64 - 1))
            .collect();
        self.columns.push(Column::Numbers(Integers::pack(values.into_iter())));
        self.columns.len() - 1
    }

    fn doubles(&mut self, random: &mut Random) -> usize {
        let values: Vec<f64> = (0..self.rows).map(|_| DOUBLES[random.below(8)]).collect();
        self.columns.push(Column::Doubles(Buffer::collect(values.into_iter())));
        self.columns.len() - 1
    }

    fn integers(&self, at: usize) -> &Integers {
        let Column::Numbers(integers) = &self.columns[at] else { unreachable!("numbers") };
        integers
    }

    /// Whether it holds on a row.
    pub fn holds(&self, row: usize) -> bool {
        self.node_holds(&self.root, row)
    }

    fn node_holds(&self, node: &Node, row: usize) -> bool {
        let offset = |at: usize| self.integers(at).offsets.get(row);
        let double = |at: usize| match &self.columns[at] {
            Column::Doubles(values) => values[row],
            _ => unreachable!("doubles"),
        };
        match node {
            Node::Runs(at, runs) => {
                runs.iter().any(|(low, high)| (*low..=*high).contains(&offset(*at)))
            }
            Node::Among(at, Coded(codes)) => match &**codes {
                Set::Among(mask) => usize::try_from(offset(*at)).is_ok_and(|code| mask.get(code)),
                _ => unreachable!("a mask"),
            },
            Node::Order(at, comparison, constant) => compares(*comparison, double(*at), *constant),
            Node::Doubles(at, points) => points.iter().any(|point| double(*at) == *point),
            Node::Against(left, right, comparison) => {
                compares(*comparison, self.integers(*left).get(row), self.integers(*right).get(row))
            }
            Node::Present(at) => match &self.columns[*at] {
                Column::Bits(mask) => mask.get(row),
                _ => unreachable!("bits"),
            },
            Node::Not(inner) => !self.node_holds(inner, row),
            Node::And(parts) => parts.iter().all(|part| self.node_holds(part, row)),
            Node::Or(parts) => parts.iter().any(|part| self.node_holds(part, row)),
        }
    }

    /// The operands of its kernel, with columns that hold what its own hold.
    pub fn operands<'c>(&self, columns: &[&'c [u8]]) -> Operands<'c> {
        let mut operands = Operands::default();
        self.add(&self.root, columns, &mut operands);
        operands
    }

    fn add<'c>(&self, node: &Node, columns: &[&'c [u8]], to: &mut Operands<'c>) {
        let width = |at: usize| Width::of(&self.integers(at).offsets);
        match node {
            Node::Runs(at, runs) => to.runs((width(*at), columns[*at]), runs),
            Node::Among(at, Coded(codes)) => assert!(to.set((width(*at), columns[*at]), codes)),
            Node::Order(at, comparison, constant) => to.order(columns[*at], *comparison, *constant),
            Node::Doubles(at, points) => to.doubles(columns[*at], points),
            Node::Against(left, right, comparison) => {
                let side = |at: usize| (self.integers(at), width(at), columns[at]);
                to.against(side(*left), side(*right), *comparison);
            }
            Node::Present(at) => to.present(Cow::Borrowed(columns[*at])),
            Node::Not(inner) => {
                self.add(inner, columns, to);
                to.connective(Part::Not);
            }
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|part| self.add(part, columns, to));
                let count = parts.len() as u16;
                let all = matches!(node, Node::And(_));
                to.connective(if all { Part::And(count) } else { Part::Or(count) });
            }
        }
    }
}

fn compares<T: PartialOrd>(comparison: Comparison, left: T, right: T) -> bool {
    match comparison {
        Comparison::Order(Order::Less) => left < right,
        Comparison::Order(Order::LessEqual) => left <= right,
        Comparison::Order(Order::Greater) => left > right,
        Comparison::Order(Order::GreaterEqual) => left >= right,
        Comparison::Equal | Comparison::NotEqual => left == right,
    }
}

/// Ascending ranges of offsets of a column, some of them one number, none of them all.
fn runs(random: &mut Random, integers: &Integers) -> Vec<(u64, u64)> {
    let most = match &integers.offsets {
        Narrow::U8(_) => 255,
        Narrow::U16(_) => 65_535,
        Narrow::U32(_) => u64::from(u32::MAX),
        Narrow::U64(_) => u64::MAX,
    };
    let count = 1 + random.below(3);
    let mut ends: Vec<u64> = (0..2 * count)
        .map(|_| match random.below(4) {
            0 => most,
            1 => random.word() % most.min(400),
            2 => integers.offsets.get(random.below(integers.offsets.len())),
            _ => random.word() % most,
        })
        .collect();
    ends.sort_unstable();
    let mut runs: Vec<(u64, u64)> = ends.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    if runs == [(0, most)] {
        runs = vec![(1, most)];
    }
    runs.iter_mut().filter(|run| **run == (0, most)).for_each(|run| run.0 = 1);
    runs
}
