//! Rule files: YAML → checked [`Rule`]s and [`Alert`]s → [`RuleSet`]; and the library, rules that are
//! embedded.
//!
//! The loader reads every file whole, reports every error of it with its place, and keeps the
//! rules that have none.

mod condition;
mod draft;
mod fields;
mod findings;
mod layout;
mod library;
mod model;
mod read;
mod reader;
mod set;
mod written;
pub mod yaml;

pub use fields::Fields;
pub use findings::Findings;
pub use layout::{FormatError, format};
pub use library::{LIBRARY, library_part};
pub use model::{ALLOW, Alert, Entry, Place, Rule, SignalSpec, Written};
pub use reader::{Reader, first_line};
pub use set::{
    FILE_BYTES, LoadError, RuleSet, SourceFile, TEST_ENDINGS, is_test_file, read_text, test_files,
};
pub use written::escaped;
