#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

use super::*;

const SWEEP: &str = r#"
out = "runs/sweep"
[base]
data = "esc10"
format = "esc"
epochs = 60
no-recon = true
strict = false
[grid]
view = ["fields", "symbols"]
test-fold = [1, 2]
[[run]]
name = "all"
[[run]]
name = "clean"
without = ["noise", "speed"]
learning-rate = 2e-3
[[run]]
view = "bytes"
"#;

fn names(text: &str) -> Vec<String> {
    Plan::parse(text).unwrap().runs.into_iter().map(|run| run.name).collect()
}

#[test]
fn every_run_meets_every_combination_that_it_leaves_open() {
    let expected = [
        "all_test-fold-1_view-fields",
        "all_test-fold-1_view-symbols",
        "all_test-fold-2_view-fields",
        "all_test-fold-2_view-symbols",
        "clean_test-fold-1_view-fields",
        "clean_test-fold-1_view-symbols",
        "clean_test-fold-2_view-fields",
        "clean_test-fold-2_view-symbols",
        "test-fold-1_view-bytes",
        "test-fold-2_view-bytes",
    ];
    assert_eq!(names(SWEEP), expected);
}

#[test]
fn options_become_arguments() {
    let plan = Plan::parse(SWEEP).unwrap();
    let clean = plan.runs.iter().find(|run| run.entry.as_deref() == Some("clean")).unwrap();
    let expected = [
        "--data=esc10",
        "--epochs=60",
        "--format=esc",
        "--learning-rate=0.002",
        "--no-recon",
        "--test-fold=1",
        "--view=fields",
        "--without=noise,speed",
    ];
    assert_eq!(clean.arguments, expected);
    assert_eq!((plan.out.to_str().unwrap(), clean.options["strict"].as_str()), ("runs/sweep", "false"));
}

#[test]
fn a_file_without_grid_and_runs_is_one_run() {
    assert_eq!(names("out = 'x'\n[base]\nseed = 1"), ["run"]);
}

#[test]
fn says_what_is_wrong_and_where() {
    let error = |text: &str| Plan::parse(text).unwrap_err().to_string();
    assert_eq!(
        error("out = 'x'\n[gird]\nseed = [1]"),
        "line 2: unknown field `gird`, expected one of `out`, `base`, `grid`, `run`"
    );
    assert_eq!(error("[base]"), "line 1: missing field `out`");
    assert_eq!(error("out = 'x'\n[grid]\nseed = 1"), "line 3: invalid type: integer `1`, expected a sequence");
    assert_eq!(error("out = 'x'\n[grid]\nseed = []"), "[grid] seed: the list is empty");
    let value = "seed = { a = 1 }: an option is a string, a number, true, false, or a list of these";
    assert_eq!(error("out = 'x'\n[base.seed]\na = 1"), value);
    assert_eq!(error("out = 'x'\n[base]\nout = 'y'"), "out: each run gets its own --out; leave it out");
    assert_eq!(
        error("out = 'x'\n[[run]]\nname = 'a'\n[[run]]\nname = 'a'"),
        "two runs are 'a'; give each [[run]] a name of its own"
    );
    let list = format!("{:?}", (0..101).collect::<Vec<_>>());
    assert_eq!(error(&format!("out = 'x'\n[grid]\na = {list}\nb = {list}")), "more than 10000 runs");
}
