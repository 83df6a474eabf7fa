//! JSON as a tree that keeps the text of its scalars, to rewrite lines without changing what they
//! say. Only for text that is valid and not deeply nested, as the generator's is.

use std::borrow::Cow;

/// A value; texts stand as in the JSON, those of scalars and keys with their quotes.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// A string, number, boolean or null.
    Scalar(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object, in its order.
    Object(Vec<(&'a str, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads a value.
    ///
    /// # Panics
    /// Where the text is not JSON.
    pub fn parse(text: &'a str) -> Self {
        Reader { text, at: 0 }.value()
    }

    /// The member of this name, given with its quotes.
    pub fn member(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The elements of the list that is the member of this name; none where there is no such list.
    pub fn elements(&mut self, name: &str) -> &mut [Self] {
        match self.member(name) {
            Some(Self::List(elements)) => elements,
            _ => &mut [],
        }
    }

    /// Appends it to `out`, with what `blank` gives before and after each token.
    pub fn write(&self, out: &mut String, blank: &mut impl FnMut() -> &'static str) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(elements) => {
                out.push('[');
                for (number, element) in elements.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    out.push_str(blank());
                    element.write(out, blank);
                    out.push_str(blank());
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (number, (key, value)) in members.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { "," });
                    out.push_str(blank());
                    out.push_str(key);
                    out.push_str(blank());
                    out.push(':');
                    out.push_str(blank());
                    value.write(out, blank);
                    out.push_str(blank());
                }
                out.push('}');
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Json<'a> {
        match self.next() {
            b'{' => {
                let mut members = Vec::new();
                while self.goes_on(b'}') {
                    let key = self.scalar();
                    assert_eq!(self.next(), b':', "a key has a value");
                    self.at += 1;
                    members.push((key, self.value()));
                }
                Json::Object(members)
            }
            b'[' => {
                let mut elements = Vec::new();
                while self.goes_on(b']') {
                    elements.push(self.value());
                }
                Json::List(elements)
            }
            _ => Json::Scalar(self.scalar().into()),
        }
    }

    /// Passes over what opens, separates or closes; says whether something follows it.
    fn goes_on(&mut self, close: u8) -> bool {
        if self.next() != close {
            self.at += 1;
        }
        let more = self.next() != close;
        self.at += usize::from(!more);
        more
    }

    /// The next byte that is not blank.
    fn next(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes()[self.at]
    }

    fn scalar(&mut self) -> &'a str {
        let is_string = self.next() == b'"';
        let rest = &self.text[self.at..];
        let length = if is_string {
            string_length(rest.as_bytes())
        } else {
            rest.find([',', '}', ']', ' ']).expect("a scalar stands in something")
        };
        self.at += length;
        &rest[..length]
    }
}

fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}
