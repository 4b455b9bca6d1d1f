//! Which clips are held out, where a data set does not say so itself.
//!
//! The rule depends on a clip's own name and on nothing else, so a clip stays where it is when others come or go:
//!
//! > u = first 8 bytes, big-endian, of SHA-256(`purpose` ":" `group`), divided by 2^64; held out when u < share
//!
//! `purpose` is "test" or "validation", so that the two draws are independent. `group` is what must not be torn apart:
//! the file name, or the part of it that [`group`] and [`source_group`] say.

use sha2::{Digest, Sha256};

/// Share of the clips that hash into the test split.
pub const TEST_SHARE: f32 = 0.15;

/// The group of `file_name` (no folders in it): the name itself, or the speaker of `SPEAKER_nohash_TAKE.wav` as in
/// Speech Commands.
pub fn group(file_name: &str) -> &str {
    file_name.split_once("_nohash_").map_or(file_name, |(speaker, _)| speaker)
}

/// `FOLD-SOURCE` of `FOLD-SOURCE-TAKE.ogg` or `FOLD-SOURCE-TAKE-TARGET.wav`: takes of one source sound alike.
pub fn source_group(file_name: &str) -> &str {
    file_name.match_indices('-').nth(1).map_or(file_name, |(at, _)| &file_name[..at])
}

/// Whether `group` is in the test split.
pub fn is_test(group: &str) -> bool {
    uniform("test", group) < f64::from(TEST_SHARE)
}

/// Whether `group`, which is not in the test split, is in the validation split. `share` is of these, in [0, 1).
pub fn is_validation(group: &str, share: f32) -> bool {
    share > 0.0 && uniform("validation", group) < f64::from(share)
}

/// A number in [0, 1] drawn by SHA-256.
fn uniform(purpose: &str, group: &str) -> f64 {
    let digest = Sha256::new().chain_update(purpose).chain_update(":").chain_update(group).finalize();
    let head = digest.iter().take(8).fold(0u64, |acc, byte| acc << 8 | u64::from(*byte));
    head as f64 / 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_independent() {
        let names: Vec<String> = (0..10_000).map(|i| format!("{i:012x}.flac")).collect();
        let (test, rest): (Vec<_>, Vec<_>) = names.iter().partition(|name| is_test(name));
        let validation = rest.iter().filter(|name| is_validation(name, 0.1)).count();
        assert!((1_400..1_600).contains(&test.len()), "{}", test.len());
        assert!((750..950).contains(&validation), "{validation}");
        assert!(names.iter().all(|name| !is_validation(name, 0.0)));
    }

    #[test]
    fn the_formula_is_fixed() {
        // `printf test:abc | sha256sum` starts with df22f3d63722e9e7.
        assert_eq!(uniform("test", "abc"), 0xdf22_f3d6_3722_e9e7_u64 as f64 / 2f64.powi(64));
    }

    #[test]
    fn groups_keep_together_what_sounds_alike() {
        assert_eq!(group("0a7c2a8d_nohash_3.wav"), "0a7c2a8d");
        assert_eq!(group("00cb15842e6a.flac"), "00cb15842e6a.flac");
        assert_eq!(source_group("1-100032-A.ogg"), "1-100032");
        assert_eq!(source_group("1-100032-A-0.wav"), "1-100032");
        assert_eq!(source_group("odd.wav"), "odd.wav");
    }
}
