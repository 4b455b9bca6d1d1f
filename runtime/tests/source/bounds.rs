//! What a feed holds, and lets go of.

use crate::heard::Heard::{Bytes, Connected};
use crate::heard::{next, open, options, pattern, until_bytes};
use crate::serve::{END, OK, Server, head};
use std::fs;
use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tempest_runtime::source::{Feed, Origin, Signal};

#[test]
fn dropping_a_feed_hangs_up() {
    for (origin, reads_request) in [("http", true), ("tcp", false)] {
        let (say, said) = channel();
        let server = Server::new(vec![Box::new(move |mut stream| {
            if reads_request {
                head(&mut stream);
                stream.write_all(&[OK, END].concat()).unwrap();
            }
            stream.write_all(b"abc").unwrap();
            say.send(stream.read(&mut [0]).unwrap_or(0)).unwrap();
        })]);
        let mut feed = open(&if origin == "tcp" { server.tcp() } else { server.url("/") }, &options());
        assert_eq!(until_bytes(&mut feed, 3), [Connected(1), Bytes(b"abc".to_vec())]);
        drop(feed);
        assert_eq!(said.recv_timeout(Duration::from_secs(10)), Ok(0), "{origin}: the server sees the end");
    }
}

#[test]
fn a_caller_that_does_not_read_holds_the_reader_back() {
    let (say, said) = channel();
    let server = Server::new(vec![Box::new(move |mut stream| {
        stream.set_nonblocking(true).unwrap();
        let mut sent = 0_usize;
        let mut refused = 0;
        // Sockets hold some megabytes; whoever takes more keeps it in memory.
        while sent < 1 << 28 && refused < 20 {
            match stream.write(&[0; 1 << 16]) {
                Ok(count) => (sent, refused) = (sent + count, 0),
                Err(_) => {
                    refused += 1;
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        say.send(sent).unwrap();
    })]);
    let mut feed = open(&server.tcp(), &options());
    assert_eq!(next(&mut feed), Connected(1));
    let sent = said.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(sent < 1 << 28, "{sent} bytes went somewhere");
}

#[test]
fn bytes_are_not_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.mp3");
    fs::write(&path, pattern(1 << 22)).unwrap();
    let mut feed = Feed::open(&Origin::File(path), &options()).unwrap();
    assert!(matches!(feed.next(Duration::from_secs(10)).unwrap(), Signal::Bytes(_)));
    let mut read = 0;
    let counted = allocation_counter::measure(|| {
        while let Ok(Signal::Bytes(bytes)) = feed.next(Duration::from_secs(10)) {
            read += bytes.len();
        }
    });
    assert_eq!(read, (1 << 22) - (1 << 14));
    // Blocking on a channel may allocate its queue once.
    assert!(counted.count_total <= 4, "{} allocations for 255 buffers", counted.count_total);
}
