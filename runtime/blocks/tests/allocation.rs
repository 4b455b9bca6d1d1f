//! Nothing here allocates: a counting allocator watches cutting, every view and every adapter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod jpeg_common;
mod opus_common;

use std::hint::black_box;

use allocation_counter::measure;
use tempest_blocks::{Cut, Detection, Detector, jpeg, mp3, opus};

/// Fails if `work` allocates; it gives how much it has done, which must not be nothing.
#[track_caller]
fn without_allocation(work: impl FnOnce() -> usize) {
    let mut done = 0;
    let seen = measure(|| done = work());
    assert_eq!(seen.count_total, 0, "{} bytes allocated", seen.bytes_total);
    assert!(done > 0);
}

/// Feeds chunks of 100 bytes.
fn push_all<C: Cut>(mut cutter: C, data: &[u8], mut look: impl FnMut(C::Event<'_>)) -> usize {
    let mut events = 0;
    for chunk in data.chunks(100) {
        let mut rest = chunk;
        while let (Some(event), behind) = cutter.push(rest) {
            look(event);
            events += 1;
            rest = behind;
        }
    }
    while let Some(event) = cutter.finish() {
        look(event);
        events += 1;
    }
    events
}

fn mp3_stream() -> Vec<u8> {
    use common::*;
    // Side information of all sorts, garbage and every tag.
    let noise: Vec<u8> = (0..40_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let noisy = |word, count| -> Vec<u8> {
        let mut stream = frames(word, count);
        let frame_bytes = stream.len() / count;
        for (number, frame) in stream.chunks_mut(frame_bytes).enumerate() {
            frame[4..].copy_from_slice(&noise[number * 31..][..frame_bytes - 4]);
            frame[4] &= 1; // main_data_begin is near
        }
        stream
    };
    [id3v2(&[7; 300], false), noisy(MPEG1, 9), vec![1; 99], noisy(MPEG2_MONO, 9), ape(32, true), id3v1()].concat()
}

fn opus_file() -> Vec<u8> {
    let mut writer = opus_common::Writer::opus(7, 4, 600);
    for bytes in [10, 300, 254, 255, 2000, 9, 9000] {
        writer.packet(&opus_common::packet(bytes), 960);
    }
    [writer.finish(), b"garbage".to_vec(), opus_common::headers()].concat()
}

fn jpeg_file() -> Vec<u8> {
    use jpeg_common::*;
    let mut file = write(&Spec::new(40, 30, &[(2, 2), (1, 1), (1, 1)]).restart(2)).bytes;
    let middle = file.len() - 300;
    file[middle..middle + 20].fill(0xFF);
    file
}

/// Everything that is made of a frame.
fn read_frame(block: &mp3::Block<'_>, reservoir: &mut mp3::Reservoir) -> usize {
    let (granules, channels) = (block.header.granules(), block.header.channels());
    let mut row = [0; mp3::symbols::row_len(2, 2)];
    let mut whole = [0; mp3::symbols::whole_len(2, 2)];
    let mut rows = mp3::bytes::write(block, &mut row);
    let main_data = reservoir.push(block).unwrap_or_default();
    let written = [
        mp3::fields::write(block, &mut row[..mp3::fields::row_len(granules, channels)]),
        mp3::scalefactors::write(block, main_data, &mut row[..mp3::scalefactors::row_len(granules, channels)]),
        mp3::symbols::write(block, main_data, &mut row[..mp3::symbols::row_len(granules, channels)]),
        mp3::symbols::write_whole(block, main_data, &mut whole[..mp3::symbols::whole_len(granules, channels)]),
        mp3::adu::join(block, main_data, &mut [0; mp3::adu::MAX_ADU_BYTES]).map(|_| ()),
    ];
    rows += written.iter().filter(|written| written.is_ok()).count();
    let Ok(side_info) = mp3::SideInfo::parse(block.header, block.bytes) else { return rows };
    for part in mp3::parts(block.header, &side_info, main_data) {
        black_box(mp3::granule::cut(block, &part, &mut [0; mp3::granule::MAX_GRANULE_BYTES]));
        let written = [
            mp3::fields::write_part(&part, &mut row[..mp3::fields::row_len(1, 1)]),
            mp3::scalefactors::write_part(&part, &mut row[..mp3::scalefactors::row_len(1, 1)]),
            mp3::symbols::write_part(&part, &mut row[..mp3::symbols::row_len(1, 1)]),
        ];
        rows += written.iter().filter(|written| written.is_ok()).count();
    }
    rows
}

fn read_packet(block: &opus::Block<'_>, state: &mut opus::State) -> usize {
    let mut row = [0; 1000];
    opus::bytes::write(&block.bytes, &mut row);
    let fields = opus::fields::write(block, &mut row[..opus::fields::ROW_LEN]);
    let symbols = opus::symbols::write(block, 1, state, &mut row[..opus::symbols::row_len(block.duration, 1)]);
    let frames = block.packet().map_or(0, |packet| packet.frames().map(|frame| frame.bytes.len()).sum());
    frames + usize::from(fields.is_ok()) + usize::from(symbols.is_ok())
}

fn read_mcu(mcu: &jpeg::Mcu<'_>) -> usize {
    let mut row = [0; jpeg::symbols::row_len(jpeg::MAX_UNITS)];
    jpeg::bytes::write(&mcu.data, &mut row);
    let len = jpeg::symbols::row_len(mcu.units().len());
    usize::from(jpeg::symbols::write(mcu, &mut row[..len]).is_ok())
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(vec![0_u8; 100]))).count_total, 1);
}

