//! Metadata of Icecast and SHOUTcast between the bytes of a stream.
//!
//! A client that asks for it (`Icy-MetaData: 1`) and is told `icy-metaint: N` gets, after every N bytes of audio, one byte
//! L and then 16 L bytes of text such as `StreamTitle='…';`, padded with zeros.

/// Most audio bytes between two blocks of metadata. Servers take 8 to 64 KiB.
pub(super) const MAX_INTERVAL: u32 = 1 << 24;

/// Longest block of metadata: 255 times 16 bytes.
const MAX_BLOCK_BYTES: usize = 255 * 16;

/// Takes the metadata out of a stream. Gives the same audio for any chunking; holds one block.
#[derive(Clone, Debug)]
pub struct IcyReader {
    interval: usize,
    state: State,
    block: Vec<u8>,
    title: String,
    news: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Audio { left: usize },
    Length,
    Metadata { left: usize },
}

impl IcyReader {
    /// A reader at the start of a stream with metadata after every `interval` bytes of audio; 0 where there is none.
    #[must_use]
    pub fn new(interval: u32) -> Self {
        let interval = interval as usize;
        let block = Vec::with_capacity(if interval == 0 { 0 } else { MAX_BLOCK_BYTES });
        Self { interval, state: State::Audio { left: interval }, block, title: String::new(), news: None }
    }

    /// Takes the next bytes of the stream, moves the audio among them to the front and gives its length.
    pub fn strip(&mut self, bytes: &mut [u8]) -> usize {
        if self.interval == 0 {
            return bytes.len();
        }
        let (mut at, mut audio) = (0, 0);
        while at < bytes.len() {
            let rest = bytes.len() - at;
            match self.state {
                State::Audio { left } => {
                    let count = left.min(rest);
                    bytes.copy_within(at..at + count, audio);
                    (at, audio) = (at + count, audio + count);
                    self.state = if count == left { State::Length } else { State::Audio { left: left - count } };
                }
                State::Length => {
                    self.begin(usize::from(bytes[at]) * 16);
                    at += 1;
                }
                State::Metadata { left } => {
                    let count = left.min(rest);
                    self.extend(&bytes[at..at + count], left);
                    at += count;
                }
            }
        }
        audio
    }

    /// The last title, where metadata brought another one since the last call. Without control characters: it is text of
    /// a stranger that terminals will show.
    pub fn title(&mut self) -> Option<String> {
        self.news.take()
    }

    fn begin(&mut self, length: usize) {
        self.block.clear();
        self.state = match length {
            0 => State::Audio { left: self.interval },
            left => State::Metadata { left },
        };
    }

    fn extend(&mut self, bytes: &[u8], left: usize) {
        self.block.extend_from_slice(bytes);
        if bytes.len() < left {
            self.state = State::Metadata { left: left - bytes.len() };
            return;
        }
        self.state = State::Audio { left: self.interval };
        if let Some(title) = stream_title(&self.block).map(text).filter(|title| *title != self.title) {
            self.title.clone_from(&title);
            self.news = Some(title);
        }
    }
}

/// What stands in `StreamTitle='…';`. Nothing is escaped in there: the text ends at the first `';`.
fn stream_title(block: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"StreamTitle='";
    let start = block.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let value = &block[start..];
    let end = value.windows(2).position(|window| window == b"';")?;
    Some(&value[..end])
}

/// Text of a server, in UTF-8 or else in Latin-1, without control characters and the spaces around it.
pub(super) fn text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A block of metadata with its length byte.
    fn block(text: &str) -> Vec<u8> {
        let mut block = vec![u8::try_from(text.len().div_ceil(16)).unwrap()];
        block.extend_from_slice(text.as_bytes());
        block.resize(1 + usize::from(block[0]) * 16, 0);
        block
    }

    /// The audio with a block after every `interval` bytes of it, the blocks again from the first when they run out.
    fn mix(audio: &[u8], interval: usize, blocks: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for (number, part) in audio.chunks(interval).enumerate() {
            stream.extend_from_slice(part);
            if part.len() == interval {
                stream.extend_from_slice(&blocks[number % blocks.len()]);
            }
        }
        stream
    }

    /// Feeds the stream in chunks of these lengths, again from the first when they run out.
    fn strip(reader: &mut IcyReader, stream: &[u8], lengths: &[usize]) -> (Vec<u8>, Vec<String>) {
        let (mut audio, mut titles, mut at) = (Vec::new(), Vec::new(), 0);
        for length in lengths.iter().cycle() {
            let mut chunk = stream[at..stream.len().min(at + length)].to_vec();
            at += chunk.len();
            let count = reader.strip(&mut chunk);
            audio.extend_from_slice(&chunk[..count]);
            titles.extend(reader.title());
            if at == stream.len() {
                return (audio, titles);
            }
        }
        unreachable!("the lengths are not empty")
    }

    proptest! {
        #[test]
        fn audio_comes_back_whole_for_any_interval_and_chunking(
            audio in prop::collection::vec(any::<u8>(), 0..600),
            interval in 1_usize..80,
            lengths in prop::collection::vec(1_usize..50, 1..8),
            blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5),
        ) {
            let blocks: Vec<Vec<u8>> = blocks.into_iter().map(|mut body| {
                body.truncate(body.len() / 16 * 16);
                body.insert(0, u8::try_from(body.len() / 16).unwrap());
                body
            }).collect();
            let stream = mix(&audio, interval, &blocks);
            let mut reader = IcyReader::new(u32::try_from(interval).unwrap());
            prop_assert_eq!(strip(&mut reader, &stream, &lengths).0, audio);
        }

        #[test]
        fn titles_are_told_when_they_change(length in 1_usize..60) {
            let blocks =
                [block("StreamTitle='One';"), block(""), block("StreamTitle='One';StreamUrl='';"), block("StreamTitle='Two';")];
            let stream = mix(&[7; 100], 9, &blocks);
            let titles = strip(&mut IcyReader::new(9), &stream, &[length]).1;
            prop_assert_eq!(titles.last().map(String::as_str), Some("One"));
            // No chunk of ten bytes holds the ends of two blocks.
            if length <= 10 {
                prop_assert_eq!(titles, ["One", "Two", "One", "Two", "One"]);
            }
        }

        #[test]
        fn any_bytes_are_bounded(bytes in prop::collection::vec(any::<u8>(), 0..9000), interval in 1_u32..40) {
            let mut reader = IcyReader::new(interval);
            let (audio, _) = strip(&mut reader, &bytes, &[1000]);
            prop_assert!(audio.len() <= bytes.len() && reader.block.capacity() == MAX_BLOCK_BYTES);
        }
    }

    #[test]
    fn without_an_interval_every_byte_is_audio() {
        let mut bytes = *b"anything";
        assert_eq!(IcyReader::new(0).strip(&mut bytes), bytes.len());
    }

    #[test]
    fn titles_are_cut_out_of_what_servers_write() {
        let title = |block: &[u8]| stream_title(block).map(text);
        assert_eq!(title(b"StreamUrl='u';StreamTitle='It's';\0\0"), Some("It's".into()));
        assert_eq!(title(b"StreamTitle='';"), Some(String::new()));
        assert_eq!(title(b"StreamTitle='caf\xe9 \x1b[31m';"), Some("caf\u{e9} [31m".into()));
        assert_eq!(title("StreamTitle=' caf\u{e9} ';".as_bytes()), Some("caf\u{e9}".into()));
        assert_eq!(title(b"StreamTitle='never ends"), None);
        assert_eq!(title(b"\0\0"), None);
    }
}
