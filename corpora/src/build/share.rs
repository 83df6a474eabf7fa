//! Work that several threads share.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// A piece of work that may be done beside others.
pub(super) type Task<'t> = Box<dyn FnOnce() + Send + 't>;

/// Does all of `tasks`, the first ones first, on so many threads, of which the calling one is one.
/// Where the system gives no more threads, fewer do the same.
pub(super) fn share(threads: usize, tasks: Vec<Task<'_>>) {
    let others = threads.min(tasks.len()).saturating_sub(1);
    let tasks = Mutex::new(tasks.into_iter());
    let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(task) = next() {
            task();
        }
    };
    thread::scope(|scope| {
        let started = (0..others).map_while(|_| {
            let thread = thread::Builder::new().spawn_scoped(scope, work);
            thread.ok()
        });
        started.for_each(drop);
        work();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_task_is_done_once_by_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let sum = AtomicUsize::new(0);
            let mut done = [0_u8; 20];
            let tasks = done.iter_mut().enumerate().map(|(number, done)| -> Task<'_> {
                let sum = &sum;
                Box::new(move || {
                    *done += 1;
                    sum.fetch_add(number, Ordering::Relaxed);
                })
            });
            share(threads, tasks.collect());
            assert_eq!((done, sum.into_inner()), ([1; 20], 190), "{threads} threads");
        }
    }
}
