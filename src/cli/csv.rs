//! Signals as CSV: one row a signal, a column for each context key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

use crate::{Module, Signal, rfc3339};

/// Writes signals as rows, safe to open in a spreadsheet.
pub struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
    /// The column of each context key, from 0 after those of every signal.
    columns: HashMap<Box<str>, usize>,
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
        let mut keys: Vec<&str> = Vec::new();
        let mut columns = HashMap::new();
        for (key, _) in module.rules.iter().flat_map(|rule| &rule.context) {
            if let Entry::Vacant(column) = columns.entry(key.clone()) {
                column.insert(keys.len());
                keys.push(key);
            }
        }
        let mut writer = csv::Writer::from_writer(out);
        let header = COLUMNS.into_iter().map(str::to_owned);
        let context = keys.iter().map(|key| safe(&format!("context.{key}")));
        writer.write_record(header.chain(context)).map_err(cause)?;
        Ok(Self { writer, columns })
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
        let mut context = vec![String::new(); self.columns.len()];
        for entry in &signal.context.entries {
            let values = entry.values.iter().map(|value| value.text.as_str());
            context[self.columns[&entry.key]] = values.collect::<Vec<_>>().join("; ");
        }
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

/// A cell that no spreadsheet takes for a formula, be it one that drops what is blank before it.
fn safe(cell: &str) -> String {
    const LEADERS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let blank = |c: char| c.is_whitespace() || c.is_control();
    if cell.starts_with(char::is_control) || cell.trim_start_matches(blank).starts_with(LEADERS) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_cell_is_a_formula() {
        for leader in
            ["=", "+", "-", "@", "\t", "\r", "\0", "\n", "  =", " \n@", "＝", "＋", "－", "＠"]
        {
            assert_eq!(safe(&format!("{leader}1+1")), format!("'{leader}1+1"));
        }
        assert_eq!(safe("a=1"), "a=1");
        assert_eq!(safe(" a"), " a");
        assert_eq!(safe(""), "");
    }
}