#[test]
fn mp3_takes_none() {
    let stream = mp3_stream();
    let mut reservoir = mp3::Reservoir::new();
    without_allocation(|| mp3::events(&stream).count());
    without_allocation(|| mp3::blocks(&stream).map(|block| read_frame(&block, &mut reservoir)).sum());
    without_allocation(|| {
        push_all(mp3::Cutter::new(), &stream, |event| {
            if let mp3::Event::Block(block) = event {
                read_frame(&block, &mut reservoir);
            }
        })
    });
}

#[test]
fn opus_takes_none() {
    let file = opus_file();
    let mut state = opus::State::new();
    without_allocation(|| opus::events(&file).count());
    without_allocation(|| opus::blocks(&file).map(|block| read_packet(&block, &mut state)).sum());
    let mut look = |event: opus::Event<'_>| {
        if let opus::Event::Block(block) = event {
            read_packet(&block, &mut state);
        }
    };
    without_allocation(|| push_all(opus::Cutter::new(), &file, &mut look));
    without_allocation(|| push_all(opus::Cutter::<{ opus::MAX_PAGE_BYTES }>::holding(), &file, &mut look));
}

#[test]
fn jpeg_takes_none() {
    let file = jpeg_file();
    without_allocation(|| {
        let (mut events, mut seen) = (jpeg::Image::parse(&file).unwrap().events(), 0);
        while let Some(event) = events.next() {
            seen += if let jpeg::Event::Mcu(mcu) = event { read_mcu(&mcu) } else { 1 };
        }
        seen
    });
    without_allocation(|| jpeg::Image::parse(&file).unwrap().restarts().count());
    without_allocation(|| jpeg::Image::parse(&file).unwrap().approx(jpeg::Division::Parts(3)).count());
    without_allocation(|| {
        push_all(jpeg::Cutter::new(), &file, |event| {
            if let jpeg::Event::Mcu(mcu) = event {
                read_mcu(&mcu);
            }
        })
    });
}

#[test]
fn detection_takes_none() {
    for file in [mp3_stream(), opus_file(), jpeg_file()] {
        without_allocation(|| {
            let mut detector = Detector::new();
            let detection = file.chunks(100).map(|chunk| detector.feed(chunk)).last();
            usize::from(matches!(detection, Some(Detection::Format(_))))
        });
    }
}

#[cfg(feature = "heapless_v0_9")]
#[test]
fn collections_take_none() {
    use tempest_blocks::heapless_v0_9::{push_bytes, push_row};
    let stream = mp3_stream();
    without_allocation(|| {
        let (mut rows, mut bytes) = (heapless::Vec::<i32, 500>::new(), heapless::Vec::<u8, 5000>::new());
        for block in mp3::blocks(&stream) {
            let len = mp3::fields::row_len(block.header.granules(), block.header.channels());
            let _full = push_row(&mut rows, len, |row| mp3::fields::write(&block, row));
            let _full = push_bytes(&mut bytes, &block);
        }
        rows.len().min(bytes.len())
    });
}

/// Counts the events of each reader that is built in.
#[cfg(any(feature = "std", feature = "embedded_io_v0_7", feature = "embedded_io_async_v0_7"))]
fn read_all<C: Cut>(cutter: impl Fn() -> C, data: &[u8]) {
    #[cfg(feature = "std")]
    without_allocation(|| {
        let (mut chunk, mut events) = ([0; 100], 0);
        let mut reader = tempest_blocks::std_io::Reader::new(data, cutter(), &mut chunk);
        while reader.next().unwrap().is_some() {
            events += 1;
        }
        events
    });
    #[cfg(feature = "embedded_io_v0_7")]
    without_allocation(|| {
        let (mut chunk, mut events) = ([0; 100], 0);
        let mut reader = tempest_blocks::embedded_io_v0_7::Reader::new(data, cutter(), &mut chunk);
        while reader.next().unwrap().is_some() {
            events += 1;
        }
        events
    });
    #[cfg(feature = "embedded_io_async_v0_7")]
    without_allocation(|| {
        let (mut chunk, mut events) = ([0; 100], 0);
        let mut reader = tempest_blocks::embedded_io_async_v0_7::Reader::new(data, cutter(), &mut chunk);
        while common::shared::block_on(reader.next()).unwrap().is_some() {
            events += 1;
        }
        events
    });
}

#[cfg(any(feature = "std", feature = "embedded_io_v0_7", feature = "embedded_io_async_v0_7"))]
#[test]
fn readers_take_none() {
    read_all(mp3::Cutter::new, &mp3_stream());
    read_all(opus::Cutter::new, &opus_file());
    read_all(jpeg::Cutter::new, &jpeg_file());
}
