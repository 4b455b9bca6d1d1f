//! A TCP peer that sends a stream and nothing else. It cannot say that the stream is over: closing loses it.

use super::FeedOptions;
use super::reader::{Body, Connection, Dial, Greeting, Halt, Hangup, read_some};
use std::io;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

pub(super) fn dial(host: &str, port: u16, options: &FeedOptions) -> (Box<dyn Dial>, Hangup) {
    let socket = Arc::new(Mutex::new(Weak::new()));
    let tcp = Tcp {
        host: host.into(),
        port,
        connect: options.connect,
        silence: options.silence,
        socket: Arc::clone(&socket),
    };
    (Box::new(tcp), Hangup::new(move || shut(&socket)))
}

/// The socket in use. Weak: between attempts none is, and the last one is closed.
type Socket = Mutex<Weak<TcpStream>>;

fn shut(socket: &Socket) {
    if let Some(stream) = socket.lock().unwrap_or_else(PoisonError::into_inner).upgrade() {
        // An error means that it is shut already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

struct Tcp {
    host: String,
    port: u16,
    connect: Duration,
    silence: Duration,
    socket: Arc<Socket>,
}

impl Dial for Tcp {
    fn dial(&mut self, _: bool) -> Result<Connection, Halt> {
        let stream = self.connect().map_err(|error| lost(&error, "connection", self.connect))?;
        stream.set_read_timeout(Some(self.silence)).map_err(|error| Halt::Lost(error.to_string()))?;
        let stream = Arc::new(stream);
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&stream);
        let body = Box::new(Peer { stream, silence: self.silence });
        Ok(Connection { body, greeting: Some(Greeting::default()) })
    }
}

impl Tcp {
    /// The first address that answers; each has its share of the time.
    fn connect(&self) -> io::Result<TcpStream> {
        let addresses: Vec<_> = (&*self.host, self.port).to_socket_addrs()?.take(MAX_ADDRESSES).collect();
        let share = self.connect / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, share) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

struct Peer {
    stream: Arc<TcpStream>,
    silence: Duration,
}

impl Body for Peer {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Halt> {
        match read_some(&mut &*self.stream, buffer) {
            Ok(0) => Err(Halt::Lost("the peer closed the connection".into())),
            Ok(count) => Ok(count),
            Err(error) => Err(lost(&error, "byte", self.silence)),
        }
    }
}

/// A time-out is `WouldBlock` on Unix and `TimedOut` on Windows.
fn lost(error: &io::Error, missing: &str, within: Duration) -> Halt {
    Halt::Lost(match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no {missing} within {} s", within.as_secs_f64())
        }
        _ => error.to_string(),
    })
}
