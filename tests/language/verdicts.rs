//! The language's semantics as documentation: a file a topic, in `tests/verdicts`.

use crate::cases::{check, load};

#[test]
fn verdicts_are_as_documented() {
    let files = load("verdicts");
    assert!(!files.is_empty());
    check(&files);
}
