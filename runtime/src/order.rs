//! Puts the results of parallel work back in order, with few of them waiting at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many parts of results wait for the receiver at most, whatever the number of workers.
const WAITING_LIMIT: usize = 16;
/// With so many it is woken, if nobody waits for it or hurries: waking takes a worker's core from it.
const WAKING: usize = WAITING_LIMIT / 2;

/// Hands out job numbers `0, 1, …` to workers and their results, in that order, to one receiver.
/// A result comes in parts.
pub(crate) struct InOrder<T> {
    state: Mutex<State<T>>,
    /// Workers wait here for room, or for jobs.
    room: Condvar,
    /// The receiver waits here.
    results: Condvar,
    window: usize,
}

struct State<T> {
    /// Jobs handed out.
    taken: usize,
    /// Jobs whose results have been received whole.
    received: usize,
    /// Number of jobs, once known.
    end: Option<usize>,
    /// Of jobs begun and not received whole.
    results: BTreeMap<usize, Parts<T>>,
    /// Parts in `results`.
    waiting: usize,
    /// Workers that wait for room, and whether the receiver waits: waking nobody takes a call of
    /// the system, too.
    crowd: usize,
    idle: bool,
    stopped: bool,
}

struct Parts<T> {
    parts: VecDeque<T>,
    whole: bool,
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self { parts: VecDeque::new(), whole: false }
    }
}

impl<T> InOrder<T> {
    /// At most `window` (at least one) jobs are handed out and not received at any time.
    pub(crate) fn new(window: usize) -> Self {
        let results = BTreeMap::new();
        let state = State {
            taken: 0,
            received: 0,
            end: None,
            results,
            waiting: 0,
            crowd: 0,
            idle: false,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            room: Condvar::new(),
            results: Condvar::new(),
            window: window.max(1),
        }
    }

    /// The next job; waits while too many results have not been received. None where there is
    /// nothing more to do.
    pub(crate) fn take(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.end.is_some() {
                return None;
            }
            if state.taken < state.received + self.window {
                state.taken += 1;
                return Some(state.taken - 1);
            }
            state = self.wait_for_room(state);
        }
    }

    /// Adds a part to the result of job `number`; waits while too many parts have not been
    /// received. The job whose turn it is never waits for others, so that there is always progress.
    pub(crate) fn put(&self, number: usize, part: T) {
        self.add(number, part, false);
    }

    /// Adds the last part to the result of job `number`, which is done. The receiver may learn of it
    /// as late as its worker [takes](Self::take) the next, [hurries](Self::hurry) or [ends](Self::end).
    pub(crate) fn finish(&self, number: usize, part: T) {
        self.add(number, part, true);
    }

    fn add(&self, number: usize, part: T, whole: bool) {
        let mut state = self.lock();
        while !state.stopped && state.waiting >= WAITING_LIMIT && !state.is_awaited(number) {
            state = self.wait_for_room(state);
        }
        if state.stopped {
            return;
        }
        state.waiting += 1;
        let own = state.results.entry(number).or_default();
        own.parts.push_back(part);
        own.whole = whole;
        if state.waiting >= WAKING || state.end.is_some() {
            self.wake_receiver(&state);
        }
    }

    /// What there is for the receiver is not to wait until there is more.
    pub(crate) fn hurry(&self) {
        self.wake_receiver(&self.lock());
    }

    /// Job `number` and all after it do not exist.
    pub(crate) fn end(&self, number: usize) {
        let mut state = self.lock();
        state.end = Some(state.end.map_or(number, |end| end.min(number)));
        drop(state);
        self.wake();
    }

    /// The next part in order, with the number of its job; waits for it. None after the last, or
    /// when stopped.
    pub(crate) fn receive(&self) -> Option<(usize, T)> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.end.is_some_and(|end| state.received >= end) {
                return None;
            }
            let next = state.received;
            let result = state.results.entry(next).or_default();
            let part = result.parts.pop_front();
            if result.whole && result.parts.is_empty() {
                state.results.remove(&next);
                state.received += 1;
            }
            if let Some(part) = part {
                state.waiting -= 1;
                if state.crowd > 0 {
                    self.room.notify_all();
                }
                return Some((next, part));
            }
            state.idle = true;
            state = self.results.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
    }

    /// Ends all waiting and hands out no more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.wake();
    }

    /// To be held by each worker: stops everything if the worker panics, so that nobody waits for
    /// its result.
    pub(crate) fn stop_on_panic(&self) -> impl Drop + '_ {
        StopOnPanic(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_room<'a>(&self, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.wake_receiver(&state);
        state.crowd += 1;
        state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.crowd -= 1;
        state
    }

    /// Wakes the receiver if there is something for it.
    fn wake_receiver(&self, state: &State<T>) {
        let next = state.results.get(&state.received);
        if state.idle && next.is_some_and(|next| !next.parts.is_empty()) {
            self.results.notify_one();
        }
    }

    /// Wakes everybody.
    fn wake(&self) {
        self.room.notify_all();
        self.results.notify_all();
    }
}

