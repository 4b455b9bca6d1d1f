//! What is true of a clip.

/// Indices of the labels that are true of a clip, rising. One where a model answers with one of its labels
/// ([`tempest_contract::Answers::OneOf`]), any number, or none, where each label is true or not by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth(Vec<usize>);

impl Truth {
    /// The labels, rising.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        &self.0
    }

    /// Whether `label` is true.
    #[must_use]
    pub fn holds(&self, label: usize) -> bool {
        self.0.binary_search(&label).is_ok()
    }

    /// The one label that is true; the first of several, `None` of none.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        self.0.first().copied()
    }
}

impl From<usize> for Truth {
    fn from(label: usize) -> Self {
        Truth(vec![label])
    }
}

impl FromIterator<usize> for Truth {
    fn from_iter<I: IntoIterator<Item = usize>>(labels: I) -> Self {
        let mut labels: Vec<usize> = labels.into_iter().collect();
        labels.sort_unstable();
        labels.dedup();
        Truth(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_rise_and_stand_once() {
        let truth: Truth = [5, 1, 5].into_iter().collect();
        assert_eq!((truth.labels(), truth.first()), (&[1, 5][..], Some(1)));
        assert!(truth.holds(5) && !truth.holds(2));
        assert_eq!((Truth::default().first(), Truth::from(3).labels()), (None, &[3][..]));
    }
}
