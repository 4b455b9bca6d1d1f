//! Sessions of one graph at work on many threads.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod common;

use common::{Graph, engines, max_difference, noise, product};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempest_engine::{Budget, Dtype, Input, LoadOptions, Pool};

const ONE: LoadOptions = LoadOptions { batch: 1, threads: 1 };

#[test]
fn a_budget_never_exceeds_the_cores() {
    for cores in 1..=16 {
        assert_eq!(Budget::of(cores, None), Budget { sessions: cores, threads: 1 });
        for sessions in 1..=cores {
            let budget = Budget::of(cores, Some(sessions));
            assert!(budget.sessions * budget.threads <= cores && budget.sessions == sessions, "{budget:?}");
            assert!((budget.threads + 1) * sessions > cores, "no thread is left over for everyone: {budget:?}");
        }
    }
    assert_eq!(Budget::of(2, Some(5)), Budget { sessions: 5, threads: 1 });
    assert_eq!(Budget::of(0, Some(0)), Budget { sessions: 1, threads: 1 });
    assert!(Budget::here(None).sessions >= 1);
}

#[test]
fn many_threads_share_few_sessions() {
    for engine in engines() {
        let graph = product(1);
        let pool = Pool::new(engine.load_many(&graph.bytes(), &graph.io(), &ONE, 2).unwrap());
        let busiest = AtomicUsize::new(0);
        let busy = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..6_i32 {
                let (pool, busy, busiest) = (&pool, &busy, &busiest);
                scope.spawn(move || {
                    for round in 0..50 {
                        let mut session = pool.get();
                        busiest.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let mut out = [0.0; 2];
                        session.run(&[Input::I32(&[thread, round, 0])], &mut out).unwrap();
                        busy.fetch_sub(1, Ordering::SeqCst);
                        let [thread, round] = [thread, round].map(|value| value as f32);
                        assert_eq!(out, [thread + 3.0 * round, 2.0 * thread + 4.0 * round]);
                    }
                });
            }
        });
        assert!((1..=2).contains(&busiest.load(Ordering::SeqCst)), "{}", engine.name());
    }
}

#[test]
fn who_finds_none_waits_until_one_is_back() {
    let graph = product(1);
    let sessions = tempest_engine::engine("tract").unwrap().load_many(&graph.bytes(), &graph.io(), &ONE, 1).unwrap();
    let pool = Pool::new(sessions);
    let first = pool.get();
    assert!(pool.try_get().is_none() && pool.size() == 1);
    let met = Barrier::new(2);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            met.wait();
            pool.get().batch()
        });
        met.wait();
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.join().unwrap(), 1);
    });
    assert!(pool.try_get().is_some());
}

#[test]
fn a_thread_that_panics_puts_its_session_back() {
    let graph = product(1);
    let sessions = tempest_engine::engine("tract").unwrap().load_many(&graph.bytes(), &graph.io(), &ONE, 1).unwrap();
    let pool = Pool::new(sessions);
    let panicked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let _lease = pool.get();
            panic!("on purpose");
        });
        thread.join().is_err()
    });
    assert!(panicked);
    let mut out = [0.0; 2];
    pool.get().run(&[Input::I32(&[0, 0, 1])], &mut out).unwrap();
    assert_eq!(out, [5.0, 6.0]);
}

/// A weight of 1024 x 1024 floats, 4 MiB.
fn heavy() -> Graph {
    Graph::new()
        .input("x", Dtype::F32, &[1, 1024])
        .floats("w", &[1024, 1024], &noise(1 << 20, 1))
        .node("MatMul", &["x", "w"], "y", &[])
        .output("y", &[1, 1024])
}

/// Runs alone, in a process of its own: others would move the measure.
#[test]
#[ignore = "the child of sessions_share_their_weights"]
fn weigh() {
    let name = std::env::var("TEMPEST_TEST_ENGINE").unwrap();
    let engine = tempest_engine::engine(&name).unwrap();
    let graph = heavy();
    let (bytes, io) = (graph.bytes(), graph.io());
    let x = noise(1024, 2);
    let run = |session: &mut dyn tempest_engine::Session| {
        let mut out = vec![0.0; 1024];
        session.run(&[Input::F32(&x)], &mut out).unwrap();
        out
    };
    let mut first = engine.load_many(&bytes, &io, &ONE, 2).unwrap();
    let expected = run(&mut *first[0]);
    let before = resident();
    let mut many = engine.load_many(&bytes, &io, &ONE, 16).unwrap();
    for session in &mut many {
        assert!(max_difference(&run(&mut **session), &expected) < 1e-6);
    }
    let shared = resident() - before;
    let before = resident();
    let mut alone: Vec<_> = (0..16).map(|_| engine.load(&bytes, &io, &ONE).unwrap()).collect();
    alone.iter_mut().for_each(|session| drop(run(&mut **session)));
    println!("grown {shared} KiB, alone {} KiB", resident() - before);
}

fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn sessions_share_their_weights() {
    for engine in engines() {
        if !["tract", "onnxruntime"].contains(&engine.name()) {
            continue;
        }
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "weigh", "--ignored", "--nocapture"]).env("TEMPEST_TEST_ENGINE", engine.name());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let number = |after: &str| text.split(after).nth(1)?.split(' ').next()?.parse::<i64>().ok();
        let (shared, alone) = number("grown ").zip(number("alone ")).unwrap_or_else(|| panic!("{text}"));
        // Sixteen copies are 64 MiB, and as much again where a copy is packed.
        assert!(shared < 20 << 10 && alone > 60 << 10, "{}: shared {shared} KiB, alone {alone} KiB", engine.name());
    }
}
