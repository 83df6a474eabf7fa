//! Growth by an eighth, for the few vectors that grow with the number of traces and spans: doubling
//! would let them take twice the memory that a run is promised to need.

/// Appends an item.
pub(super) fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 8).max(64));
    }
    items.push(item);
}
