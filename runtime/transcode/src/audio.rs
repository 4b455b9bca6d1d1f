//! Reads one recording: wav, flac, Ogg Vorbis or mp3, to mono.

use std::fs::File;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as MediaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

/// Longest recording read, in seconds. A stream that goes on longer is refused, whatever its header says, so that a
/// hostile file takes at most this much memory.
pub const MAX_SECONDS: u32 = 3600;

/// Sample rates that are read, in Hz.
pub const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;

/// File name extensions, in lower case, of the recordings that [`Audio::read`] understands.
pub const EXTENSIONS: [&str; 5] = ["wav", "flac", "ogg", "oga", "mp3"];

/// Why a recording was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The file could not be opened or read: missing, not permitted, a failing disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Not audio, or audio of a kind that is not read here.
    #[error("{}: not supported ({reason}); wav, flac, Ogg Vorbis and mp3 are read", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What exactly is not supported.
        reason: String,
    },
    /// The file breaks its own format, or ends before its header says.
    #[error("{}: corrupt ({reason})", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first thing found wrong.
        reason: String,
    },
    /// A well-formed file with no samples in it.
    #[error("{}: holds no samples", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The recording goes on for longer than [`MAX_SECONDS`].
    #[error("{}: longer than {limit_seconds} s; cut it into clips", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in seconds.
        limit_seconds: u32,
    },
}

impl AudioError {
    /// True where the cause may lie outside the file's content (permissions, a network disk), so that reading it again
    /// may go well.
    pub fn is_transient(&self) -> bool {
        matches!(self, AudioError::Io { .. })
    }
}

/// One recording, mixed to mono.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// The samples, finite and in [-1, 1]; at least one.
    pub samples: Vec<f32>,
    /// Samples per second, within [`SAMPLE_RATES`].
    pub sample_rate: u32,
}

impl Audio {
    /// Reads the whole of `path`.
    ///
    /// All channels are averaged; samples beyond [-1, 1], which float files may hold, are clipped. What the encoder of
    /// an mp3 or Vorbis stream says about padding is honoured. The content decides what the file is, its extension is
    /// only a hint.
    ///
    /// # Errors
    /// [`AudioError`], always with the path. Decoding stops at the first malformed packet: half a recording is not
    /// quietly taken for the whole, and the checksum of a flac file must hold. Mp3 has none and may be cut anywhere: a
    /// few frames without their data are passed over, as players do.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, AudioError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| AudioError::Io { path: path.to_owned(), source })?;
        Self::decode(path, Box::new(file))
    }

    /// Reads a recording that is in memory; errors call it `name`, whose extension is a hint, too.
    ///
    /// # Errors
    /// As [`Audio::read`].
    pub fn from_bytes(name: impl AsRef<Path>, bytes: Vec<u8>) -> Result<Self, AudioError> {
        Self::decode(name.as_ref(), Box::new(Cursor::new(bytes)))
    }

    fn decode(path: &Path, source: Box<dyn MediaSource>) -> Result<Self, AudioError> {
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(source, Default::default());
        let mut reader = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|cause| probe_error(path, cause))?;
        let (track, mut decoder) = open_track(path, reader.as_ref())?;
        let mut mono = Mono::new(path, decoder.codec_params().codec == CODEC_ID_MP3);
        while let Some(packet) = reader.next_packet().map_err(|cause| media_error(path, cause))? {
            if packet.track_id != track {
                continue;
            }
            match decoder.decode(&packet) {
                Ok(buffer) => mono.push(&buffer)?,
                Err(MediaError::DecodeError(_)) if mono.may_skip() => {}
                Err(cause) => return Err(media_error(path, cause)),
            }
        }
        if decoder.finalize().verify_ok == Some(false) {
            let reason = "the samples do not have the checksum that the file states".to_owned();
            return Err(AudioError::Corrupt { path: path.to_owned(), reason });
        }
        mono.finish()
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }
}

fn open_track(path: &Path, reader: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), AudioError> {
    let unsupported = |reason: &str| AudioError::Unsupported { path: path.to_owned(), reason: reason.to_owned() };
    let track = reader.default_track(TrackType::Audio).ok_or_else(|| unsupported("no audio track"))?;
    let params = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or_else(|| unsupported("unknown codec"))?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default().verify(true))
        .map_err(|cause| media_error(path, cause))?;
    Ok((track.id, decoder))
}

/// Collects decoded packets as mono and holds them to the limits.
struct Mono<'a> {
    path: &'a Path,
    samples: Vec<f32>,
    sample_rate: Option<u32>,
    interleaved: Vec<f32>,
    /// Undecodable packets that may still be passed over.
    may_skip: usize,
}

impl<'a> Mono<'a> {
    /// Undecodable packets of an mp3 stream that are passed over: one cut out of a longer stream misses up to 511
    /// bytes of main data at its start, which at low rates is this many frames.
    const MAX_SKIPPED: usize = 16;

    fn new(path: &'a Path, is_mp3: bool) -> Self {
        let may_skip = if is_mp3 { Self::MAX_SKIPPED } else { 0 };
        Mono { path, samples: Vec::new(), sample_rate: None, interleaved: Vec::new(), may_skip }
    }

    fn may_skip(&mut self) -> bool {
        let may = self.may_skip > 0;
        self.may_skip = self.may_skip.saturating_sub(1);
        may
    }

