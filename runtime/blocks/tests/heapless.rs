//! Rows and blocks in collections of a fixed size: what does not fit is said, and changes nothing.

#![cfg(feature = "heapless_v0_9")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod jpeg_common;

use common::{MPEG1, MPEG2_MONO, frames};
use heapless::Vec;
use tempest_blocks::heapless_v0_9::{Overflow, push_bytes, push_row};
use tempest_blocks::mp3::{self, MainData, SideInfo, adu, fields, granule, parts};
use tempest_blocks::{ErrorClass, ViewError, jpeg, opus};

#[test]
fn rows_follow_each_other_until_there_is_no_room() {
    let stream = frames(MPEG2_MONO, 4);
    let mut rows = Vec::<i32, 80>::new();
    let pushed: std::vec::Vec<_> =
        mp3::blocks(&stream).map(|block| push_row(&mut rows, 24, |row| fields::write(&block, row))).collect();
    let full = Err(ViewError::RowLength { expected: 24, found: 8 });
    assert_eq!(pushed, [Ok(()), Ok(()), Ok(()), full]);
    let mut row = [0; 24];
    fields::write(&mp3::blocks(&stream).next().unwrap(), &mut row).unwrap();
    assert_eq!(rows, row.repeat(3)[..]);
}

#[test]
fn a_row_that_fails_leaves_nothing() {
    let stream = frames(MPEG1, 2);
    let block = mp3::blocks(&stream).next().unwrap();
    let mut rows = Vec::<i32, 100>::new();
    assert_eq!(push_row(&mut rows, 3, |row| Ok(row.len())), Ok(3));
    let wrong = push_row(&mut rows, 24, |row| fields::write(&block, row));
    assert_eq!(wrong, Err(ViewError::RowLength { expected: 84, found: 24 }));
    assert_eq!(rows, [0; 3]);
    assert_eq!(push_row(&mut rows, 10, |row| Ok(mp3::bytes::write(&block, row))), Ok(407));
    assert_eq!((rows.len(), rows[3]), (13, 0xFF));
}

#[test]
fn blocks_of_every_kind_are_kept_whole_or_not_at_all() {
    let stream = frames(MPEG1, 2);
    let block = mp3::blocks(&stream).next().unwrap();
    let mut owned = Vec::<u8, 600>::new();
    assert_eq!(push_bytes(&mut owned, &block), Ok(()));
    let full = Overflow { needed: 417, room: 183 };
    assert_eq!(push_bytes(&mut owned, &block), Err(full));
    assert_eq!((full.class(), owned.len()), (ErrorClass::Limit, 417));
    assert_eq!(full.to_string(), "the block has 417 bytes, there is room for 183");

    let (mut adu_buffer, mut granule_buffer) = ([0; adu::MAX_ADU_BYTES], [0; granule::MAX_GRANULE_BYTES]);
    let adu = adu::join(&block, MainData::default(), &mut adu_buffer).unwrap();
    let side_info = SideInfo::parse(block.header, block.bytes).unwrap();
    let part = parts(block.header, &side_info, MainData::default()).next().unwrap();
    assert_eq!(push_bytes(&mut owned, &adu), Ok(()));
    assert_eq!(push_bytes(&mut owned, &granule::cut(&block, &part, &mut granule_buffer)), Ok(()));
    assert_eq!(owned, [&stream[..417], adu.bytes, &[0; 8]].concat()[..]);

    let packet = opus::Packet::parse(&[0xF8, 7, 9]).unwrap();
    let file = jpeg_common::write(&jpeg_common::Spec::new(8, 8, &[(1, 1)])).bytes;
    let mut mcus = jpeg::Image::parse(&file).unwrap().mcus();
    let mcu = mcus.next().unwrap().unwrap();
    owned.clear();
    assert_eq!(push_bytes(&mut owned, &packet.frames().next().unwrap().bytes), Ok(()));
    assert_eq!(push_bytes(&mut owned, &mcu.data), Ok(()));
    assert_eq!(owned, [vec![7, 9], mcu.data.aligned().collect()].concat()[..]);
}
