//! Rule sets that are swapped while two threads evaluate them leave nothing behind: no byte on the
//! heap, no page of code, no memory of the process; and at no time may a page be written and run.
//!
//! `BETRACE_SWAPS=10000` asks for the long form.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use betrace_fuzz::segment::Draft;
use betrace_fuzz::{Bytes, module};
use compiler::{Jit, JitOptions};
use ir::module::AtomId;
use ir::{Engine, Interpreter, Mask, Module, Segment};

/// Swaps of the short form.
const SWAPS: usize = 300;
/// Bytes that may stay after any number of swaps: buckets of tables that threads share.
const KEPT: usize = 64 << 10;
/// Bytes by which what the process has in memory may grow: the allocator keeps some for later.
const RESIDENT: usize = 1 << 20;

/// The heap, counted.
mod heap {
    #![expect(unsafe_code, reason = "an allocator has to be one")]

    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[global_allocator]
    static HEAP: Counted = Counted;
    static BYTES: AtomicUsize = AtomicUsize::new(0);

    struct Counted;

    /// Bytes that are allocated.
    pub fn bytes() -> usize {
        BYTES.load(Ordering::SeqCst)
    }

    // SAFETY: all is left to the system's allocator; counting touches no memory of it.
    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            BYTES.fetch_add(layout.size(), Ordering::SeqCst);
            // SAFETY: the caller's promises are those that the system's allocator asks for.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            BYTES.fetch_sub(layout.size(), Ordering::SeqCst);
            // SAFETY: as above; the memory came from the system's allocator.
            unsafe { System.dealloc(memory, layout) }
        }
    }
}

/// A module, a segment, and what the module says of it.
struct Case {
    module: Module,
    segment: Segment,
    expected: Vec<Mask>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut bytes = Bytes::seeded(seed);
        let draft = Draft::random(&mut bytes);
        let module = module::random(&mut bytes, &draft.values());
        let segment = draft.segment(0..draft.traces.len());
        let expected = probe(&Interpreter, &module, &segment);
        Self { module, segment, expected }
    }
}

#[test]
fn swapped_rule_sets_leave_nothing_behind() {
    let swaps = std::env::var("BETRACE_SWAPS").ok().and_then(|text| text.parse().ok());
    let swaps = swaps.unwrap_or(SWAPS);
    let cases: Vec<Case> = (0..16).map(Case::new).collect();
    swap(&cases, SWAPS / 10);
    let (heap, code, resident) = (heap::bytes(), code_pages(), resident());
    swap(&cases, swaps);
    let grown = heap::bytes().saturating_sub(heap);
    let more = self::resident().saturating_sub(resident);
    println!("{swaps} swaps left {grown} bytes on the heap, {more} more in memory");
    assert!(grown < KEPT, "{swaps} swaps left {grown} bytes");
    assert!(more < RESIDENT, "{swaps} swaps left {more} bytes in memory");
    assert_eq!(code_pages(), code, "mappings of code after {swaps} swaps");
    let kept = Jit::new(JitOptions::default()).expect("this machine runs code");
    cases.iter().for_each(|case| drop(probe(&kept, &case.module, &case.segment)));
    let seen = code_pages();
    assert!(seen.is_none() || seen > code, "kernels that are kept are seen: {seen:?}");
}

/// Replaces an engine that made code so many times under two threads that evaluate; all is dropped at the end.
fn swap(cases: &[Case], swaps: usize) {
    let engine = || Arc::new(Jit::new(JitOptions::default()).expect("this machine runs code"));
    let (current, done) = (RwLock::new(engine()), AtomicBool::new(false));
    let evaluate = |cases: &[Case]| {
        while !done.load(Ordering::Relaxed) {
            for Case { module, segment, expected } in cases {
                let engine = Arc::clone(&current.read().expect("no thread panics with the lock"));
                assert_eq!(probe(&*engine, module, segment), *expected);
            }
        }
    };
    std::thread::scope(|scope| {
        let (even, odd) = cases.split_at(cases.len() / 2);
        let threads = [even, odd].map(|half| scope.spawn(move || evaluate(half)));
        let has_panicked = || threads.iter().any(std::thread::ScopedJoinHandle::is_finished);
        for _ in 0..swaps {
            // Each makes code before it goes.
            let is_used = || current.read().expect("no thread panics with the lock").kernels() > 0;
            while !is_used() && !has_panicked() {
                std::thread::yield_now();
            }
            *current.write().expect("no thread panics with the lock") = engine();
            code_pages();
            if has_panicked() {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn probe(engine: &dyn Engine, module: &Module, segment: &Segment) -> Vec<Mask> {
    let atoms: Vec<_> = (0..module.atoms.len()).map(AtomId::new).collect();
    engine.probe(module, segment, &atoms).expect("everything is decoded")
}

/// Mappings of code that no file holds; `None` where the system does not tell. None of all may be
/// writable and executable.
fn code_pages() -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    assert_eq!(maps.lines().find(|line| line.contains("rwx")), None);
    let code = |line: &&str| line.contains(" r-xp ") && line.split_whitespace().count() == 5;
    Some(maps.lines().filter(code).count())
}

/// Bytes that the process has in memory; 0 where the system does not tell.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}
