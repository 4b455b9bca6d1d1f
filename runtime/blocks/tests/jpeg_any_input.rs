//! Whatever the file and however it arrives: the same events, every byte accounted for, no panic.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod damage;
mod jpeg_common;

use damage::Damage;
use jpeg_common::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn spec() -> impl Strategy<Value = Spec> {
    let sampling = prop::sample::select(vec![
        vec![(1, 1)],
        vec![(1, 1), (1, 1)],
        vec![(2, 2), (1, 1), (1, 1)],
        vec![(2, 1), (1, 1), (1, 1)],
        vec![(1, 2), (1, 1), (2, 2), (1, 1)],
        vec![(4, 1), (1, 3), (1, 1)],
    ]);
    (sampling, 1..70_u16, 1..50_u16, 0..9_u16, any::<bool>(), any::<bool>(), 0..=64_u64, any::<u32>()).prop_map(
        |(sampling, width, height, restart, one_by_one, redefine, density, seed)| {
            let spec = Spec::new(width, height, &sampling).restart(restart);
            let scans = if one_by_one { (0..sampling.len()).map(|c| vec![c]).collect() } else { spec.scans };
            Spec { scans, redefine, density, seed: seed.into(), ..spec }
        },
    )
}

fn damage() -> impl Strategy<Value = Damage> {
    let near_marker =
        prop::sample::select(vec![0xFF, 0x00, 0xD0, 0xD1, 0xD9, 0xC4, 0xDA, 0xC0, 0xDD, 0xE0, 0x01, 0x02]);
    damage::damage(200, vec(near_marker, 1..8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn sound_images_come_back(spec in spec(), sizes in vec(1..300_usize, 1..5)) {
        let jpeg = write(&spec);
        prop_assert_eq!(mcus(&jpeg.bytes), jpeg.mcus);
        examine(&jpeg.bytes, &sizes);
    }

    #[test]
    fn damaged_images_are_accounted_for(spec in spec(), damages in vec(damage(), 1..6), sizes in vec(1..300_usize, 1..5)) {
        let mut data = write(&spec).bytes;
        for damage in &damages {
            damage.apply(&mut data);
        }
        examine(&data, &sizes);
    }

    #[test]
    fn noise_as_entropy_coded_data(spec in spec(), noise in vec(any::<u8>(), 0..2000), sizes in vec(1..300_usize, 1..5)) {
        let jpeg = write(&spec);
        let data = [&jpeg.bytes[..jpeg.scan_data[0].start], &noise].concat();
        examine(&data, &sizes);
    }

    #[test]
    fn noise_as_segments(bytes in vec(prop_oneof![Just(0xFF), 0xC0..=0xFF_u8, 0..4_u8, any::<u8>()], 0..400), sizes in vec(1..300_usize, 1..5)) {
        examine(&[&[0xFF, 0xD8], &bytes[..]].concat(), &sizes);
    }
}
