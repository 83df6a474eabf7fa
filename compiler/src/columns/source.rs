//! Where the values of a field are, found once for an operation instead of once a row.

use ir::module::Field;
use ir::segment::{Column, Fault, Narrow, Table, Values};
use ir::value::Type;
use ir::{Datum, Segment};

/// The place of a field's values, for the rows of one operation.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The same value on every row.
    Constant(Datum<'a>),
    /// A column of the operation's table.
    Column(&'a Column),
    /// A column of the resources, by each row's number.
    Resource(&'a Column, &'a Narrow),
    /// The first column; where that has no value, the second by each row's number.
    Either(&'a Column, &'a Column, &'a Narrow),
}

/// Finds columns of a segment.
pub struct Sources<'a>(pub &'a Segment);

impl<'a> Sources<'a> {
    /// The place of `field` on the spans of `operation`.
    ///
    /// # Errors
    /// A fault where it was not decoded.
    pub fn find(&self, operation: usize, field: &Field) -> Result<Source<'a>, Fault> {
        let segment = self.0;
        let name = &segment.operations[operation].name;
        let table = segment.table(operation);
        Ok(match field {
            Field::Name => Source::Constant(Datum::Entry(Type::Text, name)),
            Field::Kind => Source::Column(table.kind.column(field)?),
            Field::Status => Source::Column(table.status.column(field)?),
            Field::StatusMessage => Source::Column(table.message.column(field)?),
            Field::Duration => Source::Column(table.duration.column(field)?),
            Field::Span(key) => Source::Column(self.attribute(table, key, field)?),
            Field::Resource(key) => Source::Resource(self.resource(key, field)?, &table.resource),
            Field::Any(key) => {
                let own = self.attribute(table, key, field)?;
                match (&own.values, &own.present) {
                    (Values::Empty, _) => {
                        Source::Resource(self.resource(key, field)?, &table.resource)
                    }
                    (_, None) => Source::Column(own),
                    _ => Source::Either(own, self.resource(key, field)?, &table.resource),
                }
            }
        })
    }

    fn attribute(&self, table: &'a Table, key: &str, field: &Field) -> Result<&'a Column, Fault> {
        self.0.attribute(table, self.0.key(key)).column(field)
    }

    fn resource(&self, key: &str, field: &Field) -> Result<&'a Column, Fault> {
        self.0.resource(self.0.key(key)).column(field)
    }
}

impl<'a> Source<'a> {
    /// The value on a row of the table, if there is one.
    pub fn get(&self, row: usize) -> Option<Datum<'a>> {
        match self {
            Self::Constant(datum) => Some(*datum),
            _ => self.locate(row).and_then(|(column, at)| column.get(at)),
        }
    }

    /// The column that has the value of a row, and its place there.
    pub fn locate(&self, row: usize) -> Option<(&'a Column, usize)> {
        let here = |column: &'a Column, at: usize| column.has(at).then_some((column, at));
        match *self {
            Self::Constant(_) => None,
            Self::Column(column) => here(column, row),
            Self::Resource(column, numbers) => here(column, numbers.get(row) as usize),
            Self::Either(own, resource, numbers) => {
                here(own, row).or_else(|| here(resource, numbers.get(row) as usize))
            }
        }
    }

    /// The columns that values come from.
    pub fn columns(&self) -> impl Iterator<Item = &'a Column> {
        let (first, second) = match *self {
            Self::Constant(_) => (None, None),
            Self::Column(column) | Self::Resource(column, _) => (Some(column), None),
            Self::Either(own, resource, _) => (Some(own), Some(resource)),
        };
        first.into_iter().chain(second)
    }
}
