//! Answers of HTTP servers.

use crate::heard::Heard::{Bytes, Connected, End, Failed, Lost};
use crate::heard::{all, open, options, pattern};
use crate::serve::{Act, END, OK, Server, answer, chunked, head, length};
use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::time::Duration;
use tempest_runtime::source::{FeedOptions, Signal};

#[test]
fn a_file_over_http_is_read_to_its_end() {
    let bytes = pattern(100_000);
    let (say, said) = channel();
    let answered =
        [OK, b"Content-Type: audio/mpeg\r\nicy-name: Caf\xe9 \t1\r\n", &length(&bytes), END, &bytes].concat();
    let server = Server::new(vec![Box::new(move |mut stream| {
        say.send(head(&mut stream)).unwrap();
        stream.write_all(&answered).unwrap();
    })]);
    let mut feed = open(&server.url("/a.mp3?b=c"), &options());
    let Signal::Connected { attempt, content_type, name } = feed.next(Duration::from_secs(10)).unwrap() else {
        panic!("connected first")
    };
    assert_eq!((attempt, content_type.as_deref(), name.as_deref()), (1, Some("audio/mpeg"), Some("Caf\u{e9} 1")));
    assert_eq!(all(&mut feed), [Bytes(bytes), End]);
    assert_eq!(all(&mut feed), [End], "the end stays");
    let request = said.recv().unwrap().to_ascii_lowercase();
    assert!(
        request.starts_with("get /a.mp3?b=c http/1.1\r\n") && request.contains("\r\nicy-metadata: 1\r\n"),
        "{request}"
    );
    server.finish();
}

#[test]
fn chunks_are_joined() {
    let bytes = pattern(5000);
    let body = chunked(&bytes, &[1, 1000, 7, 333]);
    let server = Server::new(vec![answer(&[OK, b"Transfer-Encoding: chunked\r\n\r\n", &body, b"0\r\n\r\n"])]);
    let heard = all(&mut open(&server.url("/"), &options()));
    assert_eq!(heard, [Connected(1), Bytes(bytes), End]);
}

#[test]
fn chunks_of_a_station_that_end_are_a_loss() {
    let head: &[&[u8]] = &[OK, b"icy-name: Radio\r\nTransfer-Encoding: chunked\r\n\r\n"];
    let (first, second) = (pattern(500), pattern(70));
    let whole = [OK, &length(&second), END, &second].concat();
    let server = Server::new(vec![answer(&[&head.concat(), &chunked(&first, &[99]), b"0\r\n\r\n"]), answer(&[&whole])]);
    let heard = all(&mut open(&server.url("/"), &options()));
    let closed = Lost("the server closed the connection".into());
    assert_eq!(heard, [Connected(1), Bytes(first), closed, Connected(2), Bytes(second), End]);
}

#[test]
fn chunks_that_break_off_are_a_loss() {
    let bytes = pattern(500);
    let mut body = chunked(&bytes, &[1000]);
    body.truncate(body.len() - 100);
    let cut = answer(&[OK, b"Transfer-Encoding: chunked\r\n\r\n", &body]);
    let server = Server::new(vec![cut]);
    let heard = all(&mut open(&server.url("/"), &FeedOptions { reconnect: Some(0), ..options() }));
    assert_eq!(heard[..2], [Connected(1), Bytes(bytes[..402].to_vec())]);
    let Failed(error) = &heard[2] else { panic!("{heard:?}") };
    assert!(error.contains("the server closed the connection; given up after attempt 1"), "{error}");
}

