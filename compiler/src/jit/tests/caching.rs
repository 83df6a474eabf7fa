//! What the cache keeps, forgets and tries again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::FREE;
use crate::jit::Limit;
use crate::jit::cache::{Cache, KERNELS, Making, NoKernel};
use crate::jit::shape::Part;

const QUICK: Making = Making { optimise: false, check: false, patience: 0 };

/// A shape of so many parts, which is compiled only if it is asked for often.
fn wide(parts: usize) -> Vec<Part> {
    let mut shape = vec![Part::Present; parts];
    shape.push(Part::And(parts as u16));
    shape
}

#[test]
fn shapes_that_are_asked_for_seldom_keep_none_from_being_compiled() {
    let cache = Cache::new(Making { patience: 100, ..QUICK }).unwrap();
    for parts in 0..2 * KERNELS {
        assert_eq!(cache.kernel(&[Part::And(parts as u16)], 1, &FREE).err(), Some(NoKernel::Yet));
        if parts % 1_000 == 0 {
            // Asked for more often than the others, it is not forgotten with them.
            assert_eq!(cache.kernel(&wide(2), 10, &FREE).err(), Some(NoKernel::Yet));
        }
    }
    assert_eq!(cache.kernel(&wide(3), 60, &FREE).err(), Some(NoKernel::Yet));
    assert!(cache.kernel(&wide(3), 60, &FREE).is_ok());
    assert!(cache.kernel(&wide(2), 10, &FREE).is_ok());
    assert_eq!(cache.kernels(), 2);
}

#[test]
fn kernels_beyond_the_limit_are_left_to_the_loops() {
    let mut cache = Cache::new(QUICK).unwrap();
    cache.most = 2;
    assert!(cache.kernel(&wide(2), 1, &FREE).is_ok());
    assert!(cache.kernel(&wide(3), 1, &FREE).is_ok());
    let beyond = cache.kernel(&wide(4), 1, &FREE).err();
    assert_eq!(beyond, Some(NoKernel::Never(Limit::Kernels)));
    assert!(cache.kernel(&wide(2), 1, &FREE).is_ok());
}

#[test]
fn what_the_machine_refuses_once_is_tried_again() {
    let mut cache = Cache::new(QUICK).unwrap();
    let stack = std::mem::replace(&mut cache.stack, 1 << 47);
    let Some(NoKernel::Never(Limit::Refused(why))) = cache.kernel(&wide(2), 1, &FREE).err() else {
        panic!("there is no stack of 128 TiB");
    };
    assert!(why.starts_with("no thread to compile on: "), "{why}");
    cache.stack = stack;
    assert!(cache.kernel(&wide(2), 1, &FREE).is_ok());
}

#[test]
fn what_the_code_generator_refuses_is_refused_for_good() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let mut cache = Cache::new(QUICK).unwrap();
    cache.fault = Some(|_| {
        TRIES.fetch_add(1, Ordering::SeqCst);
        panic!("planted");
    });
    for _ in 0..2 {
        let refused = Limit::Refused("the code generator panicked".into());
        assert_eq!(cache.kernel(&wide(2), 1, &FREE).err(), Some(NoKernel::Never(refused)));
    }
    assert_eq!(TRIES.load(Ordering::SeqCst), 1);
}

#[test]
fn a_shape_is_compiled_by_one_thread() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    static GO_ON: AtomicBool = AtomicBool::new(false);
    let mut cache = Cache::new(QUICK).unwrap();
    cache.fault = Some(|_| {
        if TRIES.fetch_add(1, Ordering::SeqCst) == 0 {
            while !GO_ON.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| cache.kernel(&wide(2), 1, &FREE).is_ok());
        while TRIES.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let meanwhile = cache.kernel(&wide(2), 1, &FREE).err();
        GO_ON.store(true, Ordering::SeqCst);
        assert_eq!(meanwhile, Some(NoKernel::Yet));
        assert!(first.join().unwrap());
    });
    assert!(cache.kernel(&wide(2), 1, &FREE).is_ok());
    assert_eq!(TRIES.load(Ordering::SeqCst), 1);
}