impl<T> State<T> {
    /// Whether the receiver waits for a part of job `number`.
    fn is_awaited(&self, number: usize) -> bool {
        let result = self.results.get(&number);
        number == self.received && result.is_none_or(|result| result.parts.is_empty())
    }
}

struct StopOnPanic<'a, T>(&'a InOrder<T>);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_and_the_window_bounds_the_jobs() {
        let jobs = InOrder::new(2);
        assert_eq!((jobs.take(), jobs.take()), (Some(0), Some(1)));
        jobs.finish(1, "c");
        jobs.put(0, "a");
        jobs.finish(0, "b");
        assert_eq!(jobs.lock().taken, 2);
        assert_eq!((jobs.receive(), jobs.receive()), (Some((0, "a")), Some((0, "b"))));
        assert_eq!(jobs.receive(), Some((1, "c")));
        assert_eq!(jobs.take(), Some(2));
        jobs.end(2);
        assert_eq!((jobs.receive(), jobs.take()), (None, None));
    }

    #[test]
    fn a_full_window_makes_workers_wait() {
        let jobs = InOrder::new(1);
        let receiving = AtomicBool::new(false);
        assert_eq!(jobs.take(), Some(0));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let taken = (jobs.take(), receiving.load(Ordering::SeqCst));
                jobs.end(1);
                taken
            });
            jobs.finish(0, ());
            std::thread::sleep(Duration::from_millis(20));
            receiving.store(true, Ordering::SeqCst);
            assert_eq!((jobs.receive(), jobs.receive()), (Some((0, ())), None));
            assert_eq!(worker.join().ok(), Some((Some(1), true)));
        });
    }

    #[test]
    fn parts_wait_for_the_receiver_but_never_those_it_waits_for() {
        let jobs = InOrder::new(2);
        assert_eq!((jobs.take(), jobs.take()), (Some(0), Some(1)));
        let parts = 4 * WAITING_LIMIT;
        let most = std::thread::scope(|scope| {
            let work = |number: usize| {
                (1..parts).for_each(|part| jobs.put(number, (number, part)));
                jobs.finish(number, (number, parts));
                jobs.hurry();
            };
            scope.spawn(move || work(1));
            while jobs.lock().waiting < WAITING_LIMIT {
                std::thread::yield_now();
            }
            scope.spawn(move || work(0));
            let mut most = 0;
            for number in [0, 1] {
                for part in 1..=parts {
                    assert_eq!(jobs.receive(), Some((number, (number, part))));
                    most = most.max(jobs.lock().waiting);
                }
            }
            most
        });
        assert!(most <= WAITING_LIMIT + 1, "{most} parts waited");
    }

    #[test]
    fn a_worker_that_panics_leaves_nobody_waiting() {
        let jobs: InOrder<()> = InOrder::new(1);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let _guard = jobs.stop_on_panic();
                jobs.take();
                panic!("a fault of the test");
            });
            assert_eq!(jobs.receive(), None);
            assert!(worker.join().is_err());
        });
    }
}
