//! Threads that code is made on, each kept for the next kernel.
//!
//! How much stack the code generator needs is not ours to say, and callers may have little. To start
//! a thread and to touch its stack and its heap for the first time takes longer than a small kernel
//! does, so a thread that is done waits for more, as do the tables that the code generator fills.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use cranelift_codegen::Context;
use cranelift_frontend::FunctionBuilderContext;

/// Threads that wait for work; they end with this.
#[derive(Default)]
pub struct Workers {
    idle: Mutex<Vec<Worker>>,
}

/// What the code generator works with, kept from kernel to kernel.
pub struct Tables {
    /// To build functions.
    pub builder: FunctionBuilderContext,
    /// To compile them.
    pub context: Context,
}

struct Worker {
    /// Taken to end the thread.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&mut Tables) + Send>;

impl Workers {
    /// What `work` gives, on a thread that has a stack of so many bytes; `None` where it panics.
    ///
    /// # Errors
    /// Where no thread waits and none can be started.
    pub fn run<T: Send + 'static>(
        &self,
        stack: usize,
        work: impl FnOnce(&mut Tables) -> T + Send + 'static,
    ) -> io::Result<Option<T>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = idle.map_or_else(|| Worker::start(stack), Ok)?;
        let (answer, answers) = channel();
        let job = move |tables: &mut Tables| {
            let done = catch_unwind(AssertUnwindSafe(|| work(tables)));
            // Whoever asked waits for it.
            let _ = answer.send(done.ok());
        };
        let sent = worker.jobs.as_ref().is_some_and(|jobs| jobs.send(Box::new(job)).is_ok());
        let done = if sent { answers.recv().ok().flatten() } else { None };
        // After a panic nothing is known of the tables.
        if done.is_some() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        Ok(done)
    }
}

impl Worker {
    fn start(stack: usize) -> io::Result<Self> {
        let (jobs, asked): (Sender<Job>, Receiver<Job>) = channel();
        let work = move || {
            let (builder, context) = (FunctionBuilderContext::new(), Context::new());
            let mut tables = Tables { builder, context };
            asked.into_iter().for_each(|job| job(&mut tables));
        };
        let thread = Builder::new().name("compile".to_owned()).stack_size(stack).spawn(work)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Panics of jobs are caught; there is nothing to learn from how it ended.
            let _ = thread.join();
        }
    }
}
