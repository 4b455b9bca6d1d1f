//! Where answers go: standard output, and the files that were asked for.

use super::heatmap::Heatmap;
use super::npy::Npy;
use super::print::{Printer, Score};
use super::progress::Progress;
use super::request::Name;
use super::table::Table;
use super::work::{Classified, Outcome};
use super::{ClassifyArgs, Style};
use anyhow::Result;
use std::ops::Range;

/// All of it, in the order of the requests.
pub(super) struct Outputs {
    printer: Printer,
    score: Option<Score>,
    table: Option<Table>,
    embeddings: Option<Npy>,
    heatmap: Option<Heatmap>,
    progress: Progress,
    has_failed: bool,
}

impl Outputs {
    /// Begins every file: what cannot be written is known before any work is done.
    pub(super) fn create(
        args: &ClassifyArgs,
        labels: &[String],
        embedding: usize,
        requests: Option<usize>,
    ) -> Result<Self> {
        let printer = Printer::new(args.style(), args.top, labels);
        Ok(Outputs {
            printer,
            score: args.score.then(|| Score::new(labels)),
            table: args.csv.as_deref().map(|path| Table::create(path, labels, args.all)).transpose()?,
            embeddings: args.embeddings.as_deref().map(|path| Npy::create(path, embedding)).transpose()?,
            heatmap: args.plot.as_deref().map(|path| Heatmap::create(path, labels)).transpose()?,
            progress: Progress::new(requests, args.style() == Style::Silent),
            has_failed: false,
        })
    }

    /// The next answer.
    pub(super) fn add(&mut self, name: &Name, outcome: &Outcome) -> Result<()> {
        if let Some(table) = &mut self.table {
            table.add(name, outcome)?;
        }
        if let Some(score) = &mut self.score {
            score.add(name, outcome);
        }
        match outcome {
            Ok(classified) => self.answer(name, classified)?,
            Err(failure) => {
                self.has_failed = true;
                self.progress.suspend(|| self.printer.failure(name, &failure.to_string()))?;
            }
        }
        self.progress.add();
        Ok(())
    }

    fn answer(&mut self, name: &Name, classified: &Classified) -> Result<()> {
        let rows = self.embed(&classified.embeddings)?;
        if let (Some(heatmap), Some(timeline)) = (self.heatmap.take(), &classified.timeline) {
            heatmap.finish(&name.file, timeline)?;
        }
        self.printer.answer(name, classified, rows)
    }

    /// Appends rows to the array, and says where they are.
    fn embed(&mut self, rows: &[f32]) -> Result<Option<Range<usize>>> {
        let Some(npy) = &mut self.embeddings else { return Ok(None) };
        let start = npy.rows();
        npy.add(rows)?;
        Ok(Some(start..npy.rows()))
    }

    /// Nobody listens any more, and no file is written.
    pub(super) fn are_deaf(&self) -> bool {
        self.printer.is_closed() && self.table.is_none() && self.embeddings.is_none() && self.heatmap.is_none()
    }

    /// Gives every file its name. Whether all has been classified.
    pub(super) fn finish(mut self) -> Result<bool> {
        self.progress.finish();
        self.embeddings.map(Npy::finish).transpose()?;
        self.table.map(Table::finish).transpose()?;
        if let Some(score) = &self.score {
            self.printer.score(score)?;
        }
        Ok(!self.has_failed)
    }
}
