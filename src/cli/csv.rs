//! Signals as CSV: one row a signal, a column for each context key.

use std::io::{self, Write};

use crate::{Module, Signal, rfc3339};

/// Writes signals as rows, safe to open in a spreadsheet.
pub struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
    keys: Vec<Box<str>>,
}

const COLUMNS: [&str; 10] = [
    "signal_id",
    "rule_id",
    "rule_hash",
    "severity",
    "timestamp",
    "trace_id",
    "span_ids",
    "message",
    "missing",
    "forbidden",
];

impl<W: Write> CsvWriter<W> {
    /// Writes the header: the columns of every signal, then the context keys of the rules.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(out: W, module: &Module) -> io::Result<Self> {
        let mut keys: Vec<Box<str>> = Vec::new();
        for (key, _) in module.rules.iter().flat_map(|rule| &rule.context) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let mut writer = csv::Writer::from_writer(out);
        let header = COLUMNS.into_iter().map(str::to_owned);
        let context = keys.iter().map(|key| safe(&format!("context.{key}")));
        writer.write_record(header.chain(context)).map_err(cause)?;
        Ok(Self { writer, keys })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, signal: &Signal) -> io::Result<()> {
        let own = [
            signal.signal_id.clone(),
            signal.rule_id.clone(),
            signal.rule_hash.clone(),
            signal.severity.name().to_owned(),
            rfc3339(signal.timestamp),
            signal.trace_id.clone(),
            signal.span_ids.join(" "),
            signal.message.clone(),
            signal.missing.join("; "),
            signal.forbidden.join("; "),
        ];
        let context = self.keys.iter().map(|key| {
            let values = signal.context.values(key).iter().map(|value| value.text.as_str());
            values.collect::<Vec<_>>().join("; ")
        });
        let cells = own.into_iter().chain(context).map(|cell| safe(&cell));
        self.writer.write_record(cells).map_err(cause)
    }

    /// Writes out what was written.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// What the system said, where it is that.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\0' | '＝' | '＋' | '－' | '＠') => {
            format!("'{cell}")
        }
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_cell_is_a_formula() {
        for leader in ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"] {
            assert_eq!(safe(&format!("{leader}1+1")), format!("'{leader}1+1"));
        }
        assert_eq!(safe("a=1"), "a=1");
        assert_eq!(safe(""), "");
    }
}
