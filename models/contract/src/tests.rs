use super::*;

fn contract() -> Contract {
    Contract {
        format_version: FORMAT_VERSION,
        name: "digits".into(),
        labels: vec!["zero".into(), "one".into()],
        answers: Answers::OneOf,
        codec: Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: 16_000,
            channels: 1,
            mode: RateMode::Cbr,
            bitrates_kbps: vec![24, 32, 40],
            reservoir: Reservoir::Mixed,
            encoder: "LAME 3.100".into(),
        }),
        view: View { kind: ViewKind::Fields, row: 24, layout: 1 },
        window: Window { blocks: 32, hop: 16 },
    }
}

#[test]
fn survives_a_round_trip_through_json() {
    let json = serde_json::to_string(&contract()).unwrap();
    assert_eq!(Contract::from_json(&json).unwrap(), contract());
    assert_eq!(contract().media(), "MP3, 16000 Hz, mono, 24-40 kbit/s");
}

#[test]
fn names_the_field_that_is_wrong() {
    let text = |change: fn(&mut Contract)| {
        let mut bad = contract();
        change(&mut bad);
        bad.check().unwrap_err().to_string()
    };
    assert_eq!(
        text(|c| c.labels.clear()),
        "contract: field 'labels': the list is empty; a model needs one label per class"
    );
    assert_eq!(text(|c| c.labels[1] = "zero".into()), "contract: field 'labels': 'zero' stands twice");
    assert_eq!(
        text(|c| c.labels[0] = "../up".into()),
        "contract: field 'labels': \"../up\" is no name: empty, a path, or with control characters"
    );
    assert_eq!(text(|c| c.window.hop = 33), "contract: field 'window.hop': 33 is not in 1..=32");
    assert_eq!(text(|c| c.view.row = 0), "contract: field 'view.row': 0 is not in 1..=65536");
    assert_eq!(
        text(|c| c.format_version = 9),
        "contract: format version 9, this build reads version 1; use the matching release"
    );
}

#[test]
fn names_a_missing_field() {
    let mut json = serde_json::to_value(contract()).unwrap();
    json.as_object_mut().unwrap().remove("labels");
    let error = Contract::from_json(&json.to_string()).unwrap_err().to_string();
    assert!(error.contains("missing field `labels`"), "{error}");
}

#[test]
fn an_unknown_view_is_named_beside_the_known_ones() {
    let json = serde_json::to_string(&contract()).unwrap().replace("\"fields\"", "\"spectrum\"");
    let error = Contract::from_json(&json).unwrap_err().to_string();
    assert!(error.contains("unknown variant `spectrum`") && error.contains("`scalefactors`, `symbols`"), "{error}");
}

#[test]
fn windows_cover_every_block_once_or_more_and_never_leave_the_clip() {
    for blocks in 1..12 {
        for hop in 1..=blocks {
            for count in 0..40 {
                let windows: Vec<_> = Window { blocks, hop }.over(count).collect();
                assert_eq!(windows.is_empty(), count == 0);
                let mut covered = 0;
                for window in &windows {
                    assert!(window.start <= covered && window.end <= count && window.len() <= blocks);
                    covered = window.end;
                }
                assert_eq!(covered, count);
            }
        }
    }
}

#[test]
fn views_are_named_as_in_json_and_have_the_columns_of_their_media() {
    let codec = contract().codec;
    for kind in ViewKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    let lengths = |codec: &Codec| ViewKind::ALL.map(|kind| kind.columns(codec).map(|columns| columns.len()));
    assert_eq!(lengths(&codec), [None, Some(24), Some(85), Some(146)]);
    // MPEG-1, stereo: two granules of two channels.
    let Codec::Mp3(mut mp3) = codec else { panic!("MP3") };
    (mp3.sample_rate, mp3.channels) = (44_100, 2);
    assert_eq!(lengths(&Codec::Mp3(mp3)), [None, Some(84), Some(328), Some(572)]);
}
