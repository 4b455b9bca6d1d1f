//! What is asked: files of the command line, or lines of standard input.

use crate::inputs::Source;
use base64::DecodeError;
use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
use serde_json::Value;
use std::io::{self, BufRead, Cursor, Read};
use thiserror::Error;

/// Longest line of a request: three hours of 32 kbit/s in base64.
const MAX_LINE_BYTES: usize = 64 << 20;

/// What a clip goes by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    /// What people know it by: the file, or `-`.
    pub file: String,
    /// Name of the folder the file lies in.
    pub folder: Option<String>,
    /// Sent back with the answer as it came.
    pub id: Option<Value>,
}

/// One clip to classify.
pub(super) type Request = (Name, Result<Content, RequestError>);

/// Where the bytes are.
pub(super) enum Content {
    Source(Source),
    Bytes(Vec<u8>),
}

/// Why a line is no request.
#[derive(Debug, Error)]
pub(super) enum RequestError {
    #[error("{0}")]
    Nothing(String),
    #[error("cannot read standard input: {0}")]
    Read(#[from] io::Error),
    #[error("the line is longer than {MAX_LINE_BYTES} bytes; send the clip as a file")]
    TooLong,
    #[error("the line is no UTF-8 text")]
    NotText,
    #[error("the line is empty; send a path, or an object with \"file\" or \"bytes_base64\"")]
    Empty,
    #[error("the line is no JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the object has no \"file\" and no \"bytes_base64\"; it must have one of them, as text")]
    NoContent,
    #[error("the object has \"file\" and \"bytes_base64\"; it must have one of them")]
    TwoContents,
    #[error("\"bytes_base64\" is no base64 (RFC 4648, section 4, with padding): {0}")]
    Base64(DecodeError),
}

/// The request of a file.
pub(super) fn of_source(source: Source) -> Request {
    let name = Name { file: source.to_string(), folder: source.folder().map(Into::into), id: None };
    (name, Ok(Content::Source(source)))
}

/// The request of something that is not there.
pub(super) fn of_nothing(file: String, error: RequestError) -> Request {
    (Name { file, folder: None, id: None }, Err(error))
}

/// The request of one line: `{"file": PATH}` or `{"bytes_base64": TEXT}`, both with any `"id"`, or a plain path.
fn of_line(line: Vec<u8>) -> Request {
    let Ok(line) = String::from_utf8(line) else { return failed(RequestError::NotText) };
    match line.trim_end_matches(['\r', '\n']) {
        "" => failed(RequestError::Empty),
        object if object.starts_with('{') => of_object(object).unwrap_or_else(|error| failed(error.into())),
        path => of_source(Source::File(path.into())),
    }
}

fn of_object(text: &str) -> Result<Request, serde_json::Error> {
    let mut object: Value = serde_json::from_str(text)?;
    let id = object.get_mut("id").map(Value::take);
    let text = |key| object.get(key).and_then(Value::as_str);
    let (mut name, content) = match (text("file"), text("bytes_base64")) {
        (Some(file), None) => of_source(Source::File(file.into())),
        (None, Some(text)) => of_base64(text),
        (None, None) => failed(RequestError::NoContent),
        (Some(_), Some(_)) => failed(RequestError::TwoContents),
    };
    name.id = id;
    Ok((name, content))
}

fn of_base64(text: &str) -> Request {
    let (name, _) = of_source(Source::Stdin);
    (name, BASE64.decode(text).map(Content::Bytes).map_err(RequestError::Base64))
}

fn failed(error: RequestError) -> Request {
    of_nothing("-".into(), error)
}

impl Content {
    pub(super) fn open(self) -> io::Result<Box<dyn Read>> {
        match self {
            Content::Source(source) => source.open(),
            Content::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes))),
        }
    }
}

/// The requests of a stream, one a line. Every line is one, also where it holds nothing: answers can be counted off
/// against lines.
pub(super) struct Lines<R> {
    input: R,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, ended: false }
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        let mut line = Vec::new();
        let count = self.input.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        if count == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
            return Err(RequestError::TooLong);
        }
        Ok((count > 0).then_some(line))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(line) => line.map(of_line),
            Err(error) => {
                self.ended = matches!(error, RequestError::Read(_));
                Some(failed(error))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_request() {
        let lines = "a b.mp3\r\n\n{\"file\":\"c\",\"id\":[1]}\n{}\n{\"file\"\n\u{1F3B5}.mp3";
        let requests: Vec<Request> = Lines::new(lines.as_bytes()).collect();
        let files: Vec<&str> = requests.iter().map(|(name, _)| name.file.as_str()).collect();
        assert_eq!(files, ["a b.mp3", "-", "c", "-", "-", "\u{1F3B5}.mp3"]);
        let whole: Vec<bool> = requests.iter().map(|(_, content)| content.is_ok()).collect();
        assert_eq!(whole, [true, false, true, false, false, true]);
        assert_eq!(requests[2].0.id, Some(serde_json::json!([1])));
    }

    /// A source that gives more than a line may have without holding it.
    #[test]
    fn a_line_without_end_is_one_error_and_the_next_is_read() {
        let endless = io::repeat(b'a').take(MAX_LINE_BYTES as u64 + 7);
        let mut lines = Lines::new(io::BufReader::new(endless.chain(&b"\nb.mp3\n"[..])));
        assert!(matches!(lines.next().unwrap().1, Err(RequestError::TooLong)));
        assert_eq!(lines.next().unwrap().0.file, "b.mp3");
        assert!(lines.next().is_none());
    }
}
