//! Ctrl-C ends a batch with whole files and its own exit code.

#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use udair_image::{Limits, Picture};

use crate::sandbox::{Ended, Sandbox};

#[test]
fn ctrl_c_leaves_whole_files() {
    let sandbox = Sandbox::new();
    for i in 0..200 {
        sandbox.picture(format!("in/{i:03}.png"), 60, 60);
    }
    let mut command = sandbox.command(&["restore", "in", "-o", "out"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while sandbox.files("out").len() < 3 {
        assert!(start.elapsed() < Duration::from_mins(1), "no result appears");
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended: Ended = child.wait_with_output().unwrap().into();
    let ended = ended.expect(130);
    assert!(ended.stderr.contains("interrupted: "), "{}", ended.stderr);
    let results = sandbox.files("out");
    assert!(results.len() < 200, "it did not stop");
    for name in &results {
        Picture::open(&sandbox.path("out").join(name), &Limits::default()).unwrap();
    }
    sandbox.run(&["restore", "in", "-o", "out", "--skip-existing"]).expect(0);
    assert_eq!(sandbox.files("out").len(), 200);
}
