//! Growth by an eighth, for the few vectors that grow with the number of traces and spans: doubling
//! would let them take twice the memory that a run is promised to need. Small ones double: to copy
//! them again and again would take longer than their memory is worth.

/// Bytes that a vector may grow by whatever its size.
const SMALL: usize = 32 << 10;

/// Appends an item.
#[inline]
pub(super) fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        grow(items);
    }
    items.push(item);
}

#[cold]
fn grow<T>(items: &mut Vec<T>) {
    let len = items.len();
    items.reserve_exact((len / 8).max(len.min(SMALL / size_of::<T>())).max(64));
}
