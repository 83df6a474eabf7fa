//! Survives that a mapped file is cut: what is gone reads as zeros, and the map is marked.
//!
//! Reading beyond the end of a file that was cut raises SIGBUS, which ends a process. The handler
//! here puts pages of zeros where the file was, so that the reader goes on to where somebody asks
//! whether its data is sound.
#![expect(unsafe_code, reason = "handlers of signals, and maps put over maps")]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};

/// Makes this process survive that files of segments are cut while they are mapped: replays then
/// name the file as damaged. It is done once for the whole process, by a handler of SIGBUS; signals
/// that have nothing to do with such files go on to the handler that was there before.
///
/// # Errors
/// Where the system refuses the handler.
pub fn guard_maps() -> io::Result<()> {
    let installed = BEFORE.get_or_init(|| {
        let before = handler_before().and_then(|before| install().map(|()| before));
        before.map_err(|error| error.raw_os_error().unwrap_or_default())
    });
    match installed {
        Ok(_) => Ok(()),
        Err(code) => Err(io::Error::from_raw_os_error(*code)),
    }
}

/// A range of addresses that is watched while this lives.
#[derive(Debug)]
pub(super) struct Watched(&'static Slot);

impl Watched {
    /// Watches the range of a map. It must be dropped before the map is.
    pub(super) fn new(range: Range<usize>) -> Self {
        let slot = Slot::take();
        slot.hit.store(false, SeqCst);
        slot.end.store(range.end, SeqCst);
        slot.begin.store(range.start, SeqCst);
        Self(slot)
    }

    /// Whether zeros were read that the file does not hold.
    pub(super) fn is_hit(&self) -> bool {
        self.0.hit.load(SeqCst)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.begin.store(FREE, SeqCst);
    }
}

/// The slot has no range.
const FREE: usize = 0;
/// The slot belongs to somebody who has not yet said which range.
const TAKEN: usize = usize::MAX;

/// The watched ranges: a list that only grows, so that a handler can walk it without a lock.
static FIRST: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// The handler that was there before ours, or the number of the error why ours is not installed.
static BEFORE: OnceLock<Result<libc::sigaction, i32>> = OnceLock::new();

#[derive(Debug)]
struct Slot {
    /// The first address, [`FREE`] or [`TAKEN`].
    begin: AtomicUsize,
    end: AtomicUsize,
    hit: AtomicBool,
    next: *const Self,
}

// SAFETY: `next` is set before the slot is shared, and what it leads to is never freed or changed
// but through atomics.
unsafe impl Sync for Slot {}

impl Slot {
    /// A slot of one's own: one that somebody gave back, or a new one.
    fn take() -> &'static Self {
        let free = |slot: &&Self| slot.begin.compare_exchange(FREE, TAKEN, SeqCst, SeqCst).is_ok();
        if let Some(slot) = Self::all().find(free) {
            return slot;
        }
        let new = Box::leak(Box::new(Self {
            begin: AtomicUsize::new(TAKEN),
            end: AtomicUsize::new(0),
            hit: AtomicBool::new(false),
            next: ptr::null(),
        }));
        let mut first = FIRST.load(SeqCst);
        loop {
            new.next = first;
            match FIRST.compare_exchange(first, new, SeqCst, SeqCst) {
                Ok(_) => return new,
                Err(other) => first = other,
            }
        }
    }

    fn all() -> impl Iterator<Item = &'static Self> {
        // SAFETY: what FIRST and `next` lead to was leaked.
        let mut at = unsafe { FIRST.load(SeqCst).cast_const().as_ref() };
        std::iter::from_fn(move || {
            let slot = at?;
            // SAFETY: as above.
            at = unsafe { slot.next.as_ref() };
            Some(slot)
        })
    }

    /// The end of the range, if `address` lies in it.
    fn end_around(&self, address: usize) -> Option<usize> {
        let begin = self.begin.load(SeqCst);
        let end = self.end.load(SeqCst);
        // Who reads at the address keeps its range watched, so a slot that changes is another's.
        let same = self.begin.load(SeqCst) == begin;
        (same && begin != FREE && begin <= address && address < end).then_some(end)
    }
}

fn handler_before() -> io::Result<libc::sigaction> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: without a new action, sigaction only writes the old one.
    let refused = unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr()) };
    if refused != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it succeeded, so it wrote the old action.
    Ok(unsafe { before.assume_init() })
}

fn install() -> io::Result<()> {
    let handler: Handler = on_bus_error;
    // SAFETY: an action of zeros is a valid one: no flags, no further signals blocked.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as usize;
    // On the stack for signals, where a thread has one: its own may be all but used up.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the handler calls nothing but what may be called in a handler.
    match unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes a valid description, which for a fault has the address.
    let (sent, address) = unsafe { ((*info).si_code <= 0, (*info).si_addr() as usize) };
    if sent || !zeroed(address) {
        pass_on(signal, info, context, sent);
    }
}

/// Puts zeros from the page of `address` to the end of its range; false if it is in none.
fn zeroed(address: usize) -> bool {
    let found = Slot::all().find_map(|slot| Some((slot, slot.end_around(address)?)));
    let Some((slot, end)) = found else { return false };
    // First the mark: who reads a zero sees it.
    slot.hit.store(true, SeqCst);
    // SAFETY: sysconf only reads.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let begin = address & !(page - 1);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    let at = ptr::with_exposed_provenance_mut(begin);
    // SAFETY: the range is that of a map of ours, which lives as long as it is watched and which
    // nobody writes to; its owner unmaps whatever lies there. Success leaves errno alone.
    let zeros = unsafe { libc::mmap(at, end - begin, libc::PROT_READ, flags, -1, 0) };
    zeros != libc::MAP_FAILED
}

/// Lets the handler from before have a signal; where there was none, the process ends by it.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void, sent: bool) {
    let before = BEFORE.get().and_then(|before| before.as_ref().ok());
    let action = before.map_or(libc::SIG_DFL, |before| before.sa_sigaction);
    if action == libc::SIG_DFL || action == libc::SIG_IGN {
        // SAFETY: both may be called in a handler. What faulted faults again on return; what was
        // sent is sent again.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            if sent {
                libc::raise(signal);
            }
        }
        return;
    }
    let described = before.is_some_and(|before| before.sa_flags & libc::SA_SIGINFO != 0);
    // SAFETY: the action was installed as a handler of this kind.
    unsafe {
        if described {
            mem::transmute::<usize, Handler>(action)(signal, info, context);
        } else {
            mem::transmute::<usize, extern "C" fn(c_int)>(action)(signal);
        }
    }
}
