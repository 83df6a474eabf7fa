//! Words and values of the notation.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corpora::otlp::VALUE_DEPTH;
use ir::Value;

use super::NotationError;

/// A text that is being read. Whatever it takes it takes with the blanks behind it.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where the last thing that was taken ended, without blanks.
    end: usize,
}

/// Takes an attribute: its key and value, each with its place.
pub(super) type Take<'t> =
    dyn FnMut(String, Range<usize>, Value, Range<usize>) -> Result<(), NotationError> + 't;

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = text.len() - text.trim_start().len();
        Self { text, at, end: at }
    }

    /// The byte that comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The byte behind what was taken last.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn is_next(&self, mark: char) -> bool {
        self.rest().starts_with(mark)
    }

    pub(super) fn takes(&mut self, mark: char) -> bool {
        let found = self.is_next(mark);
        if found {
            self.advance(mark.len_utf8());
        }
        found
    }

    pub(super) fn expect(&mut self, mark: char, why: &str) -> Result<(), NotationError> {
        if self.takes(mark) {
            return Ok(());
        }
        Err(self.missing(&format!("`{mark}`")).help(why))
    }

    /// What stands up to the next comma or blank.
    pub(super) fn mark(&mut self) -> (&'a str, Range<usize>) {
        self.plain(|char| char != ',' && !char.is_whitespace())
    }

    /// A word or a text in quotes; `what` names it where there is none.
    pub(super) fn word(&mut self, what: &str) -> Result<String, NotationError> {
        if self.is_next('"') {
            return self.quoted();
        }
        match self.plain(|char| char.is_alphanumeric() || "._-/:+".contains(char)) {
            ("", _) => Err(self.missing(what)),
            (word, _) => Ok(word.to_owned()),
        }
    }

    /// Entries up to `end`, each handed on.
    pub(super) fn entries(&mut self, end: char, take: &mut Take<'_>) -> Result<(), NotationError> {
        self.map(end, 0, take)
    }

    fn map(&mut self, end: char, depth: usize, take: &mut Take<'_>) -> Result<(), NotationError> {
        self.items(end, &mut |reader| {
            let from = reader.at;
            let key = reader.word("a key")?;
            let key_at = from..reader.end;
            reader.expect('=', "write attributes as key=value")?;
            let from = reader.at;
            let value = reader.value(depth + 1)?;
            take(key, key_at, value, from..reader.end)
        })
    }

    /// Things up to `end`, separated by commas.
    fn items(
        &mut self,
        end: char,
        item: &mut dyn FnMut(&mut Self) -> Result<(), NotationError>,
    ) -> Result<(), NotationError> {
        while !self.takes(end) {
            item(self)?;
            if !self.takes(',') && !self.is_next(end) {
                return Err(self.missing(&format!("`,` or `{end}`")));
            }
        }
        Ok(())
    }

    /// A value, `depth` deep in lists and maps.
    fn value(&mut self, depth: usize) -> Result<Value, NotationError> {
        if depth > VALUE_DEPTH + 1 && (self.is_next('[') || self.is_next('{')) {
            let title = format!("lists and maps nest more than {VALUE_DEPTH} deep");
            return Err(NotationError::new(title, self.at..self.at + 1));
        }
        if self.takes('[') {
            let mut list = Vec::new();
            self.items(']', &mut |reader| {
                list.push(reader.value(depth + 1)?);
                Ok(())
            })?;
            return Ok(Value::List(list));
        }
        if self.takes('{') {
            let mut map = Vec::new();
            self.map('}', depth, &mut |key, _, value, _| {
                map.push((key, value));
                Ok(())
            })?;
            return Ok(Value::Map(map));
        }
        if self.rest().starts_with("b\"") {
            return self.bytes();
        }
        if self.is_next('"') {
            return self.quoted().map(Value::Text);
        }
        self.word("a value").map(scalar)
    }

    fn bytes(&mut self) -> Result<Value, NotationError> {
        let from = self.at;
        self.at += 1;
        let text = self.quoted()?;
        STANDARD.decode(text).map(Value::Bytes).map_err(|error| {
            let title = format!("the bytes are not base64: {error}");
            NotationError::new(title, from..self.end).help("such as b\"AAE=\"")
        })
    }

    /// A text in quotes, with the escapes of JSON.
    fn quoted(&mut self) -> Result<String, NotationError> {
        let from = self.at;
        let mut at = from + 1;
        let mut text = String::new();
        while let Some(char) = self.text[at..].chars().next() {
            match char {
                '"' => {
                    self.advance(at + 1 - from);
                    return Ok(text);
                }
                '\\' => {
                    let (char, length) = escaped(&self.text[at..]).ok_or_else(|| {
                        NotationError::new("a backslash that begins no escape", at..at + 1)
                            .help(r#"the escapes are \" \\ \/ \b \f \n \r \t \u0041"#)
                    })?;
                    text.push(char);
                    at += length;
                }
                char => {
                    text.push(char);
                    at += char.len_utf8();
                }
            }
        }
        Err(NotationError::new("the text in quotes does not end", from..self.text.len()))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn plain(&mut self, belongs: impl Fn(char) -> bool) -> (&'a str, Range<usize>) {
        let rest = self.rest();
        let length = rest.find(|char| !belongs(char)).unwrap_or(rest.len());
        let place = self.at..self.at + length;
        self.advance(length);
        (&rest[..length], place)
    }

    fn advance(&mut self, bytes: usize) {
        self.end = self.at + bytes;
        let rest = &self.text[self.end..];
        self.at = self.text.len() - rest.trim_start().len();
    }

    /// The error of something that should stand here.
    fn missing(&self, what: &str) -> NotationError {
        let next = self.rest().chars().next();
        let found = match next {
            Some(char) => format!("expected {what}, found `{char}`"),
            None => format!("expected {what}, found the end"),
        };
        NotationError::new(found, self.at..self.at + next.map_or(0, char::len_utf8))
    }
}

/// The character that an escape stands for, and how many bytes the escape takes.
fn escaped(text: &str) -> Option<(char, usize)> {
    let char = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((char, 2))
}

/// The character of one `\u` escape, or of two that are a pair.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let first = unit(0)?;
    if let Ok(char) = char::decode_utf16([first]).next()? {
        return Some((char, 6));
    }
    let char = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
    Some((char, 12))
}

/// What a word without quotes is.
pub(super) fn scalar(word: String) -> Value {
    match word.as_str() {
        "nothing" => return Value::Empty,
        "true" | "false" => return Value::Bool(word == "true"),
        "NaN" => return Value::Float(f64::NAN),
        "Infinity" => return Value::Float(f64::INFINITY),
        "-Infinity" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Ok(int) = word.parse() {
        return Value::Int(int);
    }
    if word.starts_with(|char: char| char == '-' || char.is_ascii_digit())
        && let Ok(float) = word.parse()
    {
        return Value::Float(float);
    }
    Value::Text(word)
}
