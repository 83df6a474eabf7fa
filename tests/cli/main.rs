//! The command line as its users meet it: the built program over generated and hand-written data.

mod completeness;
mod corpus;
mod counts;
mod csv;
mod damage;
mod differences;
mod documents;
mod engines;
mod exits;
mod explained;
mod golden;
mod inputs;
mod keys;
mod library;
mod lint;
mod manual;
mod memory;
mod order;
mod removal;
mod rule_tests;
mod rules;
mod sample;
mod sandbox;
mod shapes;
mod terminal;
mod times;
