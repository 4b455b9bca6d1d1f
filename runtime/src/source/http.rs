//! HTTP and HTTPS: files and the streams of Icecast and SHOUTcast.

use super::icy::{MAX_INTERVAL, text};
use super::origin::without_password;
use super::reader::{self, Connection, Dial, Greeting, Halt, Hangup, read_some};
use super::shoutcast::StatusLine;
use super::{FeedOptions, IcyReader, SourceError};
use std::io;
use std::net::IpAddr;
use ureq::http::{HeaderMap, Response, StatusCode, Uri, Version};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, DefaultConnector};
use ureq::{Agent, Body, BodyReader, Error, Timeout};

/// Most redirects on the way to a stream.
const MAX_REDIRECTS: u32 = 10;

/// Longest head of an answer in bytes.
const MAX_HEAD_BYTES: usize = 1 << 14;

pub(super) fn dial(url: &str, options: &FeedOptions) -> (Box<dyn Dial>, Hangup) {
    let agent = agent(url, options);
    let http = Http { agent: agent.clone(), url: url.into(), options: options.clone() };
    (Box::new(http), Hangup::new(move || agent.shutdown()))
}

fn agent(url: &str, options: &FeedOptions) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MAX_REDIRECTS)
        .max_response_header_size(MAX_HEAD_BYTES)
        .input_buffer_size(2 * MAX_HEAD_BYTES)
        .output_buffer_size(2 * MAX_HEAD_BYTES)
        // A stream never gives its connection back.
        .max_idle_connections(0)
        .user_agent(concat!("tempest/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(options.connect))
        .timeout_connect(Some(options.connect))
        .timeout_send_request(Some(options.answer))
        .timeout_recv_response(Some(options.answer))
        .timeout_per_read(Some(options.silence));
    if is_loopback(url) {
        // A proxy of the environment would look for the server on its own host.
        config = config.proxy(None);
    }
    Agent::with_parts(config.build(), DefaultConnector::default().chain(StatusLine), DefaultResolver::default())
}

fn is_loopback(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

struct Http {
    agent: Agent,
    url: String,
    options: FeedOptions,
}

impl Dial for Http {
    fn dial(&mut self, heard: bool) -> Result<Connection, Halt> {
        let answer = self.agent.get(&self.url).header("Icy-MetaData", "1").call().map_err(|error| self.halt(error))?;
        self.check(answer.status(), heard)?;
        let headers = answer.headers();
        let greeting = Greeting { content_type: header(headers, "content-type"), name: header(headers, "icy-name") };
        let (icy, whole) = (self.icy(headers)?, Whole::of(&answer));
        let reader = answer.into_body().into_reader();
        let body = Box::new(Stream { reader, icy, whole, options: self.options.clone() });
        Ok(Connection { body, greeting: Some(greeting) })
    }
}

impl Http {
    /// What a status means: go on, try again, or give up. A server that is busy says so with 408 or 429, and Icecast answers
    /// 404 while the source of a mount is away, so a stream that was heard may come back.
    fn check(&self, status: StatusCode, heard: bool) -> Result<(), Halt> {
        if status.is_success() {
            return Ok(());
        }
        let again = matches!(status.as_u16(), 408 | 429) || heard && status == StatusCode::NOT_FOUND;
        if status.is_client_error() && !again {
            let advice = match status.as_u16() {
                401 => "give the address as http://USER:PASSWORD@HOST/…",
                _ => "check the address",
            };
            return Err(Halt::Failed(SourceError::Status { url: self.shown(), status: status.to_string(), advice }));
        }
        Err(Halt::Lost(format!("the server answers {status}")))
    }

    fn icy(&self, headers: &HeaderMap) -> Result<IcyReader, Halt> {
        let Some(interval) = header(headers, "icy-metaint") else { return Ok(IcyReader::new(0)) };
        match interval.parse() {
            Ok(interval) if interval <= MAX_INTERVAL => Ok(IcyReader::new(interval)),
            _ => Err(self.failed(format!("icy-metaint is '{interval}'; at most {MAX_INTERVAL} is read"))),
        }
    }

    /// What becomes of a request that got no answer. Only what a server or a network may mend is tried again.
    fn halt(&self, error: Error) -> Halt {
        match error {
            Error::TooManyRedirects => self.failed(format!("more than {MAX_REDIRECTS} redirects; check the address")),
            Error::BadUri(_) | Error::Http(_) => self.failed("this is no URL; check the address".into()),
            error => Halt::Lost(reason(error, &self.options)),
        }
    }

    fn failed(&self, reason: String) -> Halt {
        Halt::Failed(SourceError::Answer { url: self.shown(), reason })
    }

    fn shown(&self) -> String {
        without_password(&self.url)
    }
}

/// The value of a header as text that can be shown.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| text(value.as_bytes())).filter(|value| !value.is_empty())
}

/// What it means that an answer is complete.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// A file was read to its end.
    File,
    /// A station went off the air.
    Station,
}

