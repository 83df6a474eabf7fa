//! The tolerant reader: a JSON scanner that goes on after an error, losing as little as it can.
//!
//! It keeps the open brackets on a stack of bounded depth and marks the innermost one unsound where
//! the grammar does not hold, so that the walker drops that object only. What it takes for granted:
//!
//! | text | reading |
//! |---|---|
//! | `[a b]`, `[a,,b]`, `[a,]`, `{"a":1,}` | a comma is missing or spare: nothing is lost |
//! | `{"a":1,{"b":2}` in a list | the first object was not closed: it is lost, the second is kept |
//! | `]` inside of an object that is in a list | the object was not closed: it is lost |
//! | `}` inside of a list, before `,{` | a spare bracket |
//! | `}` inside of a list, otherwise | the list was not closed |
//! | a string ends in `{` and `traceId"` follows, after an error | a quote was lost: a span begins |

use memchr::memchr2;

use super::nodes::{Node, NodeKind, Nodes};
use super::strings::{Reading, end_of, read};
use super::tally::{Defect, Report};
use super::text::is_number;
use crate::source::MAX_DEPTH;

/// Scans the documents in `text` into `nodes`, which is emptied first, and counts what the grammar
/// forbids.
pub(super) fn scan(text: &[u8], nodes: &mut Nodes, report: &mut impl Report) {
    nodes.list.clear();
    nodes.unescaped.clear();
    if u32::try_from(text.len()).is_err() {
        return report.defect(Defect::Document, 0);
    }
    let is_utf8 = std::str::from_utf8(text).is_ok();
    let open = Vec::new();
    let mut scanner =
        Scanner { text, at: 0, is_utf8, nodes, report, open, expect: Expect::Value, torn: false };
    scanner.run();
}

struct Scanner<'s, R> {
    text: &'s [u8],
    at: usize,
    is_utf8: bool,
    nodes: &'s mut Nodes,
    report: &'s mut R,
    open: Vec<Frame>,
    /// What the grammar allows next; of no meaning while nothing is open.
    expect: Expect,
    /// Whether the grammar was broken in this document.
    torn: bool,
}

