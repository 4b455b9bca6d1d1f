//! How the processor's cores are shared out.

use crate::{Classifier, ClassifyError};
use std::num::NonZero;
use std::thread::available_parallelism;
use tempest_engine::{Bundle, Engine};

/// Clips at once, and threads of each one's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crew {
    pub jobs: usize,
    pub threads: usize,
}

impl Crew {
    /// What was asked for; what was not, so that jobs x threads is the number of cores: jobs first, since clips share
    /// nothing. Never more jobs than there are requests.
    pub(super) fn new(jobs: Option<usize>, threads: Option<usize>, requests: Option<usize>) -> Self {
        Self::of_cores(available_parallelism().map_or(1, NonZero::get), jobs, threads, requests)
    }

    fn of_cores(cores: usize, jobs: Option<usize>, threads: Option<usize>, requests: Option<usize>) -> Self {
        let jobs = jobs.unwrap_or(cores / threads.unwrap_or(1)).min(requests.unwrap_or(usize::MAX)).max(1);
        Crew { jobs, threads: threads.unwrap_or(cores / jobs).max(1) }
    }

    /// A loaded model for each job.
    pub(super) fn load(self, bundle: &Bundle, engine: &dyn Engine) -> Result<Vec<Classifier>, ClassifyError> {
        Classifier::load_many(bundle, engine, self.threads, self.jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::Crew;

    #[test]
    fn jobs_times_threads_is_the_number_of_cores() {
        let crew = |jobs, threads, requests| {
            let Crew { jobs, threads } = Crew::of_cores(8, jobs, threads, requests);
            (jobs, threads)
        };
        assert_eq!(crew(None, None, None), (8, 1));
        assert_eq!(crew(None, None, Some(400)), (8, 1));
        assert_eq!(crew(None, None, Some(2)), (2, 4));
        assert_eq!(crew(None, None, Some(0)), (1, 8));
        assert_eq!(crew(Some(3), None, None), (3, 2));
        assert_eq!(crew(None, Some(4), Some(400)), (2, 4));
        assert_eq!(crew(Some(5), Some(3), Some(400)), (5, 3));
        assert_eq!(crew(None, Some(16), None), (1, 16));
    }
}
