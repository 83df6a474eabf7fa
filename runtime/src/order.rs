//! Puts the results of parallel work back in order, with few of them waiting at a time.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Hands out job numbers `0, 1, …` to workers and their results, in that order, to one receiver.
pub(crate) struct InOrder<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    window: usize,
}

struct State<T> {
    /// Jobs handed out.
    taken: usize,
    /// Results received.
    received: usize,
    /// Number of jobs, once known.
    end: Option<usize>,
    waiting: BTreeMap<usize, T>,
    stopped: bool,
}

impl<T> InOrder<T> {
    /// At most `window` (at least one) jobs are handed out and not received at any time.
    pub(crate) fn new(window: usize) -> Self {
        let state =
            State { taken: 0, received: 0, end: None, waiting: BTreeMap::new(), stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), window: window.max(1) }
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
            state = self.wait(state);
        }
    }

    /// Job `number` is done; without a result, it and all jobs after it do not exist.
    pub(crate) fn put(&self, number: usize, result: Option<T>) {
        let mut state = self.lock();
        match result {
            Some(result) => {
                state.waiting.insert(number, result);
            }
            None => state.end = Some(state.end.map_or(number, |end| end.min(number))),
        }
        self.changed.notify_all();
    }

    /// The next result in order; waits for it. None after the last, or when stopped.
    pub(crate) fn receive(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.end.is_some_and(|end| state.received >= end) {
                return None;
            }
            let next = state.received;
            if let Some(result) = state.waiting.remove(&next) {
                state.received += 1;
                self.changed.notify_all();
                return Some(result);
            }
            state = self.wait(state);
        }
    }

    /// Ends all waiting and hands out no more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// To be held by each worker: stops everything if the worker panics, so that nobody waits for
    /// its result.
    pub(crate) fn stop_on_panic(&self) -> impl Drop + '_ {
        StopOnPanic(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
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
        jobs.put(1, Some("b"));
        jobs.put(0, Some("a"));
        assert_eq!(jobs.lock().taken, 2);
        assert_eq!(jobs.receive(), Some("a"));
        assert_eq!(jobs.take(), Some(2));
        jobs.put(2, None);
        assert_eq!(jobs.receive(), Some("b"));
        assert_eq!((jobs.receive(), jobs.take()), (None, None));
    }

    #[test]
    fn a_full_window_makes_workers_wait() {
        let jobs = InOrder::new(1);
        let receiving = AtomicBool::new(false);
        assert_eq!(jobs.take(), Some(0));
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| (jobs.take(), receiving.load(Ordering::SeqCst)));
            jobs.put(0, Some(()));
            std::thread::sleep(Duration::from_millis(20));
            receiving.store(true, Ordering::SeqCst);
            assert_eq!(jobs.receive(), Some(()));
            assert_eq!(worker.join().ok(), Some((Some(1), true)));
        });
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