    fn push(&mut self, buffer: &GenericAudioBufferRef<'_>) -> Result<(), AudioError> {
        let rate = buffer.spec().rate();
        if !SAMPLE_RATES.contains(&rate) {
            return Err(self.unsupported(format!("sample rate of {rate} Hz")));
        }
        if *self.sample_rate.get_or_insert(rate) != rate {
            return Err(self.unsupported("the sample rate changes within the file".to_owned()));
        }
        if self.samples.len() + buffer.frames() > MAX_SECONDS as usize * rate as usize {
            return Err(AudioError::TooLong { path: self.path.to_owned(), limit_seconds: MAX_SECONDS });
        }
        buffer.copy_to_vec_interleaved(&mut self.interleaved);
        let channels = buffer.num_planes().max(1);
        let scale = 1.0 / channels as f32;
        for frame in self.interleaved.chunks_exact(channels) {
            let sample = frame.iter().sum::<f32>() * scale;
            if !sample.is_finite() {
                let reason = "a sample is not a finite number".to_owned();
                return Err(AudioError::Corrupt { path: self.path.to_owned(), reason });
            }
            self.samples.push(sample.clamp(-1.0, 1.0));
        }
        Ok(())
    }

    fn unsupported(&self, reason: String) -> AudioError {
        AudioError::Unsupported { path: self.path.to_owned(), reason }
    }

    fn finish(self) -> Result<Audio, AudioError> {
        match self.sample_rate {
            Some(sample_rate) if !self.samples.is_empty() => Ok(Audio { samples: self.samples, sample_rate }),
            _ => Err(AudioError::Empty { path: self.path.to_owned() }),
        }
    }
}

/// While probing, the end of the file means that nothing known was found in it.
fn probe_error(path: &Path, cause: MediaError) -> AudioError {
    match cause {
        MediaError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            AudioError::Unsupported { path: path.to_owned(), reason: "no known audio format found".to_owned() }
        }
        other => media_error(path, other),
    }
}

fn media_error(path: &Path, cause: MediaError) -> AudioError {
    let path = path.to_owned();
    match cause {
        MediaError::IoError(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            AudioError::Corrupt { path, reason: "ends early: truncated, or a length is wrong".to_owned() }
        }
        // The demuxers report their own findings through `io::Error` too: only the system's carry an error number.
        MediaError::IoError(source) if source.raw_os_error().is_none() => {
            AudioError::Corrupt { path, reason: source.to_string() }
        }
        MediaError::IoError(source) => AudioError::Io { path, source },
        MediaError::Unsupported(reason) => AudioError::Unsupported { path, reason: reason.to_owned() },
        MediaError::ResetRequired => {
            AudioError::Unsupported { path, reason: "several streams are chained in it".to_owned() }
        }
        other => AudioError::Corrupt { path, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{real_data, sine, wav_bytes, write_wav};

    #[test]
    fn wav_is_read_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let samples = sine(440.0, 16_000, 1_600);
        write_wav(&path, &samples, 16_000);
        let audio = Audio::read(&path).unwrap();
        assert_eq!(audio.sample_rate, 16_000);
        assert_eq!(audio.samples.len(), samples.len());
        assert!(audio.samples.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4));
        assert!((audio.seconds() - 0.1).abs() < 1e-9);
        assert_eq!(Audio::from_bytes("a recording", std::fs::read(&path).unwrap()).unwrap(), audio);
    }

    #[test]
    fn channels_are_averaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stereo.wav");
        let interleaved: Vec<f32> = (0..200).map(|i| if i % 2 == 0 { 0.5 } else { -0.25 }).collect();
        std::fs::write(&path, wav_bytes(&interleaved, 8_000, 2)).unwrap();
        let audio = Audio::read(&path).unwrap();
        assert_eq!(audio.samples.len(), 100);
        assert!(audio.samples.iter().all(|s| (s - 0.125).abs() < 1e-4));
    }

    #[test]
    fn errors_name_the_path_and_the_cause() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let whole = wav_bytes(&sine(440.0, 8_000, 4_000), 8_000, 1);
        let missing = Audio::read(dir.path().join("none.wav")).unwrap_err();
        assert!(missing.is_transient() && missing.to_string().contains("none.wav"));
        let text = Audio::read(file("text.flac", b"not audio at all")).unwrap_err();
        assert!(matches!(text, AudioError::Unsupported { .. }), "{text}");
        let cut = Audio::read(file("cut.wav", &whole[..5_000])).unwrap_err();
        assert!(matches!(cut, AudioError::Corrupt { .. }), "{cut}");
        let empty = Audio::read(file("empty.wav", &wav_bytes(&[], 8_000, 1))).unwrap_err();
        assert!(matches!(empty, AudioError::Empty { .. }), "{empty}");
        for error in [&text, &cut, &empty] {
            assert!(!error.is_transient());
        }
    }

    #[test]
    fn a_changed_flac_file_is_noticed() {
        let Some(root) = real_data("wakewords/alexa") else { return };
        let mut paths: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let mut bytes = std::fs::read(&paths[0]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("changed.flac");
        std::fs::write(&path, bytes).unwrap();
        let error = Audio::read(&path).unwrap_err();
        assert!(matches!(error, AudioError::Corrupt { .. }), "{error}");
    }
}
