//! MP3: frames, ADUs, granules.

use super::emit::{Emit, Found, fill, tokens};
use super::item::{Cause, Kind, Place, Reason};
use super::{Diagnosis, Mp3Tally, Sink, Tally, Unit, View};
use tempest_blocks::Cut;
use tempest_blocks::mp3::{
    Block, Cutter, Event, MainData, MainDataError, Part, Reservoir, SideInfo, adu, fields, granule, parts,
    scalefactors, symbols,
};

pub(super) struct Walk {
    cutter: Cutter,
    make: Make,
}

/// Makes units of frames.
struct Make {
    emit: Emit,
    reservoir: Reservoir,
    adu: [u8; adu::MAX_ADU_BYTES],
    granule: [u8; granule::MAX_GRANULE_BYTES],
}

impl Walk {
    pub(super) fn new(unit: Unit, view: Option<View>) -> Self {
        let tally = Tally { mp3: Some(Mp3Tally::default()), ..Tally::default() };
        let make = Make {
            emit: Emit::new(unit, view, tally),
            reservoir: Reservoir::new(),
            adu: [0; adu::MAX_ADU_BYTES],
            granule: [0; granule::MAX_GRANULE_BYTES],
        };
        Self { cutter: Cutter::new(), make }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        while let (Some(event), rest) = self.cutter.push(input) {
            self.make.event(&event, sink)?;
            input = rest;
        }
        Ok(())
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        while let Some(event) = self.cutter.finish() {
            self.make.event(&event, sink)?;
        }
        Ok(())
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.make.emit.tally
    }

    pub(super) const fn tally_mut(&mut self) -> &mut Tally {
        &mut self.make.emit.tally
    }

    pub(super) fn diagnosis(&self) -> Option<Diagnosis> {
        self.cutter.diagnosis().map(|error| Diagnosis::new(error, error.class()))
    }
}

impl Make {
    fn event<E>(&mut self, event: &Event<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        match event {
            Event::Block(block) => self.frame(block, sink),
            Event::Skipped(skipped) => {
                let run = (skipped.offset, skipped.bytes);
                self.emit.skipped(run, Reason::Mp3(skipped.reason), skipped.truncated, sink)
            }
        }
    }

    fn frame<E>(&mut self, block: &Block<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        let Self { emit, reservoir, adu, granule } = self;
        let side_info = SideInfo::parse(block.header, block.bytes).ok();
        let main_data = reservoir.push(block);
        emit.tally.frame(block.header, block.bytes.len() as u64, side_info.as_ref(), main_data.is_ok());
        match (emit.unit, side_info, main_data) {
            (Unit::Adu, Some(_), Ok(main_data)) => join(block, main_data, adu, emit, sink)?,
            (Unit::Granule, Some(side_info), Ok(main_data)) => {
                for part in parts(block.header, &side_info, main_data) {
                    cut(block, &part, granule, emit, sink)?;
                }
            }
            (Unit::Adu | Unit::Granule, _, Err(error)) => emit.fault(block.offset, Cause::MainData(error), sink)?,
            (_, side_info, main_data) => whole(block, side_info, main_data, emit, sink)?,
        }
        if !block.truncated {
            emit.tally.seconds += seconds(block);
        }
        Ok(())
    }
}

fn seconds(block: &Block<'_>) -> f64 {
    f64::from(block.duration()) / f64::from(block.header.sample_rate())
}

fn whole<E>(
    block: &Block<'_>,
    side_info: Option<SideInfo>,
    main_data: Result<MainData<'_>, MainDataError>,
    emit: &mut Emit,
    sink: Sink<'_, E>,
) -> Result<(), E> {
    let main_data_begin = side_info.map(|side_info| side_info.main_data_begin);
    let found = Found {
        offset: block.offset,
        bytes: block.bytes,
        place: Place::Time { start: Some(emit.tally.seconds), seconds: seconds(block) },
        kind: Kind::Frame { header: block.header, main_data_begin, adu: false },
        truncated: block.truncated,
    };
    emit.block(&found, |view, row| write(view, block, main_data.unwrap_or_default(), row), sink)
}

fn join<E>(
    block: &Block<'_>,
    main_data: MainData<'_>,
    buffer: &mut [u8; adu::MAX_ADU_BYTES],
    emit: &mut Emit,
    sink: Sink<'_, E>,
) -> Result<(), E> {
    // It cannot fail: the side information has been read.
    let Ok(adu) = adu::join(block, main_data, buffer) else { return Ok(()) };
    let main_data_begin = SideInfo::parse(block.header, block.bytes).ok().map(|side_info| side_info.main_data_begin);
    let found = Found {
        offset: adu.offset,
        bytes: adu.bytes,
        place: Place::Time { start: Some(emit.tally.seconds), seconds: seconds(block) },
        kind: Kind::Frame { header: adu.header, main_data_begin, adu: true },
        truncated: adu.truncated,
    };
    emit.block(&found, |view, row| write(view, &adu.as_block(), adu.main_data(), row), sink)
}

fn cut<E>(
    block: &Block<'_>,
    part: &Part<'_>,
    buffer: &mut [u8; granule::MAX_GRANULE_BYTES],
    emit: &mut Emit,
    sink: Sink<'_, E>,
) -> Result<(), E> {
    let granule = granule::cut(block, part, buffer);
    let seconds = seconds(block) / f64::from(block.header.granules());
    let found = Found {
        offset: granule.offset,
        bytes: granule.bytes,
        place: Place::Time { start: Some(emit.tally.seconds + seconds * f64::from(granule.granule)), seconds },
        kind: Kind::Granule {
            header: granule.header,
            granule: granule.granule,
            channel: granule.channel,
            block_type: part.coded.block_type,
            part2_3_length: part.coded.part2_3_length,
        },
        truncated: granule.truncated,
    };
    emit.block(&found, |view, row| write_part(view, granule.bytes, part, row), sink)
}

fn write(view: View, block: &Block<'_>, main_data: MainData<'_>, row: &mut Vec<i32>) -> Result<(), String> {
    let (granules, channels) = (block.header.granules(), block.header.channels());
    match view {
        View::Bytes => tokens(row, block.bytes),
        View::Fields => fill(row, fields::row_len(granules, channels), |row| fields::write(block, row)),
        View::Scalefactors => {
            fill(row, scalefactors::row_len(granules, channels), |row| scalefactors::write(block, main_data, row))
        }
        View::Symbols => fill(row, symbols::row_len(granules, channels), |row| symbols::write(block, main_data, row)),
    }
}

fn write_part(view: View, bytes: &[u8], part: &Part<'_>, row: &mut Vec<i32>) -> Result<(), String> {
    match view {
        View::Bytes => tokens(row, bytes),
        View::Fields => fill(row, fields::row_len(1, 1), |row| fields::write_part(part, row)),
        View::Scalefactors => fill(row, scalefactors::row_len(1, 1), |row| scalefactors::write_part(part, row)),
        View::Symbols => fill(row, symbols::row_len(1, 1), |row| symbols::write_part(part, row)),
    }
}