impl Whole {
    /// A `Content-Length` or a last chunk says that an answer is complete (RFC 9112 section 8), a closed connection does
    /// not. Stations send chunks too, with headers of their own.
    fn of(answer: &Response<Body>) -> Self {
        let headers = answer.headers();
        let is_station = headers.keys().any(|name| name.as_str().starts_with("icy-"));
        let coding = header(headers, "transfer-encoding").filter(|_| answer.version() > Version::HTTP_10);
        let is_chunked = coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        if answer.body().content_length().is_some() || is_chunked && !is_station { Whole::File } else { Whole::Station }
    }
}

struct Stream {
    reader: BodyReader<'static>,
    icy: IcyReader,
    whole: Whole,
    options: FeedOptions,
}

impl reader::Body for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Halt> {
        loop {
            let count = match read_some(&mut self.reader, buffer) {
                Ok(0) if self.whole == Whole::File => return Err(Halt::Ended),
                Ok(0) => return Err(Halt::Lost("the server closed the connection".into())),
                Ok(count) => count,
                Err(error) => return Err(Halt::Lost(reason(error.into(), &self.options))),
            };
            let audio = self.icy.strip(&mut buffer[..count]);
            if audio > 0 {
                return Ok(audio);
            }
        }
    }

    fn title(&mut self) -> Option<String> {
        self.icy.title()
    }
}

/// Why a connection broke, in a few words.
fn reason(error: Error, options: &FeedOptions) -> String {
    let (missing, within) = match error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => ("connection", options.connect),
        Error::Timeout(Timeout::SendRequest | Timeout::RecvResponse) => ("answer", options.answer),
        Error::Timeout(_) => ("byte", options.silence),
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return "the server closed the connection".into();
        }
        Error::Io(error) => return error.to_string(),
        Error::Protocol(error) => return format!("no HTTP answer: {error}"),
        error => return error.to_string(),
    };
    format!("no {missing} within {} s", within.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn reading_allocates_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 1 << 10]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nicy-metaint: 1000\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
            let part = [&b"3e9\r\n"[..], &[7; 1000], b"\0\r\n"].concat();
            // Ends when the client has seen enough.
            while stream.write_all(&part).is_ok() {}
        });
        let (mut http, _hangup) = dial(&url, &FeedOptions::default());
        let Ok(Connection { mut body, .. }) = http.dial(false) else { panic!("there is a server") };
        let mut buffer = vec![0; 1 << 14];
        assert!(body.read(&mut buffer).is_ok(), "what is allocated once");
        let mut audio = 0;
        let counted = allocation_counter::measure(|| {
            while audio < 1 << 22 {
                let Ok(count) = body.read(&mut buffer) else { panic!("the stream has no end") };
                audio += count;
            }
        });
        assert_eq!(counted.count_total, 0);
        drop(body);
        server.join().unwrap();
    }

    #[test]
    fn only_loopback_goes_past_the_proxy() {
        for url in ["http://localhost:8000/", "http://127.1.2.3/", "https://[::1]:8443/a"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["http://localhost.example/", "http://10.0.0.1/", "http://[2001:db8::1]/", "nonsense"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
