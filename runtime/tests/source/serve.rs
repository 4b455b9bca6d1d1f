//! Servers on 127.0.0.1 that do one thing a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// The first line of a good answer.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// The end of a line, and of a head.
pub const END: &[u8] = b"\r\n";

/// What a server does with one connection.
pub type Act = Box<dyn FnOnce(TcpStream) + Send>;

/// A server whose n-th connection gets the n-th act; after the last it is gone.
pub struct Server {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    pub fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            for act in acts {
                act(listener.accept().unwrap().0);
            }
        });
        Self { address, thread }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn tcp(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Waits until all acts are over, and fails where one did.
    pub fn finish(self) {
        self.thread.join().unwrap();
    }
}

/// The head of a request, read to its end: a socket closed with bytes unread resets the connection.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads the request, writes `parts` and closes.
pub fn answer(parts: &[&[u8]]) -> Act {
    let parts = parts.concat();
    Box::new(move |mut stream| {
        head(&mut stream);
        // A client that has seen enough may be gone.
        let _ = stream.write_all(&parts);
    })
}

/// Writes `bytes` to whoever connects and closes.
pub fn speak(bytes: &[u8]) -> Act {
    let bytes = bytes.to_vec();
    Box::new(move |mut stream| stream.write_all(&bytes).unwrap())
}

/// Reads the request, writes `before`, waits until the gate opens and writes `after`.
pub fn answer_gated(before: &[&[u8]], after: &[u8]) -> (Act, Sender<()>) {
    let (open, gate) = channel();
    let (before, after) = (before.concat(), after.to_vec());
    let act: Act = Box::new(move |mut stream| {
        head(&mut stream);
        stream.write_all(&before).unwrap();
        wait(&gate);
        let _ = stream.write_all(&after);
    });
    (act, open)
}

/// Writes `bytes` without reading the request to its end, waits for the gate and closes, which resets the connection.
pub fn reset_after(bytes: &[&[u8]]) -> (Act, Sender<()>) {
    let (open, gate) = channel();
    let bytes = bytes.concat();
    let act: Act = Box::new(move |mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(&bytes).unwrap();
        wait(&gate);
    });
    (act, open)
}

/// Accepts, says nothing, and closes when the other side has.
pub fn mute() -> Act {
    Box::new(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

/// A gate opens when it is told to or when its test is over.
fn wait(gate: &Receiver<()>) {
    let _ = gate.recv();
}

/// A head field that says how long the body is.
pub fn length(bytes: &[u8]) -> Vec<u8> {
    format!("Content-Length: {}\r\n", bytes.len()).into()
}

/// The bytes as a chunked body, in chunks of these lengths, without its last chunk.
pub fn chunked(bytes: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut body, mut rest) = (Vec::new(), bytes);
    for length in lengths.iter().cycle() {
        let (part, after) = rest.split_at(rest.len().min(*length));
        body.extend(format!("{:x}\r\n", part.len()).bytes());
        body.extend(part);
        body.extend(END);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    body
}
