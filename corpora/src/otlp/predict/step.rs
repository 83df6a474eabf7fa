//! One step through a span: from the end of one hole to the begin of the next, byte by byte and as
//! strictly as JSON and OTLP say. What a step passes over depends on nothing but those bytes and
//! the place where it starts; that is why the automaton may remember it.

use super::place::{Hole, Level, Place, fields};

/// What a step found.
pub(super) struct Step<'t> {
    /// Where the hole begins.
    pub(super) at: usize,
    /// The fields that began on the way.
    pub(super) fields: u16,
    pub(super) hole: Hole,
    pub(super) place: Place,
    /// The key that the hole is the value of.
    pub(super) key: &'t [u8],
}

/// Goes from `at`, which is `place`, to the next hole. `None` where the text is not what is
/// understood here; it may be right all the same.
pub(super) fn step(text: &[u8], at: usize, place: Place) -> Option<Step<'_>> {
    let mut stepper = Stepper { text, at, fields: 0, brackets: place.brackets, key: &[] };
    if place.quoted {
        stepper.byte(b'"')?;
    }
    let (hole, place) = stepper.go(place.level)?;
    let Stepper { at, fields, brackets, key, .. } = stepper;
    Some(Step { at, fields, hole, place: Place { brackets, ..place }, key })
}

struct Stepper<'t> {
    text: &'t [u8],
    at: usize,
    fields: u16,
    brackets: u32,
    key: &'t [u8],
}

/// A hole that was reached, if any.
type Reached = Option<Option<(Hole, Place)>>;

impl<'t> Stepper<'t> {
    fn go(&mut self, level: Level) -> Option<(Hole, Place)> {
        let reached = match level {
            Level::Before => {
                self.byte(b'{')?;
                self.span_member()?
            }
            Level::Span => None,
            Level::Attribute => {
                self.blank_then(b'}')?;
                self.blank_then(b'}')?;
                self.after_attribute()?
            }
            Level::Status => self.after_status_member()?,
            Level::Other => self.after_other()?,
        };
        match reached {
            Some(reached) => Some(reached),
            None => self.after_span_member(),
        }
    }

    /// Goes on after a field of the span.
    fn after_span_member(&mut self) -> Option<(Hole, Place)> {
        loop {
            self.blanks();
            match self.next()? {
                b'}' => return Some((Hole::End, Place::BEFORE)),
                b',' => {}
                _ => return None,
            }
            if let Some(reached) = self.span_member()? {
                return Some(reached);
            }
        }
    }

    fn span_member(&mut self) -> Reached {
        self.key()?;
        let (field, hole, number) = match self.key {
            b"traceId" | b"trace_id" => (fields::TRACE_ID, Hole::TraceId, None),
            b"spanId" | b"span_id" => (fields::SPAN_ID, Hole::SpanId, None),
            b"parentSpanId" | b"parent_span_id" => (fields::PARENT_ID, Hole::ParentId, None),
            b"name" => (fields::NAME, Hole::Name, None),
            b"kind" => (fields::KIND, Hole::KindText, Some(Hole::KindNumber)),
            b"startTimeUnixNano" | b"start_time_unix_nano" => {
                (fields::START, Hole::StartText, Some(Hole::StartNumber))
            }
            b"endTimeUnixNano" | b"end_time_unix_nano" => {
                (fields::END, Hole::EndText, Some(Hole::EndNumber))
            }
            b"flags" => (fields::FLAGS, Hole::End, Some(Hole::Flags)),
            b"attributes" => return self.attributes(),
            b"status" => return self.status(),
            _ => return self.other(),
        };
        self.field(field)?;
        self.scalar(Level::Span, hole, number)
    }

    /// A text, or a number where it may be one.
    fn scalar(&mut self, level: Level, text: Hole, number: Option<Hole>) -> Reached {
        match self.peek()? {
            b'"' if text != Hole::End => {
                self.at += 1;
                Some(Some((text, Place::at(level, true))))
            }
            b'-' | b'0'..=b'9' => Some(Some((number?, Place::at(level, false)))),
            _ => None,
        }
    }

