//! Many runs of `fit` from one TOML file, and the table of what came of them.

mod name;
mod plan;
mod table;

pub use plan::{Plan, Planned, SweepError};
pub use table::{Row, Spread, Table};
