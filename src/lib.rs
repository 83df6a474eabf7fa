//! betrace
