//! Progress bars for long runs, on a terminal only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::console::Console;

/// What a bar counts.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Bytes read.
    Bytes,
    /// Traces written.
    Traces,
}

/// A bar that follows a counter until it is dropped.
pub struct Progress {
    follower: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

impl Progress {
    /// Starts a bar if the console shows any.
    pub fn start(
        console: &Console,
        unit: Unit,
        total: Option<u64>,
        counter: Arc<AtomicU64>,
    ) -> Self {
        if !console.shows_progress() {
            return Self { follower: None };
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        bar.set_style(style(unit, total.is_some()));
        let ended = Arc::<AtomicBool>::default();
        let stop = ended.clone();
        let follow = move || {
            while !stop.load(Ordering::Relaxed) {
                bar.set_position(counter.load(Ordering::Relaxed));
                thread::park_timeout(Duration::from_millis(100));
            }
            bar.finish_and_clear();
        };
        Self { follower: thread::Builder::new().spawn(follow).ok().map(|thread| (thread, ended)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((thread, ended)) = self.follower.take() {
            ended.store(true, Ordering::Relaxed);
            thread.thread().unpark();
            // A bar that panicked takes nothing with it.
            let _ = thread.join();
        }
    }
}

fn style(unit: Unit, bounded: bool) -> ProgressStyle {
    let template = match (unit, bounded) {
        (Unit::Bytes, true) => "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        (Unit::Bytes, false) => "{spinner} {bytes} {bytes_per_sec}",
        (Unit::Traces, true) => "{wide_bar} {human_pos}/{human_len} traces {eta}",
        (Unit::Traces, false) => "{spinner} {human_pos} traces",
    };
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}
