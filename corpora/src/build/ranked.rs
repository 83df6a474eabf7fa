//! The traces of all workers in one table, ranked by time.

use super::joined::Joined;
use super::traces::{Entry, Part, Root, Texts, TraceTable};

/// Traces and their ranks; nothing is added to them.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    pub(super) entries: Vec<Entry>,
    /// Numbers of entries, by rank: ascending by start, then id.
    pub(super) order: Vec<u32>,
    /// For each worker the ranks of its traces, by its numbers.
    pub(super) of_workers: Vec<Vec<u32>>,
}

impl Ranked {
    /// Joins and ranks the traces of workers, whose names and services these are.
    pub(super) fn of(tables: Vec<TraceTable>, names: &Joined, services: &Joined) -> Self {
        let mut tables = tables.into_iter();
        let Some(mut all) = tables.next() else { return Self::default() };
        let numbers: Vec<Vec<u32>> = (1..)
            .zip(tables)
            .map(|(worker, other)| absorb(&mut all, &other, worker, names, services))
            .collect();
        let entries = all.into_entries();
        let order = order(&entries);
        let mut ranks = vec![0_u32; order.len()];
        for (rank, &number) in order.iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        let mut of_workers = Vec::with_capacity(1 + numbers.len());
        for numbers in numbers {
            of_workers.push(numbers.iter().map(|&number| ranks[number as usize]).collect());
        }
        // The first table was taken as it is, and may have grown behind its own.
        of_workers.insert(0, ranks);
        Self { entries, order, of_workers }
    }
}

/// Adds the traces of a worker; their new numbers.
fn absorb(
    all: &mut TraceTable,
    other: &TraceTable,
    worker: usize,
    names: &Joined,
    services: &Joined,
) -> Vec<u32> {
    let texts = Texts { names: &names.all, services: &services.all };
    let (names, services) = (&names.maps[worker], &services.maps[worker]);
    let numbers = other.entries().iter().enumerate().map(|(number, entry)| {
        let part = other.part(number as u32);
        let root = part.root.map(|root| Root {
            operation: names.get(root.operation),
            service: services.get_any(root.service),
            ..root
        });
        all.add(entry.id(), Part { root, ..part }, texts)
    });
    numbers.collect()
}

/// The numbers of entries, ascending by start, then id.
fn order(entries: &[Entry]) -> Vec<u32> {
    let mut order: Vec<(u64, u32)> =
        entries.iter().zip(0..).map(|(entry, number)| (entry.start, number)).collect();
    let id = |number: u32| entries[number as usize].id();
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(&id(b.1))));
    order.into_iter().map(|(_, number)| number).collect()
}
