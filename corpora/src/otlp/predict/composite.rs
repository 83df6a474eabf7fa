//! Arrays and maps that are passed over.

use super::holes::Reader;
use super::lanes::Lanes;
use super::place::Usual;

/// Deepest nesting of an attribute's value that is read here.
const DEPTH: usize = 8;

impl<L: Lanes> Reader<'_, L> {
    /// Where the content of an array or map ends that begins at `at`: one list of values, each of
    /// one type, without blanks.
    pub(super) fn composite(self, at: usize) -> Option<usize> {
        self.members(at, DEPTH)
    }

    /// Recursive, at most [`DEPTH`] deep.
    fn members(self, at: usize, depth: usize) -> Option<usize> {
        if let Some(end) = self.literal(at, b"{}") {
            return Some(end);
        }
        let mut at = self.literal(at, b"{\"values\":[")?;
        if let Some(end) = self.literal(at, b"]}") {
            return Some(end);
        }
        loop {
            at = match self.literal(at, b"{\"key\":\"") {
                Some(key) => {
                    let (_, end) = self.string(key, None)?;
                    let value = self.literal(end, b"\",\"value\":")?;
                    self.literal(self.any(value, depth)?, b"}")?
                }
                None => self.any(at, depth)?,
            };
            match self.text.get(at)? {
                b',' => at += 1,
                _ => return self.literal(at, b"]}"),
            }
        }
    }

    fn any(self, at: usize, depth: usize) -> Option<usize> {
        if let Some(end) = self.literal(at, b"{}") {
            return Some(end);
        }
        let inside = self.literal(at, b"{")?;
        let end = if let Some(value) = self.literal(inside, b"\"stringValue\":\"") {
            self.string(value, None).map(|(_, end)| end + 1)
        } else if let Some(value) = self.literal(inside, b"\"intValue\":\"") {
            self.int_text(value, &mut Usual::default()).map(|(_, end)| end + 1)
        } else if let Some(value) = self.literal(inside, b"\"intValue\":") {
            self.int(value).map(|(_, end)| end)
        } else if let Some(value) = self.literal(inside, b"\"doubleValue\":") {
            self.number(value)
        } else if let Some(value) = self.literal(inside, b"\"boolValue\":") {
            self.bool(value).map(|(_, end)| end)
        } else if let Some(value) = self.literal(inside, b"\"bytesValue\":\"") {
            self.bytes(value).map(|end| end + 1)
        } else {
            let list = self.literal(inside, b"\"arrayValue\":");
            let value = list.or_else(|| self.literal(inside, b"\"kvlistValue\":"))?;
            self.members(value, depth.checked_sub(1)?)
        };
        self.literal(end?, b"}")
    }

    fn literal(self, at: usize, literal: &[u8]) -> Option<usize> {
        let found = self.text.get(at..)?.starts_with(literal);
        found.then_some(at + literal.len())
    }
}
