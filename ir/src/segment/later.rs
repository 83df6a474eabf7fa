//! A part of a segment that is made when it is first looked at, or was there from the start.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// See the module's text. It reads as what it holds.
pub struct Later<T> {
    made: OnceLock<T>,
    make: Option<Box<dyn Fn() -> T + Send + Sync>>,
}

impl<T> Later<T> {
    /// What `make` gives; it is called at most once.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { made: OnceLock::new(), make: Some(Box::new(make)) }
    }
}

impl<T> From<T> for Later<T> {
    fn from(made: T) -> Self {
        Self { made: OnceLock::from(made), make: None }
    }
}

impl<A, T: FromIterator<A>> FromIterator<A> for Later<T> {
    fn from_iter<I: IntoIterator<Item = A>>(items: I) -> Self {
        T::from_iter(items).into()
    }
}

impl<T: Default> Default for Later<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.made.get_or_init(|| match &self.make {
            Some(make) => make(),
            None => unreachable!("what nothing makes was there from the start"),
        })
    }
}

impl<T> DerefMut for Later<T> {
    fn deref_mut(&mut self) -> &mut T {
        let _made: &T = self;
        self.made.get_mut().expect("it was made just now")
    }
}

impl<T: fmt::Debug> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn it_is_made_once_at_the_first_look() {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let mut later = Later::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            vec![1]
        });
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        later.push(2);
        assert_eq!((&later[..], calls.load(Ordering::Relaxed)), (&[1, 2][..], 1));
        assert_eq!(*Later::from(3), 3);
    }
}