    fn attributes(&mut self) -> Reached {
        self.field(fields::ATTRIBUTES)?;
        self.byte(b'[')?;
        self.blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(None);
        }
        self.attribute().map(Some)
    }

    fn after_attribute(&mut self) -> Reached {
        self.blanks();
        match self.next()? {
            b',' => {
                self.blanks();
                self.attribute().map(Some)
            }
            b']' => Some(None),
            _ => None,
        }
    }

    /// An attribute that names its key first and has one value, up to that.
    fn attribute(&mut self) -> Option<(Hole, Place)> {
        self.byte(b'{')?;
        self.key()?;
        if self.key != b"key" {
            return None;
        }
        let key = self.string()?;
        self.blank_then(b',')?;
        self.key()?;
        if self.key != b"value" {
            return None;
        }
        self.byte(b'{')?;
        self.blanks();
        let level = Level::Attribute;
        if self.peek()? == b'}' {
            self.key = key;
            return Some((Hole::Empty, Place::at(level, false)));
        }
        self.key()?;
        let value_type = std::mem::replace(&mut self.key, key);
        let unquoted = |hole| Some((hole, Place::at(level, false)));
        match (value_type, self.peek()?) {
            (b"stringValue" | b"string_value", b'"') => self.scalar(level, Hole::Text, None)?,
            (b"intValue" | b"int_value", _) => {
                self.scalar(level, Hole::IntText, Some(Hole::Int))?
            }
            (b"doubleValue" | b"double_value", b'-' | b'0'..=b'9') => unquoted(Hole::Double),
            (b"boolValue" | b"bool_value", _) => unquoted(Hole::Bool),
            (b"bytesValue" | b"bytes_value", b'"') => self.scalar(level, Hole::Bytes, None)?,
            (b"arrayValue" | b"array_value" | b"kvlistValue" | b"kvlist_value", _) => {
                unquoted(Hole::Composite)
            }
            _ => None,
        }
    }

    fn status(&mut self) -> Reached {
        self.field(fields::STATUS)?;
        self.byte(b'{')?;
        self.blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(None);
        }
        self.status_member().map(Some)
    }

    fn after_status_member(&mut self) -> Reached {
        self.blanks();
        match self.next()? {
            b',' => self.status_member().map(Some),
            b'}' => Some(None),
            _ => None,
        }
    }

    fn status_member(&mut self) -> Option<(Hole, Place)> {
        self.key()?;
        match self.key {
            b"code" => {
                self.field(fields::CODE)?;
                self.scalar(Level::Status, Hole::CodeText, Some(Hole::CodeNumber))?
            }
            b"message" => {
                self.field(fields::MESSAGE)?;
                self.scalar(Level::Status, Hole::Message, None)?
            }
            _ => None,
        }
    }

    /// The value of a field that is not read, up to the first hole in it, or all of it.
    fn other(&mut self) -> Reached {
        loop {
            let (hole, quoted) = match self.peek()? {
                b'"' => {
                    self.at += 1;
                    (Hole::OtherText, true)
                }
                b'-' | b'0'..=b'9' => (Hole::OtherNumber, false),
                first => {
                    if self.begins_inside(first)? || self.next_inside()? {
                        continue;
                    }
                    return Some(None);
                }
            };
            return Some(Some((hole, Place::at(Level::Other, quoted))));
        }
    }

    /// Goes on after a value in an unread field, or after the field.
    fn after_other(&mut self) -> Reached {
        if self.next_inside()? { self.other() } else { Some(None) }
    }

    /// Passes over a word or an opening bracket; whether a value begins then.
    fn begins_inside(&mut self, first: u8) -> Option<bool> {
        let is_object = match first {
            b't' => return self.word(b"true"),
            b'f' => return self.word(b"false"),
            b'n' => return self.word(b"null"),
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        // The highest bit only marks how many there are.
        if self.brackets.leading_zeros() == 0 {
            return None;
        }
        self.brackets = self.brackets << 1 | u32::from(is_object);
        self.blanks();
        match (self.peek()?, is_object) {
            (b'}', true) | (b']', false) => return Some(false),
            (_, true) => self.key()?,
            (_, false) => {}
        }
        Some(true)
    }

    /// Goes on after a value in an unread field to the next; false where the field ends before.
    fn next_inside(&mut self) -> Option<bool> {
        while self.brackets != 1 {
            let is_object = self.brackets & 1 == 1;
            self.blanks();
            match (self.next()?, is_object) {
                (b'}', true) | (b']', false) => self.brackets >>= 1,
                (b',', true) => {
                    self.key()?;
                    return Some(true);
                }
                (b',', false) => {
                    self.blanks();
                    return Some(true);
                }
                _ => return None,
            }
        }
        Some(false)
    }

    fn field(&mut self, field: u16) -> Option<()> {
        let is_new = self.fields & field == 0;
        self.fields |= field;
        is_new.then_some(())
    }

    /// A key with its colon and the blanks around; the value is next.
    fn key(&mut self) -> Option<()> {
        self.blanks();
        self.key = self.string()?;
        self.blank_then(b':')?;
        self.blanks();
        Some(())
    }

    /// A string that is in the text as it reads.
    fn string(&mut self) -> Option<&'t [u8]> {
        self.byte(b'"')?;
        let inside = &self.text[self.at..];
        let end = inside.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let inside = &inside[..end];
        self.at += end;
        self.byte(b'"')?;
        (inside.is_ascii() || std::str::from_utf8(inside).is_ok()).then_some(inside)
    }

    /// Passes over a word, after which no value begins.
    fn word(&mut self, word: &[u8]) -> Option<bool> {
        let found = self.text[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(false)
    }

    fn blank_then(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        self.byte(byte)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }
}