fn redirect(location: &str) -> Act {
    answer(&[format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").as_bytes()])
}

#[test]
fn redirects_are_followed() {
    let whole = [b"ICY 200 OK\r\n", &length(b"abc")[..], END, b"abc"].concat();
    let target = Server::new(vec![answer(&[&whole])]);
    let server = Server::new(vec![redirect("/b"), redirect("c?d"), redirect(&target.url("/e"))]);
    let heard = all(&mut open(&server.url("/a"), &options()));
    assert_eq!(heard, [Connected(1), Bytes(b"abc".to_vec()), End]);
    server.finish();
}

#[test]
fn redirects_in_a_circle_are_refused() {
    let server = Server::new((0..11).map(|_| redirect("/again")).collect());
    let url = server.url("/");
    let heard = all(&mut open(&url, &options()));
    assert_eq!(heard, [Failed(format!("{url}: more than 10 redirects; check the address"))]);
    server.finish();
}

#[test]
fn a_refusal_is_final_and_says_what_was_asked_for() {
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"] {
        let line = format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nbody");
        let server = Server::new(vec![answer(&[line.as_bytes()])]);
        let secret = server.url("/live").replace("//", "//me:hunter2@");
        let heard = all(&mut open(&secret, &options()));
        let [Failed(error)] = &heard[..] else { panic!("{heard:?}") };
        assert!(error.contains("//me:***@127.0.0.1") && error.contains("/live") && error.contains(status), "{error}");
        assert_eq!(error.lines().count(), 1);
        server.finish();
    }
}

#[test]
fn a_server_that_cannot_yet_is_tried_again() {
    for status in
        ["500 Internal Server Error", "503 Service Unavailable", "408 Request Timeout", "429 Too Many Requests"]
    {
        let line = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let whole = [OK, &length(b"abc"), END, b"abc"].concat();
        let server = Server::new(vec![answer(&[line.as_bytes()]), answer(&[&whole])]);
        let heard = all(&mut open(&server.url("/"), &options()));
        assert_eq!(heard, [Lost(format!("the server answers {status}")), Connected(2), Bytes(b"abc".to_vec()), End]);
    }
}

#[test]
fn a_mount_that_was_heard_may_be_away_for_a_while() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let whole = [OK, &length(b"def"), END, b"def"].concat();
    let server = Server::new(vec![answer(&[OK, END, b"abc"]), answer(&[missing]), answer(&[&whole])]);
    let heard = all(&mut open(&server.url("/"), &options()));
    let closed = Lost("the server closed the connection".into());
    let away = Lost("the server answers 404 Not Found".into());
    let bytes = |text: &[u8]| Bytes(text.to_vec());
    assert_eq!(heard, [Connected(1), bytes(b"abc"), closed, away, Connected(3), bytes(b"def"), End]);
}

#[test]
fn heads_without_end_are_bounded() {
    let endless: Act = Box::new(|mut stream| {
        head(&mut stream);
        let mut sent = 0_u64;
        while stream.write_all(b"X-Again: and again\r\n").is_ok() {
            sent += 20;
            assert!(sent < 1 << 30, "the client reads on");
        }
    });
    let server = Server::new(vec![Box::new(|mut stream| {
        stream.write_all(OK).unwrap();
        endless(stream);
    })]);
    let heard = all(&mut open(&server.url("/"), &FeedOptions { reconnect: Some(0), ..options() }));
    assert!(matches!(&heard[..], [Failed(_)]), "{heard:?}");
    server.finish();
}

#[test]
fn whatever_is_answered_there_is_an_end() {
    let mut state = 1_u32;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let pieces: [&[u8]; 12] = [
        OK,
        END,
        b"ICY 200 OK\r\n",
        b"icy-metaint: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 9\r\n",
        b"5\r\nabcde\r\n",
        b"\xff\xff\xff",
        b"ffffffffffffffff\r\n",
        b"HTTP/9.9 999 \r\n",
        b"Location: //\r\n",
        b"\0:\n",
    ];
    for _ in 0..300 {
        let parts: Vec<&[u8]> = (0..random() % 9).map(|_| pieces[random() as usize % pieces.len()]).collect();
        let starts: [&[u8]; 3] = [OK, b"HTTP/1.1 301 Moved\r\n", b""];
        let shown = format!("{:?}", String::from_utf8_lossy(&parts.concat()));
        let server = Server::new(vec![answer(&[starts[random() as usize % 3], &parts.concat()])]);
        let mut feed = open(&server.url("/"), &FeedOptions { reconnect: Some(0), ..options() });
        let heard = all(&mut feed);
        let Some(End | Failed(_)) = heard.last() else { panic!("{shown}: {heard:?}") };
        assert!(!matches!(heard.last(), Some(Failed(error)) if error.contains("bug")), "{shown}: {heard:?}");
    }
}

#[test]
fn https_to_a_server_without_tls_is_a_loss() {
    let server = Server::new(vec![Box::new(|mut stream| {
        let _ = stream.read(&mut [0; 1 << 10]).and_then(|_| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    })]);
    let url = server.url("/").replace("http", "https");
    let heard = all(&mut open(&url, &FeedOptions { reconnect: Some(0), ..options() }));
    assert!(matches!(&heard[..], [Failed(error)] if error.ends_with("given up after attempt 1")), "{heard:?}");
    server.finish();
}
