//! How much memory every state takes: what a microcontroller must give.

use tempest_blocks::{Detector, jpeg, mp3, opus};

#[test]
fn states_fit_a_microcontroller() {
    const KIB: usize = 1 << 10;
    let table = [
        ("mp3::Cutter", size_of::<mp3::Cutter>(), 4 * KIB),
        ("mp3::Events", size_of::<mp3::Events<'_>>(), 256),
        ("mp3::Reservoir", size_of::<mp3::Reservoir>(), 2 * KIB),
        ("mp3::Parts", size_of::<mp3::Parts<'_>>(), 320),
        ("mp3::Spectrum", size_of::<mp3::Spectrum>(), 1200),
        ("buffer of mp3::adu", mp3::adu::MAX_ADU_BYTES, 2 * KIB),
        ("buffer of mp3::granule", mp3::granule::MAX_GRANULE_BYTES, 520),
        ("opus::Cutter", size_of::<opus::Cutter>(), 16 * KIB),
        ("opus::Cutter of any page", size_of::<opus::Cutter<{ opus::MAX_PAGE_BYTES }>>(), 73 * KIB),
        ("opus::Events", size_of::<opus::Events<'_>>(), 640),
        ("opus::Block", size_of::<opus::Block<'_>>(), 160),
        ("opus::State", size_of::<opus::State>(), 256),
        ("jpeg::Cutter", size_of::<jpeg::Cutter>(), 16 * KIB),
        ("jpeg::Events", size_of::<jpeg::Events<'_>>(), 12 * KIB),
        ("jpeg::Restarts", size_of::<jpeg::Restarts<'_>>(), 12 * KIB),
        ("jpeg::Approx", size_of::<jpeg::Approx<'_>>(), 12 * KIB),
        ("jpeg::Image", size_of::<jpeg::Image<'_>>(), 64),
        ("jpeg::Mcu", size_of::<jpeg::Mcu<'_>>(), 128),
        ("Detector", size_of::<Detector>(), 512),
    ];
    for (name, bytes, most) in table {
        println!("{name}: {bytes} bytes, at most {most}");
        assert!(bytes <= most, "{name} takes {bytes} bytes, more than {most}");
    }
}
