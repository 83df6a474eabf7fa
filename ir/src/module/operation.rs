//! Names of spans, and patterns of names.

/// Which spans a rule speaks of, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The span whose name is this text.
    Named(Box<str>),
    /// Spans whose name is made of these literal pieces with any text between them: `*` in the
    /// rule. At least two pieces; the first and last are anchored.
    Wildcard(Box<[Box<str>]>),
}

impl Operation {
    /// Whether a span of this name is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Named(own) => **own == *name,
            Self::Wildcard(pieces) => {
                let [first, inner @ .., last] = &**pieces else { return false };
                let Some(mut rest) = name.strip_prefix(&**first) else { return false };
                for piece in inner {
                    let Some(at) = rest.find(&**piece) else { return false };
                    rest = &rest[at + piece.len()..];
                }
                rest.ends_with(&**last)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_any_text_between_its_pieces() {
        let wildcard = |pieces: &[&str]| {
            Operation::Wildcard(pieces.iter().map(|&piece| piece.into()).collect())
        };
        assert!(wildcard(&["GET ", ""]).matches("GET /users"));
        assert!(!wildcard(&["GET ", ""]).matches("POST /users"));
        assert!(wildcard(&["a", "a"]).matches("aba"));
        assert!(!wildcard(&["ab", "ba"]).matches("aba"));
        assert!(wildcard(&["", "x", ""]).matches("axb"));
        assert!(wildcard(&["", ""]).matches(""));
        assert!(wildcard(&["a", "b", "c"]).matches("a_b_b_c"));
        assert!(!wildcard(&["a", "b", "c"]).matches("a_c_b"));
    }
}
