use tempest_compiler::CompileError;
use tempest_compiler::ir::Graph;
use tempest_compiler::passes::{self, BUILD, Changed, Observer};

/// Prints graphs to standard error, so that standard output stays the report.
pub struct Dump {
    pass: String,
}

impl Dump {
    /// Prints after every run of `pass`, or of [`BUILD`].
    pub fn of(pass: &str) -> Result<Self, CompileError> {
        let known: Vec<&'static str> = [BUILD].into_iter().chain(passes::names()).collect();
        if known.contains(&pass) {
            return Ok(Self { pass: pass.to_owned() });
        }
        Err(CompileError::Pass { name: pass.to_owned(), known })
    }
}

impl Observer for Dump {
    fn after(&self, graph: &Graph, step: usize, pass: &str, Changed(count): Changed) {
        if pass == self.pass {
            eprint!("# {}: after {pass}, step {step}, {count} changed\n{graph}", graph.name);
        }
    }
}
