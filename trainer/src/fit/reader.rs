//! What reads one of the media.

use super::Task;
use super::average::Average;
use super::media::Variables;
use crate::step::Workers;
use anyhow::Result;
use candle_core::Var;
use std::collections::BTreeMap;
use tempest_models::Model;

/// The model of one medium, and what trains it.
pub(super) struct Reader {
    /// On the weights that are scored: the running averages where there are some.
    pub(super) scored: Model,
    pub(super) workers: Workers,
}

impl Reader {
    /// The model of `task.media[medium]`, on the run's variables.
    pub(super) fn new(task: &Task, medium: usize, variables: &Variables, average: Option<&Average>) -> Result<Self> {
        let (of, fixed) = (&task.media[medium], variables.of(medium, &variables.fixed));
        let build = |vars: &BTreeMap<String, Var>| {
            let vars = variables.of(medium, vars).into_iter().map(|(name, var)| (name, var.as_tensor().clone()));
            Model::new(of.contract, of.config, &vars.chain(fixed.clone()).collect())
        };
        let (model, vars) = (build(&variables.trained)?, variables.of(medium, &variables.trained));
        let workers = Workers::start(&model, &vars, task.step_options(of, &fixed)?)?;
        Ok(Reader { scored: average.map_or(Ok(model), |average| build(&average.vars))?, workers })
    }
}
