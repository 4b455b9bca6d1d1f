//! Runs as one HTML page that needs nothing else: curves, confusion matrix, table of classes, most confused clips, and
//! several runs side by side.

mod card;
mod charts;
mod classes;
mod clips;
mod compare;
mod html;
mod run;

pub use run::{RunError, RunFiles};

use crate::eval::Evaluation;

/// The page of `runs`, in their order. All text of their files is escaped.
#[must_use]
pub fn page(runs: &[RunFiles]) -> String {
    let mut body = String::from("<h1>Training report</h1>\n");
    if runs.len() > 1 {
        body.push_str(&compare::section(runs));
    }
    for run in runs {
        body.push_str(&section(run));
    }
    let title = match runs {
        [run] => run.name.clone(),
        runs => format!("{} runs", runs.len()),
    };
    html::page(&title, &body)
}

/// All of one run.
fn section(run: &RunFiles) -> String {
    let mut parts = vec![html::heading(2, &run.name), card::card(run), charts::of_run(run)];
    match &run.test {
        Some(Evaluation { ranking: Some(ranking), labels, .. }) => parts.push(classes::ranking(ranking, labels)),
        Some(test) => parts.extend([classes::confusion(test), classes::table(test), classes::pairs(test)]),
        None => parts.push(html::note("Not evaluated: the run has not ended, or its data set has no test split.")),
    }
    parts.push(clips::most_confused(&run.predictions));
    format!("<section>\n{}</section>\n", parts.concat())
}

#[cfg(test)]
mod tests;
