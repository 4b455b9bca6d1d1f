//! Where a stream comes from, as the command line names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;
use ureq::http::Uri;

/// Where a stream comes from. Parsed from text; displayed as text, without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `-`: standard input.
    Stdin,
    /// A file, or what else opens by a path.
    File(PathBuf),
    /// `tcp://HOST:PORT`: a peer that sends the stream and nothing else.
    Tcp {
        /// Name or address; an IPv6 address without its brackets.
        host: String,
        /// Port, not 0.
        port: u16,
    },
    /// `http://…` or `https://…`: a file, or a stream of Icecast or SHOUTcast.
    Http(String),
}

/// Why a text names no origin.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// Nothing.
    #[error("the source is empty; give {FORMS}")]
    Empty,
    /// A scheme that is not read.
    #[error("'{scheme}://' is not read; give {FORMS}")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// No host, or no port.
    #[error(
        "'{text}' has no HOST:PORT; give tcp://192.0.2.1:9000, tcp://[2001:db8::1]:9000 or tcp://radio.example:9000"
    )]
    Tcp {
        /// What was given.
        text: String,
    },
    /// No URL.
    #[error("'{text}' is no URL ({reason}); give one such as http://radio.example:8000/live.mp3")]
    Url {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The forms of an origin, for errors.
const FORMS: &str = "- for standard input, a path, tcp://HOST:PORT, http://… or https://…";

impl Origin {
    /// Whether the stream comes over a network, where it can be lost and found again.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self, Origin::Tcp { .. } | Origin::Http(_))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.is_empty() {
            return Err(OriginError::Empty);
        }
        if text == "-" {
            return Ok(Origin::Stdin);
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Ok(Origin::File(text.into()));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "tcp" => tcp(rest).ok_or_else(|| OriginError::Tcp { text: text.into() }),
            scheme @ ("http" | "https") => http(format!("{scheme}://{rest}")),
            scheme => Err(OriginError::Scheme { scheme: scheme.into() }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Stdin => f.write_str("-"),
            Origin::File(path) => path.display().fmt(f),
            Origin::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Origin::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Origin::Http(url) => f.write_str(&without_password(url)),
        }
    }
}

/// RFC 3986 section 3.1. A path may hold `://` too, after a character that no scheme has.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn tcp(rest: &str) -> Option<Origin> {
    let (host, port) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let refused: &[char] = if bare.is_some() { &['[', ']'] } else { &['[', ']', ':'] };
    let host = bare.unwrap_or(host);
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c) || refused.contains(&c);
    (!host.is_empty() && !host.contains(odd)).then(|| Origin::Tcp { host: host.into(), port })
}

fn http(url: String) -> Result<Origin, OriginError> {
    let error = |reason: String| OriginError::Url { text: without_password(&url), reason };
    let uri = Uri::from_str(&url).map_err(|cause| error(cause.to_string()))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(error("no host".into()));
    }
    if has_odd_port(&uri) {
        return Err(error("the port is not one of 1 to 65535".into()));
    }
    Ok(Origin::Http(url))
}

/// A port that is no number of 16 bits, which `Uri` reads as none. None at all is the one of the scheme.
fn has_odd_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    !port.is_empty() && !port.ends_with(']') && uri.port_u16().is_none_or(|port| port == 0)
}

/// The URL with `***` in place of its password (RFC 3986 section 3.2.1): it is printed and logged.
pub(super) fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let Some((user_info, host)) = url[start..end].rsplit_once('@') else { return url.into() };
    let Some((user, _)) = user_info.split_once(':') else { return url.into() };
    format!("{}{user}:***@{host}{}", &url[..start], &url[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        let tcp = |host: &str, port| Origin::Tcp { host: host.into(), port };
        for (text, expected) in [
            ("-", Origin::Stdin),
            ("music/a.mp3", Origin::File("music/a.mp3".into())),
            ("./odd://name.mp3", Origin::File("./odd://name.mp3".into())),
            ("tcp://radio.example:9000", tcp("radio.example", 9000)),
            ("tcp://[2001:db8::1]:9000", tcp("2001:db8::1", 9000)),
            ("http://radio.example:8000/live?x=1", Origin::Http("http://radio.example:8000/live?x=1".into())),
            ("https://radio.example", Origin::Http("https://radio.example".into())),
            ("http://[2001:db8::1]/", Origin::Http("http://[2001:db8::1]/".into())),
        ] {
            assert_eq!(origin(text), expected);
            assert_eq!(expected.to_string(), text);
        }
        assert_eq!(origin("TCP://h:1/"), tcp("h", 1));
        assert_eq!(origin("HTTP://h/A"), Origin::Http("http://h/A".into()));
    }

    #[test]
    fn what_names_nothing_says_the_forms() {
        for text in ["", "rtmp://radio.example/live", "file:///a.mp3"] {
            assert!(text.parse::<Origin>().unwrap_err().to_string().contains("tcp://HOST:PORT"), "{text}");
        }
        for text in [
            "tcp://",
            "tcp://h",
            "tcp://h:",
            "tcp://:1",
            "tcp://h:0",
            "tcp://h:65536",
            "tcp://2001:db8::1:9",
            "tcp://a b:1",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError::Tcp { text: text.into() }));
        }
        for text in
            ["http://", "http://:80/", "https:// radio.example/", "http://a\nb/", "http://h:99999/", "http://h:0/"]
        {
            assert!(matches!(text.parse::<Origin>(), Err(OriginError::Url { .. })), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let secret = origin("http://me:hunter2@radio.example/a@b");
        assert_eq!(secret.to_string(), "http://me:***@radio.example/a@b");
        assert_eq!(without_password("http://radio.example?u=me:x@y"), "http://radio.example?u=me:x@y");
        let error = "http://me:hunter2@a b/".parse::<Origin>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
