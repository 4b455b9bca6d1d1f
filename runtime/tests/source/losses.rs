//! Connections that break, stall or never come about.

use crate::heard::Heard::{Bytes, Connected, End, Failed, Lost, Resumed, Stalled};
use crate::heard::{all, next, open, options, pattern, until, until_bytes};
use crate::serve::{Act, END, OK, Server, answer, answer_gated, length, mute, reset_after, speak};
use std::io::{Read, Write};
use std::time::Duration;
use tempest_runtime::source::{FeedOptions, Signal};

#[test]
fn a_reset_is_told_and_the_stream_goes_on() {
    let (first, second) = (pattern(20_000), pattern(300));
    let (reset, go) = reset_after(&[OK, END, &first]);
    let whole = [OK, &length(&second), END, &second].concat();
    let server = Server::new(vec![reset, answer(&[&whole])]);
    let mut feed = open(&server.url("/"), &options());
    let before = until_bytes(&mut feed, first.len());
    assert_eq!(before, [Connected(1), Bytes(first)]);
    go.send(()).unwrap();
    let after = all(&mut feed);
    assert!(matches!(&after[0], Lost(_)), "{after:?}");
    assert_eq!(after[1..], [Connected(2), Bytes(second), End]);
    server.finish();
}

#[test]
fn a_file_that_breaks_off_is_fetched_again() {
    let bytes = pattern(1000);
    let head = [OK, &length(&bytes), END].concat();
    let server = Server::new(vec![answer(&[&head, &bytes[..400]]), answer(&[&head, &bytes])]);
    let heard = all(&mut open(&server.url("/"), &options()));
    let closed = Lost("the server closed the connection".into());
    assert_eq!(heard, [Connected(1), Bytes(bytes[..400].to_vec()), closed, Connected(2), Bytes(bytes), End]);
}

#[test]
fn a_peer_that_closes_is_connected_again() {
    let (first, second) = (pattern(40_000), pattern(50));
    let server = Server::new(vec![speak(&first), speak(&second)]);
    let mut feed = open(&server.tcp(), &FeedOptions { reconnect: Some(1), ..options() });
    let heard = all(&mut feed);
    let closed = "the peer closed the connection";
    assert_eq!(heard[..3], [Connected(1), Bytes(first), Lost(closed.into())]);
    assert_eq!(heard[3..5], [Connected(2), Bytes(second)]);
    assert_eq!(heard[5], Failed(format!("{}: {closed}; given up after attempt 2", server.tcp())));
    assert_eq!(next(&mut feed), End, "over after a failure");
}

#[test]
fn a_stall_is_told_once_and_so_is_its_end() {
    let bytes = pattern(1000);
    let (act, go) = answer_gated(&[OK, &length(&bytes), END, &bytes[..10]], &bytes[10..]);
    let server = Server::new(vec![act]);
    let mut feed = open(&server.url("/"), &FeedOptions { stall: Duration::from_millis(20), ..options() });
    let before = until(&mut feed, |all| all.last() == Some(&Stalled) && all.contains(&Bytes(bytes[..10].to_vec())));
    assert_eq!(before.iter().filter(|heard| !matches!(heard, Stalled | Resumed)).count(), 2, "{before:?}");
    for _ in 0..3 {
        assert_eq!(feed.next(Duration::from_millis(30)).unwrap(), Signal::Idle, "a stall is told once");
    }
    go.send(()).unwrap();
    assert_eq!(all(&mut feed), [Resumed, Bytes(bytes[10..].to_vec()), End]);
}

#[test]
fn a_silent_connection_is_given_up() {
    let bytes = pattern(10);
    let (http, _gate) = answer_gated(&[OK, END, &bytes], b"");
    let tcp: Act = Box::new({
        let bytes = bytes.clone();
        move |mut stream| {
            stream.write_all(&bytes).unwrap();
            let _ = stream.read(&mut [0]);
        }
    });
    let patience = FeedOptions { silence: Duration::from_millis(300), reconnect: Some(0), ..options() };
    let (http, tcp) = (Server::new(vec![http]), Server::new(vec![tcp]));
    for origin in [http.url("/"), tcp.tcp()] {
        let heard = all(&mut open(&origin, &patience));
        assert_eq!(heard[..2], [Connected(1), Bytes(bytes.clone())]);
        assert_eq!(heard[2], Failed(format!("{origin}: no byte within 0.3 s; given up after attempt 1")));
    }
}

#[test]
fn a_server_that_never_answers_is_tried_again() {
    let bytes = pattern(10);
    let whole = [OK, &length(&bytes), END, &bytes].concat();
    let server = Server::new(vec![mute(), mute(), answer(&[&whole])]);
    let patience = FeedOptions { answer: Duration::from_millis(300), ..options() };
    let heard = all(&mut open(&server.url("/"), &patience));
    let lost = || Lost("no answer within 0.3 s".into());
    assert_eq!(heard, [lost(), lost(), Connected(3), Bytes(bytes), End]);
}

#[test]
fn waiting_for_an_answer_is_a_stall_too() {
    let server = Server::new(vec![mute()]);
    let mut feed = open(&server.url("/"), &FeedOptions { stall: Duration::from_millis(20), ..options() });
    assert_eq!(next(&mut feed), Stalled);
}

#[test]
fn a_host_that_is_not_there_is_given_up_after_the_attempts_allowed() {
    let gone = Server::new(Vec::new());
    let origins = [gone.url("/"), gone.tcp()];
    gone.finish();
    for origin in origins {
        let heard = all(&mut open(&origin, &FeedOptions { reconnect: Some(2), ..options() }));
        assert!(matches!(&heard[..], [Lost(_), Lost(_), Failed(_)]), "{heard:?}");
        let Some(Failed(error)) = heard.last() else { unreachable!() };
        assert!(error.starts_with(&format!("{origin}: ")) && error.ends_with("given up after attempt 3"), "{error}");
    }
}
