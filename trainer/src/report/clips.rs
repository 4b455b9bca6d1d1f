use super::html;
use crate::predictions::Prediction;

/// Clips shown.
const CLIPS_MAX: usize = 25;

/// The wrong answers that the model is surest of.
pub(super) fn most_confused(predictions: &[Prediction]) -> String {
    let mut wrong: Vec<&Prediction> = predictions.iter().filter(|clip| !clip.correct).collect();
    if wrong.is_empty() {
        return String::new();
    }
    wrong.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.clip.cmp(&b.clip)));
    let row = |clip: &&Prediction| {
        let [answer, truth] = [clip.probability, clip.truth_probability].map(|p| html::percent(Some(f64::from(p))));
        vec![clip.clip.clone(), clip.truth.clone(), clip.answer.clone(), answer, truth]
    };
    let rows: Vec<Vec<String>> = wrong.iter().take(CLIPS_MAX).map(row).collect();
    let note = html::note(&format!("{} of {} clips are answered wrongly.", wrong.len(), predictions.len()));
    let heads = ["clip", "truth", "answer", "probability, %", "of the truth, %"];
    html::heading(3, "Most confused clips") + &note + &html::table(&heads, 3, &rows)
}