/// An open bracket.
#[derive(Clone, Copy)]
struct Frame {
    node: usize,
    is_object: bool,
    /// A list that is the value of a key `spans`.
    is_spans: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

impl<R: Report> Scanner<'_, R> {
    fn run(&mut self) {
        loop {
            self.skip_blanks();
            let Some(&byte) = self.text.get(self.at) else { break };
            match byte {
                b'{' | b'[' => self.open(byte == b'{'),
                _ if self.open.is_empty() => self.skip_junk(),
                b'}' | b']' => self.close(byte == b'}'),
                b',' => self.comma(),
                b':' => self.colon(),
                b'"' => self.string(),
                _ => self.word(),
            }
        }
        if let Some(frame) = self.open.last() {
            if !self.torn {
                self.report.defect(Defect::Unfinished, self.text.len());
            }
            if frame.is_object {
                self.complete_entry();
            }
            while !self.open.is_empty() {
                self.pop(false);
            }
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Passes over what is between documents.
    fn skip_junk(&mut self) {
        self.report.defect(Defect::Document, self.at);
        let rest = &self.text[self.at..];
        self.at += memchr2(b'{', b'[', rest).unwrap_or(rest.len());
    }

    fn open(&mut self, is_object: bool) {
        self.close_forgotten(is_object);
        if self.open.len() == MAX_DEPTH {
            self.report.defect(Defect::Depth, self.at);
            self.value(NodeKind::Bad, self.at, self.at);
            return self.skip_deep();
        }
        let is_spans = self.expect == Expect::Value && self.after_spans_key();
        let kind = if is_object { NodeKind::Object } else { NodeKind::Array };
        self.torn &= !self.open.is_empty();
        self.value(kind, 0, 0);
        let node = self.nodes.list.len() - 1;
        self.open.push(Frame { node, is_object, is_spans: is_spans && !is_object });
        self.expect = if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
        self.at += 1;
    }

    /// Closes an object in a list where the next object of the list begins inside of it.
    fn close_forgotten(&mut self, is_object: bool) {
        let [.., outer, inner] = self.open[..] else { return };
        let in_entry = matches!(self.expect, Expect::Value | Expect::Colon);
        if is_object && inner.is_object && !outer.is_object && !in_entry {
            self.flaw();
            self.pop(false);
            self.expect = Expect::Value;
        }
    }

    fn close(&mut self, is_object: bool) {
        let innermost = self.open.last().is_some_and(|frame| frame.is_object == is_object);
        if !innermost {
            let Some(depth) = self.open.iter().rposition(|frame| frame.is_object == is_object)
            else {
                self.at += 1;
                return self.flaw();
            };
            self.flaw();
            if is_object && self.next_item_follows() {
                self.at += 1;
                return;
            }
            self.pop_to(depth + 1);
        }
        match self.expect {
            Expect::Key => self.note(),
            Expect::Value if !is_object => self.note(),
            Expect::Colon | Expect::Value => {
                self.flaw();
                self.complete_entry();
            }
            _ => {}
        }
        self.pop(true);
        self.at += 1;
    }

    /// Whether a comma and an object follow the bracket here.
    fn next_item_follows(&self) -> bool {
        let mut after = self.text[self.at + 1..].iter().filter(|byte| !byte.is_ascii_whitespace());
        after.next() == Some(&b',') && after.next() == Some(&b'{')
    }

    fn comma(&mut self) {
        let is_object = self.open.last().is_some_and(|frame| frame.is_object);
        match self.expect {
            Expect::CommaOrEnd => {}
            Expect::Colon | Expect::Value if is_object => {
                self.flaw();
                self.complete_entry();
            }
            _ => self.note(),
        }
        self.expect = if is_object { Expect::Key } else { Expect::Value };
        self.at += 1;
    }

    fn colon(&mut self) {
        if self.expect == Expect::Colon {
            self.expect = Expect::Value;
        } else {
            self.flaw();
        }
        self.at += 1;
    }

    fn string(&mut self) {
        let start = self.at;
        let (end, closed) = end_of(self.text, self.at);
        if self.torn && self.begins_span(end) && self.resume_spans() {
            self.at = end - 1;
            return;
        }
        self.at = if closed { end + 1 } else { end };
        let inside = start + 1..end;
        let reading = match closed {
            true => read(&self.text[inside.clone()], self.is_utf8, &mut self.nodes.unescaped),
            false => Reading::Forbidden,
        };
        let (kind, first, last) = match reading {
            Reading::Plain => (NodeKind::Plain, inside.start, inside.end),
            Reading::Unescaped(from) => (NodeKind::Unescaped, from, self.nodes.unescaped.len()),
            Reading::Undecodable => (NodeKind::Undecodable, 0, 0),
            Reading::Forbidden => (NodeKind::Bad, 0, 0),
        };
        let in_object = self.open.last().is_some_and(|frame| frame.is_object);
        let is_key = !matches!(self.expect, Expect::Value | Expect::Colon);
        self.at_value(start, |scanner| match in_object && is_key {
            true => scanner.key(kind, first, last),
            false => scanner.value(kind, first, last),
        });
        if kind == NodeKind::Bad {
            self.bad_token(Defect::String, start);
        }
    }

    /// Whether what seems to be the end of a string is the beginning of a span's first key.
    fn begins_span(&self, end: usize) -> bool {
        let after = self.text.get(end + 1..).unwrap_or_default();
        self.text[self.at + 1..end].ends_with(b"{")
            && (after.starts_with(b"traceId\"") || after.starts_with(b"trace_id\""))
    }

    /// Goes back to the innermost list of spans; says whether there is one.
    fn resume_spans(&mut self) -> bool {
        let Some(depth) = self.open.iter().rposition(|frame| frame.is_spans) else { return false };
        self.pop_to(depth + 1);
        self.expect = Expect::Value;
        true
    }

    /// Anything up to the next bracket, comma, colon, quote or blank.
    fn word(&mut self) {
        let start = self.at;
        let ends = |byte: &u8| {
            matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'"')
                || matches!(byte, b'{' | b'}' | b'[' | b']')
        };
        let rest = &self.text[start..];
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
        let word = &self.text[start..self.at];
        let kind = match word {
            b"true" => NodeKind::True,
            b"false" => NodeKind::False,
            b"null" => NodeKind::Null,
            _ if is_number(word) => NodeKind::Number,
            _ => NodeKind::Bad,
        };
        let end = self.at;
        self.at_value(start, |scanner| scanner.value(kind, start, end));
        if kind == NodeKind::Bad {
            let numeric = matches!(word[0], b'0'..=b'9' | b'+' | b'-' | b'.' | b'N' | b'I');
            let defect = if numeric { Defect::Number } else { Defect::Syntax };
            self.bad_token(defect, start);
        }
    }

    /// Counts a token that was just passed, unless the text ends with it, which is counted as such.
    fn bad_token(&mut self, defect: Defect, start: usize) {
        if self.at < self.text.len() && self.is_sound() {
            self.report.defect(defect, start);
        }
    }

    /// Passes over a value that is nested too deep.
    fn skip_deep(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => self.at = end_of(self.text, self.at).0.min(self.text.len() - 1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
    }

    /// Does something about a value that begins at `start`, from after it.
    fn at_value(&mut self, start: usize, act: impl FnOnce(&mut Self)) {
        let end = std::mem::replace(&mut self.at, start);
        act(self);
        self.at = end;
    }

    fn key(&mut self, kind: NodeKind, first: usize, last: usize) {
        if self.expect == Expect::CommaOrEnd {
            self.flaw();
        }
        self.count_member();
        self.push(kind, first, last);
        self.expect = Expect::Colon;
    }

    fn value(&mut self, kind: NodeKind, first: usize, last: usize) {
        if let Some(frame) = self.open.last() {
            match (frame.is_object, self.expect) {
                (true, Expect::Value) | (false, Expect::Value | Expect::ValueOrEnd) => {}
                (true, Expect::Colon) => self.flaw(),
                (true, _) => {
                    self.flaw();
                    self.count_member();
                    self.push(NodeKind::Bad, 0, 0);
                }
                (false, _) => self.note(),
            }
            if !frame_is_object(&self.open) {
                self.count_member();
            }
        }
        self.push(kind, first, last);
        self.expect = Expect::CommaOrEnd;
    }

    /// Gives a key without value one that is bad.
    fn complete_entry(&mut self) {
        if matches!(self.expect, Expect::Colon | Expect::Value) {
            self.push(NodeKind::Bad, 0, 0);
            self.expect = Expect::CommaOrEnd;
        }
    }

    fn push(&mut self, kind: NodeKind, first: usize, last: usize) {
        let (offset, first, last) = (self.at as u32, first as u32, last as u32);
        self.nodes.list.push(Node { offset, kind, sound: true, first, last });
    }

    fn count_member(&mut self) {
        if let Some(frame) = self.open.last() {
            self.nodes.list[frame.node].first += 1;
        }
    }

    /// Closes the innermost bracket.
    fn pop(&mut self, sound: bool) {
        let end = self.nodes.list.len() as u32;
        if let Some(frame) = self.open.pop() {
            let node = &mut self.nodes.list[frame.node];
            node.last = end;
            node.sound &= sound;
        }
        self.expect = Expect::CommaOrEnd;
    }

    /// Closes brackets that were not closed until `depth` are left open.
    fn pop_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            if frame_is_object(&self.open) {
                self.complete_entry();
            }
            self.pop(false);
        }
    }

    fn after_spans_key(&self) -> bool {
        let Some(key) = self.nodes.list.last() else { return false };
        key.kind == NodeKind::Plain && &self.text[key.first as usize..key.last as usize] == b"spans"
    }

    /// Whether the grammar held so far directly inside of the innermost bracket. Where it did not,
    /// what follows there is not counted again.
    fn is_sound(&self) -> bool {
        self.open.last().is_none_or(|frame| self.nodes.list[frame.node].sound)
    }

    /// Counts a break of the grammar that loses nothing.
    fn note(&mut self) {
        self.torn = true;
        if self.is_sound() {
            self.report.defect(Defect::Syntax, self.at);
        }
    }

    /// Counts a break of the grammar and marks the innermost bracket.
    fn flaw(&mut self) {
        self.note();
        if let Some(frame) = self.open.last() {
            self.nodes.list[frame.node].sound = false;
        }
    }
}

fn frame_is_object(open: &[Frame]) -> bool {
    open.last().is_some_and(|frame| frame.is_object)
}
