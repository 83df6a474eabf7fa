//! Work that several threads share by pulling.

/// What `work` gives on up to so many threads, of which this is the first; fewer where the system gives
/// no more, so work is to be pulled until none is left. A panic on one of them is passed on.
pub fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let others =
            (1..threads).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, &work).ok());
        let others: Vec<_> = others.collect();
        let own = work();
        let joined = others
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(own).chain(joined).collect()
    })
}
