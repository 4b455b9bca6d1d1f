#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

use super::*;
use crate::eval::Evaluation;
use crate::outcome::Costs;
use crate::ranking::Ranking;
use crate::sweep::Plan;

fn outcome(correct: usize, macs_per_second: Option<f64>) -> Outcome {
    let costs = Costs {
        parameters: 1_000,
        decoder_parameters: 10,
        macs_per_clip: 3_700_000,
        macs_per_second,
        bytes_read_per_block: macs_per_second.map(|_| 13.0),
    };
    let labels = vec!["a".into(), "b".into()];
    let test = Evaluation {
        clips: 80,
        correct,
        labels,
        ranking: None,
        confusion: vec![vec![correct, 80 - correct], vec![0, 0]],
    };
    Outcome { seconds: 60.0, steps: 9, costs, test }
}

const SWEEP: &str = "out = 'x'\n[base]\nepochs = 60\n[grid]\nview = ['fields', 'a|b']\nseed = [1]\ntest-fold = [1, 2, 3]\n\
                     [[run]]\nname = 'all'\n[[run]]\nname = 'pictures'\nview = 'symbols'\ntest-fold = 1\nquality = 50";

fn table() -> Table {
    let plan = Plan::parse(SWEEP).unwrap();
    let outcomes =
        plan.runs.iter().map(|run| match (run.options["view"].as_str(), run.options["test-fold"].as_str()) {
            ("fields", fold) => Some(outcome(70 + 2 * fold.parse::<usize>().unwrap(), Some(11.1e6))),
            ("symbols", _) => Some(outcome(79, None)),
            (_, "1") => Some(outcome(40, Some(11.1e6))),
            _ => None,
        });
    Table::of(&plan.runs.iter().zip(outcomes).collect::<Vec<_>>())
}

#[test]
fn rows_are_configurations_over_seeds_and_folds() {
    let expected = "\
| run | quality | view | test accuracy, % | runs | million MACs | bytes of a block | training, s | parameters |
|---|---|---|---|---|---|---|---|---|
| all | default | fields | 92.50 ± 2.50 (90.00 to 95.00) | 3 | 11.1 a second | 13.0 | 60 | 1000 |
| all | default | a\\|b | 50.00 | 1 of 3 | 11.1 a second | 13.0 | 60 | 1000 |
| pictures | 50 | symbols | 98.75 | 1 | 3.7 a clip | – | 60 | 1000 |
";
    assert_eq!(table().markdown(), expected);
}

#[test]
fn programs_get_every_figure() {
    let csv = String::from_utf8(table().csv().unwrap()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0].split(',').count(), 3 + FIGURES.len());
    assert_eq!(lines[3], "pictures,50,symbols,1,1,0.9875,,0.9875,0.9875,,3700000,,60,1000,");
    let json = serde_json::to_value(table()).unwrap();
    let row = &json["rows"][0];
    assert_eq!((row["finished"].as_u64(), row["accuracy"]["n"].as_u64()), (Some(3), Some(3)));
    assert!((row["accuracy"]["deviation"].as_f64().unwrap() - 0.025).abs() < 1e-12);
    assert_eq!(row["options"]["epochs"], "60");
    assert!(row["options"].get("seed").is_none());
}

#[test]
fn clips_with_several_labels_have_a_mean_average_precision() {
    let plan = Plan::parse("out = 'x'\n[grid]\nseed = [1, 2]").unwrap();
    let ranked = |precision| {
        let mut outcome = outcome(40, Some(11.1e6));
        let ranking = Ranking { mean_average_precision: Some(precision), auc: None, d_prime: None, labels: Vec::new() };
        outcome.test.ranking = Some(ranking);
        outcome
    };
    let outcomes = [ranked(0.3), ranked(0.5)];
    let table = Table::of(&plan.runs.iter().zip(outcomes.map(Some)).collect::<Vec<_>>());
    let markdown = table.markdown();
    assert!(markdown.starts_with("| test accuracy, % | mAP, % | runs |"), "{markdown}");
    assert!(markdown.contains("| 50.00 ± 0.00 (50.00 to 50.00) | 40.00 ± 14.14 (30.00 to 50.00) | 2 |"), "{markdown}");
    assert!(String::from_utf8(table.csv().unwrap()).unwrap().lines().last().unwrap().ends_with(",1000,0.4"));
}

#[test]
fn nothing_done_yet_is_a_table_too() {
    let plan = Plan::parse("out = 'x'\n[grid]\nseed = [1, 2]").unwrap();
    let table = Table::of(&plan.runs.iter().map(|run| (run, None)).collect::<Vec<_>>());
    assert_eq!(table.markdown().lines().last(), Some("| – | 0 of 2 | – | – | – | – |"));
}
