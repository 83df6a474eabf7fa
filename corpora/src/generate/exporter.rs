//! From spans to lines: every pod gathers spans of many traces and sends them as one batch, which is one line.
//! A share of the spans is held back and arrives minutes late, in a later line; a few are sent twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::clock::MINUTE;
use super::random::Random;
use super::service::{LINE_TAIL, PODS, line_head};
use super::span::put;

/// Where lines go: the moment a line is written, nanoseconds since 1970, and its bytes with the newline.
pub(super) type Sink<'s> = dyn FnMut(u64, &[u8]) -> io::Result<()> + 's;

/// A pod sends what it has after this time, however little it is.
const PATIENCE: u64 = 5 * MINUTE;
/// A batch is full at a number of spans drawn from this range.
const BATCH: (u64, u64) = (48, 112);
/// How long a late span is held back.
const LATENESS: (u64, u64) = (2 * MINUTE, 45 * MINUTE);
/// Of 10,000 spans, how many come late, and how many come twice.
const LATE: u64 = 100;
const TWICE: u64 = 3;

/// The pods' batches and the spans held back.
pub(super) struct Exporter {
    pods: Vec<Pod>,
    held: BinaryHeap<Reverse<Held>>,
    random: Random,
    now: u64,
    /// What has been written so far.
    pub(super) written: Written,
}

/// Counts of what an exporter wrote.
#[derive(Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) late: u64,
    pub(super) duplicates: u64,
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// The line that a pod is gathering.
struct Pod {
    line: Vec<u8>,
    head: usize,
    spans: u64,
    limit: u64,
    opened: u64,
}

/// A span that waits: when it is due, the number that orders those due at once, its pod, its bytes.
type Held = (u64, u64, usize, Box<[u8]>);

impl Exporter {
    /// An exporter with empty batches.
    pub(super) fn new(mut random: Random) -> Self {
        let pods = (0..PODS)
            .map(|pod| {
                let line = line_head(pod);
                let limit = random.between(BATCH.0, BATCH.1);
                Pod { head: line.len(), line, spans: 0, limit, opened: 0 }
            })
            .collect();
        Self { pods, held: BinaryHeap::new(), random, now: 0, written: Written::default() }
    }

    /// Lets time pass: spans that are due join their pods' batches; batches that are full or old are sent.
    pub(super) fn advance(&mut self, now: u64, sink: &mut Sink<'_>) -> io::Result<()> {
        self.now = now;
        while self.held.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            self.release();
        }
        for pod in 0..self.pods.len() {
            let Pod { spans, limit, opened, .. } = self.pods[pod];
            if spans >= limit || spans > 0 && opened + PATIENCE <= now {
                self.send(pod, sink)?;
            }
        }
        Ok(())
    }

    /// Gives a pod a span, which `write` appends with a comma after it.
    pub(super) fn export(&mut self, pod: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let fate = self.random.below(10_000);
        let from = self.pods[pod].line.len();
        write(&mut self.pods[pod].line);
        if fate < LATE {
            self.hold(pod, from);
            self.pods[pod].line.truncate(from);
            self.written.late += 1;
            return;
        }
        if fate < LATE + TWICE {
            self.hold(pod, from);
            self.written.duplicates += 1;
        }
        self.count_in(pod);
    }

    /// Sends everything, first what is held back in the order in which it is due.
    pub(super) fn close(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        while let Some(Reverse((due, ..))) = self.held.peek() {
            let due = *due;
            self.advance(due, sink)?;
        }
        (0..self.pods.len()).try_for_each(|pod| self.send(pod, sink))
    }

    /// Copies the span that begins at `from` in a pod's line to those held back.
    fn hold(&mut self, pod: usize, from: usize) {
        let due = self.now + self.random.between(LATENESS.0, LATENESS.1);
        let order = self.written.late + self.written.duplicates;
        self.held.push(Reverse((due, order, pod, self.pods[pod].line[from..].into())));
    }

    fn release(&mut self) {
        if let Some(Reverse((_, _, pod, span))) = self.held.pop() {
            self.pods[pod].line.extend_from_slice(&span);
            self.count_in(pod);
        }
    }

    /// Counts the span just appended to a pod's line.
    fn count_in(&mut self, pod: usize) {
        let pod = &mut self.pods[pod];
        if pod.spans == 0 {
            pod.opened = self.now;
        }
        pod.spans += 1;
    }

    fn send(&mut self, pod: usize, sink: &mut Sink<'_>) -> io::Result<()> {
        let pod = &mut self.pods[pod];
        if pod.spans == 0 {
            return Ok(());
        }
        pod.line.pop();
        put(&mut pod.line, LINE_TAIL);
        sink(self.now, &pod.line)?;
        self.written.lines += 1;
        self.written.bytes += pod.line.len() as u64;
        pod.line.truncate(pod.head);
        pod.spans = 0;
        pod.limit = self.random.between(BATCH.0, BATCH.1);
        Ok(())
    }
}
