use super::*;

fn edge_with(old: &str, new: &str) -> String {
    let text = BUILT_IN[0].1;
    assert!(text.contains(old), "the profile has no {old}");
    Target::parse("own.toml", &text.replacen(old, new, 1)).unwrap_err().to_string()
}

#[test]
fn built_in_profiles_are_sound_and_named_as_their_folder() {
    for name in names() {
        assert_eq!(Target::find(name).unwrap().name, name);
    }
    assert!(names().any(|name| name == DEFAULT_TARGET));
}

#[test]
fn says_what_is_wrong_with_a_profile() {
    assert_eq!(edge_with("1e-4", "0.0"), "own.toml: field 'tolerance': 0 is not above 0");
    assert_eq!(
        edge_with("[\"tract\"]", "[\"auto\"]"),
        "own.toml: field 'engines': 'auto' is no engine; known: tract, onnxruntime"
    );
    assert_eq!(edge_with("clip = 1", "clip = 0"), "own.toml: batch 0 is not in 1..=4096");
    assert_eq!(edge_with("clip = 1", "clip = \"many\""), "own.toml: a batch is a number or \"batch\", not \"many\"");
    assert!(edge_with("clip = 1", "clips = 1").contains("unknown field `clips`"));
    assert_eq!(
        edge_with("[batch]", "buckets = [96, 64]\n[batch]"),
        "own.toml: field 'buckets': [96, 64] do not ascend from 1 or more"
    );
    assert_eq!(
        edge_with("[batch]", "layout = \"triton\"\nbuckets = [64]\n[batch]"),
        "own.toml: field 'buckets': a Triton repository has one encoder"
    );
    assert_eq!(
        edge_with("[batch]", "precisions = [\"int8\"]\n[batch]"),
        "own.toml: field 'precisions': the target's own, fp32, is not among them"
    );
}

#[test]
fn batches_must_ascend_and_leave_the_batch_open() {
    let batches = "[batches]\nencoder = { min = 1, opt = 8, max = 9 }\nclassifier = { min = 1, opt = 1, max = 1 }\n\
                   clip = { min = 1, opt = 1, max = 1 }\n[batch]";
    assert_eq!(edge_with("[batch]", batches), "own.toml: field 'batches': encoder: its batch is fixed");
    let descending = batches.replace("max = 9", "max = 7");
    assert_eq!(
        edge_with("[batch]", &descending),
        "own.toml: field 'batches': encoder: min, opt and max do not ascend from 1"
    );
    let batches = Target::find("server-tensorrt").unwrap().batches(GraphName::Encoder).unwrap();
    assert_eq!((batches.min, batches.opt, batches.max), (1, 64, 256));
}
