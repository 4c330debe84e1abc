//! A batch that is killed at any moment leaves whole files, and the next run finishes the work.
//!
//! `UDAIR_KILLS` sets how often it is killed; the number that counts before a release is 200.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::process::Stdio;
use std::time::Instant;

use udair_image::{Limits, Picture};

#[path = "cli/sandbox.rs"]
#[expect(dead_code, reason = "the other tests use what this one does not")]
mod sandbox;

use sandbox::Sandbox;

const PICTURES: usize = 12;

#[test]
fn a_killed_batch_leaves_whole_files() {
    let kills = std::env::var("UDAIR_KILLS").map_or(20, |n| n.parse().expect("UDAIR_KILLS is a number"));
    let sandbox = Sandbox::new();
    for i in 0..PICTURES {
        sandbox.picture(format!("in/{i:03}.png"), 80, 60);
    }
    let start = Instant::now();
    sandbox.run(&["restore", "in", "-o", "expected"]).expect(0);
    let mut whole_run = start.elapsed();
    let names = sandbox.files("expected");

    let (mut state, mut cut_short) = (1_u64, 0);
    for round in 0..kills {
        let mut command = sandbox.command(&["restore", "in", "-o", "out", "--overwrite"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = whole_run.mul_f64((state >> 40) as f64 / f64::from(1 << 24));
        std::thread::sleep(wait);
        if child.try_wait().unwrap().is_none() {
            cut_short += 1;
        } else {
            // The first run was slower, as first runs are.
            whole_run = wait;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for name in sandbox.files("out").iter().filter(|name| names.contains(name)) {
            let result = sandbox.read(format!("out/{name}"));
            assert!(Picture::decode(&result, &Limits::default()).is_ok(), "round {round}: {name} is half");
            assert_eq!(result, sandbox.read(format!("expected/{name}")), "round {round}: {name}");
        }
    }
    assert!(cut_short * 2 > kills, "only {cut_short} of {kills} kills met a running batch");

    sandbox.run(&["restore", "in", "-o", "out", "--overwrite"]).expect(0);
    assert_eq!(sandbox.files("out"), names, "all results, and no temporary file");
}
