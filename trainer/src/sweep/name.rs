use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Longest name that is kept as it is; file systems end at 255 bytes.
const MAX_LEN: usize = 120;

/// The folder of a run: its own name, then `option-value` of what varies. Safe on every file system; what had to be
/// altered for that ends in a hash of what it was, so that two names stay two.
pub(super) fn folder(name: Option<&str>, varying: &BTreeMap<String, String>) -> String {
    let options = varying.iter().map(|(option, value)| format!("{option}-{value}"));
    let parts: Vec<String> = name.map(String::from).into_iter().chain(options).collect();
    let wanted = if parts.is_empty() { "run".into() } else { parts.join("_") };
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut safe: String = wanted.chars().map(|c| if is_safe(c) { c } else { '-' }).collect();
    if safe.starts_with('.') {
        safe.replace_range(..1, "-");
    }
    safe.truncate(MAX_LEN);
    if safe == wanted { safe } else { format!("{safe}-{}", hash(&wanted)) }
}

/// 8 hexadecimal digits.
fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: Option<&str>, options: &[(&str, &str)]) -> String {
        folder(name, &options.iter().map(|(option, value)| (option.to_string(), value.to_string())).collect())
    }

    #[test]
    fn names_say_what_varies() {
        assert_eq!(named(None, &[]), "run");
        assert_eq!(named(None, &[("view", "fields"), ("seed", "1")]), "seed-1_view-fields");
        assert_eq!(named(Some("quiet"), &[("learning-rate", "0.002")]), "quiet_learning-rate-0.002");
    }

    #[test]
    fn what_a_file_system_would_refuse_is_altered_and_stays_apart() {
        let all = [
            named(Some("../../etc"), &[]),
            named(Some(".."), &[]),
            named(Some("a/b"), &[]),
            named(Some("a b"), &[]),
            named(Some("é"), &[]),
            named(Some(&"x".repeat(400)), &[]),
            named(Some(&"x".repeat(401)), &[]),
        ];
        for name in &all {
            assert!(name.len() <= MAX_LEN + 9 && !name.starts_with('.'), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
        }
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "{all:?}");
    }
}
