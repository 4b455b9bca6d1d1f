//! Other programs, asked for a few lines and never waited for longer than a limit.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Most bytes that are read of an answer.
const MAX_ANSWER: u64 = 64 << 10;

/// What `command` prints, where it ends with success within `limit`; the reason where it does not.
pub(crate) fn answer(command: &mut Command, limit: Duration) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| format!("{name}: {error}"))?;
    let (send, receive) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let read = output.take(MAX_ANSWER).read_to_end(&mut text);
            let _ = send.send(read.map(|_| String::from_utf8_lossy(&text).into_owned()));
        });
    }
    let Ok(read) = receive.recv_timeout(limit) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("{name}: no answer within {} s", limit.as_secs_f32()));
    };
    // The pipe is closed: what is left to wait for is the exit itself, unless the program closed it by hand.
    let text = read.map_err(|error| format!("{name}: {error}"));
    let ended = ended(&mut child, limit);
    match ended {
        Some(status) if status.success() => text,
        Some(status) => Err(format!("{name}: {status}")),
        None => Err(format!("{name}: does not end")),
    }
}

/// The status of `child` within `limit`; it is killed where it has none.
fn ended(child: &mut std::process::Child, limit: Duration) -> Option<std::process::ExitStatus> {
    const STEP: Duration = Duration::from_millis(5);
    for _ in 0..=limit.as_millis() / STEP.as_millis() {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(STEP),
            done => return done.ok().flatten(),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::answer;
    use std::process::Command;
    use std::time::{Duration, Instant};

    #[test]
    fn a_program_is_answered_for_or_given_up() {
        let shell = |script: &str| answer(Command::new("sh").args(["-c", script]), Duration::from_millis(600));
        assert_eq!(shell("echo one; echo two"), Ok("one\ntwo\n".into()));
        assert_eq!(shell("exit 3"), Err("sh: exit status: 3".into()));
        let started = Instant::now();
        assert_eq!(shell("exec sleep 30"), Err("sh: no answer within 0.6 s".into()));
        assert_eq!(shell("exec >&-; exec sleep 30"), Err("sh: does not end".into()));
        assert!(started.elapsed() < Duration::from_secs(10));
        let absent = answer(&mut Command::new("/nowhere/program"), Duration::from_secs(1));
        assert!(absent.is_err_and(|error| error.starts_with("/nowhere/program: ")));
    }

    #[test]
    fn an_endless_answer_is_cut() {
        // `yes` is ended by the closed pipe.
        let answer = answer(Command::new("sh").args(["-c", "yes; exit 0"]), Duration::from_secs(5));
        assert_eq!(answer.map(|text| text.len()), Ok(64 << 10));
    }
}
