//! A row of any view has one error, which says what is wrong and of which class that is.

use tempest_blocks::mp3::MainDataError;
use tempest_blocks::opus::PacketError;
use tempest_blocks::{ErrorClass, ViewError};

#[test]
fn every_way_to_a_row_ends_in_one_error() {
    let (needed, found) = (30, 12);
    let cases = [
        (
            MainDataError::Incomplete { needed, found }.into(),
            "the main data begins 30 bytes before the frame, of which 12 are there",
            ErrorClass::Malformed,
        ),
        (
            MainDataError::Truncated { needed, found }.into(),
            "the view reads 30 bytes, the block has 12",
            ErrorClass::Malformed,
        ),
        (PacketError::R1.into(), "RFC 6716 R1: the packet is empty", ErrorClass::Malformed),
        (ViewError::RowLength { expected: needed, found }, "the block's row has 30 values, not 12", ErrorClass::Limit),
    ];
    for (error, words, class) in cases {
        let error: ViewError = error;
        assert_eq!((error.to_string().as_str(), error.class()), (words, class));
    }
}
