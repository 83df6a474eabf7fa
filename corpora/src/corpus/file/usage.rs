//! What a block is for: where it is used, and what its content must be for that.

use super::opened::Opened;

/// The use of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) part: Part,
    pub(super) field: FieldName,
    /// What of the field.
    pub(super) role: Role,
    pub(super) check: Check,
}

/// A part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Traces,
    Operation(u32),
    Table(u32),
    Resources,
    Scopes,
    Dictionary(u32),
}

/// A field of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldName {
    Own(&'static str),
    Key(u32),
}

/// What of a field a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Values,
    Present,
}

/// What the content of a block must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Anything.
    Any,
    /// Items of `width` bytes, none outside of the range.
    Within { width: u8, least: u64, most: u64 },
    /// Times that ascend from the first to the last.
    Times { first: u64, last: u64 },
    /// A bitmap of so many bits.
    Bits(usize),
    /// Trace ordinals of this table.
    Ordinals(u32),
    /// Parents of the rows of this table as offsets from `base`, none above `most`.
    Parents { table: u32, base: i64, most: u64 },
    /// Pages of a dictionary.
    Pages,
}

impl Usage {
    /// As people know it: `checkout: attribute amount`.
    pub(super) fn name(&self, file: &Opened) -> String {
        let part = match self.part {
            Part::Traces => "traces".to_owned(),
            Part::Operation(operation) => file.operations[operation as usize].name.to_string(),
            Part::Table(table) => file.table_name(table),
            Part::Resources => "resources".to_owned(),
            Part::Scopes => "scopes".to_owned(),
            Part::Dictionary(number) => format!("dictionary {number}"),
        };
        let field = self.field(file);
        match self.role {
            Role::Values => format!("{part}: {field}"),
            Role::Present => format!("{part}: which have {field}"),
        }
    }

    /// The field alone: `attribute amount`.
    pub(super) fn field(&self, file: &Opened) -> String {
        match self.field {
            FieldName::Own(name) => name.to_owned(),
            FieldName::Key(key) => format!("attribute {}", file.keys[key as usize]),
        }
    }

    /// The operations whose rows it is about.
    pub(super) fn operations(&self, file: &Opened) -> Vec<Box<str>> {
        let name = |number: &u32| file.operations[*number as usize].name.as_ref().into();
        match self.part {
            Part::Operation(operation) => vec![name(&operation)],
            Part::Table(table) => file.operations_of(table).iter().map(name).collect(),
            _ => Vec::new(),
        }
    }
}
