//! Icecast and SHOUTcast.

use crate::heard::Heard::{self, Bytes, Connected, Failed, Lost, Title};
use crate::heard::{all, next, open, options, pattern, until};
use crate::serve::{OK, Server, answer, chunked};
use std::time::Duration;
use tempest_runtime::source::Signal;

/// A stream with a block of metadata after every `interval` bytes.
fn with_metadata(bytes: &[u8], interval: usize, titles: &[&str]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (number, part) in bytes.chunks(interval).enumerate() {
        stream.extend(part);
        if part.len() == interval {
            let text = titles.get(number).map_or(String::new(), |title| format!("StreamTitle='{title}';"));
            stream.push(u8::try_from(text.len().div_ceil(16)).unwrap());
            stream.extend(text.bytes());
            stream.resize(stream.len() + text.len().next_multiple_of(16) - text.len(), 0);
        }
    }
    stream
}

/// The bytes without what stands between them.
fn audio(heard: &[Heard]) -> Vec<u8> {
    heard.iter().flat_map(|heard| if let Bytes(bytes) = heard { &bytes[..] } else { &[] }).copied().collect()
}

#[test]
fn metadata_is_taken_out_wherever_it_stands() {
    let bytes = pattern(4000);
    for interval in [1, 7, 255, 1999, 4000] {
        let stream = with_metadata(&bytes, interval, &["A - It's"]);
        let head = format!("icy-metaint: {interval}\r\n");
        for body in [
            [b"\r\n", &stream[..]].concat(),
            [b"Transfer-Encoding: chunked\r\n\r\n", &chunked(&stream, &[13, 1, 257])[..]].concat(),
        ] {
            let server = Server::new(vec![answer(&[OK, head.as_bytes(), &body])]);
            let mut feed = open(&server.url("/"), &options());
            assert_eq!(next(&mut feed), Connected(1));
            let heard = until(&mut feed, |all| matches!(all.last(), Some(Lost(_))));
            let titles: Vec<_> = heard.iter().filter(|heard| matches!(heard, Title(_))).collect();
            assert_eq!(titles, [&Title("A - It's".into())], "every {interval} bytes");
            assert_eq!(audio(&heard), bytes, "every {interval} bytes");
        }
    }
}

#[test]
fn an_interval_that_is_no_number_is_refused() {
    for interval in ["-1", "many", "99999999999", "16777217"] {
        let head = format!("icy-metaint: {interval}\r\n\r\n");
        let server = Server::new(vec![answer(&[OK, head.as_bytes(), b"abc"])]);
        let heard = all(&mut open(&server.url("/"), &options()));
        assert!(matches!(&heard[..], [Failed(error)] if error.contains(interval)), "{heard:?}");
    }
}

#[test]
fn shoutcast_is_understood() {
    let bytes = pattern(3000);
    let stream = with_metadata(&bytes, 1000, &["One", "Two"]);
    let head = b"ICY 200 OK\r\nicy-notice1:<BR>SHOUTcast<BR>\r\nicy-name:Old\r\nicy-metaint:1000\r\n\r\n";
    let server = Server::new(vec![answer(&[head, &stream]), answer(&[b"ICY 404 Resource Not Found\r\n\r\n"])]);
    let mut feed = open(&server.url("/"), &options());
    let Signal::Connected { name, .. } = feed.next(Duration::from_secs(10)).unwrap() else { panic!("connected first") };
    assert_eq!(name.as_deref(), Some("Old"));
    let heard = until(&mut feed, |all| all.iter().filter(|heard| matches!(heard, Lost(_))).count() == 2);
    assert_eq!(audio(&heard), bytes);
    assert_eq!(heard.last(), Some(&Lost("the server answers 404 Not Found".into())));
    server.finish();
}
