//! Lists what an MP3 file is made of: offset, length and kind of every block and of all that was skipped.
//!
//! `cargo run -p tempest-blocks --example cut -- FILE.mp3`

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use tempest_blocks::mp3::{Cutter, Event, Fed};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: cut FILE.mp3");
        return ExitCode::from(2);
    };
    match std::fs::File::open(path).and_then(cut) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("cut: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn cut(mut file: impl Read) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut cutter = Cutter::new();
    let mut chunk = [0; 64 << 10];
    loop {
        let bytes = file.read(&mut chunk)?;
        if bytes == 0 {
            break;
        }
        let mut input = &chunk[..bytes];
        loop {
            let (event, rest) = match cutter.feed(input) {
                Fed::NeedMore => break,
                Fed::Block { block, rest } => (Event::Block(block), rest),
                Fed::Skipped { skipped, rest } => (Event::Skipped(skipped), rest),
            };
            print(&mut out, &event)?;
            input = rest;
        }
    }
    while let Some(event) = cutter.finish() {
        print(&mut out, &event)?;
    }
    out.flush()?;
    if let Some(diagnosis) = cutter.diagnosis() {
        eprintln!("{diagnosis}");
    }
    Ok(())
}

fn print(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let (offset, bytes, truncated) = match event {
        Event::Block(block) => (block.offset, block.bytes.len() as u64, block.truncated),
        Event::Skipped(skipped) => (skipped.offset, skipped.bytes, skipped.truncated),
    };
    write!(out, "{offset}\t{bytes}\t")?;
    match event {
        Event::Block(block) => write!(out, "block {} {}", block.sequence, block.header)?,
        Event::Skipped(skipped) => write!(out, "{}", skipped.reason)?,
    }
    writeln!(out, "{}", if truncated { ", truncated" } else { "" })
}
