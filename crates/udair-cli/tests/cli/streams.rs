//! stdin, stdout, lists and JSON: stdout carries data only.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::sandbox::{Ended, Sandbox};

fn piped(sandbox: &Sandbox, args: &[&str], input: &[u8]) -> Ended {
    let mut child = sandbox
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A refused command has gone before it read anything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_picture_runs_from_stdin_to_stdout() {
    let sandbox = Sandbox::new();
    let picture = sandbox.picture("a.png", 11, 7);
    sandbox.run(&["restore", "a.png"]).expect(0);
    let expected = sandbox.read("a.restored.png");
    assert_eq!(piped(&sandbox, &["restore", "-"], &picture).expect(0).stdout, expected);
    piped(&sandbox, &["restore", "-", "-o", "b.png"], &picture).expect(0);
    assert_eq!(sandbox.read("b.png"), expected);
    assert_eq!(sandbox.run(&["restore", "a.png", "-o", "-"]).expect(0).stdout, expected);
    let broken = piped(&sandbox, &["restore", "-"], &picture[..50]).expect(1);
    assert!(broken.stdout.is_empty() && broken.stderr.starts_with("error: '-': "), "{}", broken.stderr);
    piped(&sandbox, &["restore", "-", "--json"], &picture).expect(2);
    piped(&sandbox, &["restore", "-", "-o", "folder/"], &picture).expect(2);
}

#[test]
fn lists_and_globs_name_pictures() {
    let sandbox = Sandbox::new();
    for name in ["p/a.png", "p/q/b.png", "c d.png"] {
        sandbox.picture(name, 5, 5);
    }
    sandbox.write("list", b"p/a.png\nc d.png\n");
    sandbox.run(&["restore", "@list", "-o", "one"]).expect(0);
    assert_eq!(sandbox.files("one"), ["a.png", "c d.png"]);
    sandbox.run(&["restore", "p/**/*.png", "-o", "two"]).expect(0);
    assert_eq!(sandbox.files("two"), ["a.png", "q/b.png"]);
    let none = sandbox.run(&["restore", "*.jpeg"]).expect(3);
    assert!(none.stderr.contains("nothing matches '*.jpeg'"), "{}", none.stderr);
}

#[test]
fn json_is_one_object_a_picture_and_a_summary() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 12, 10);
    sandbox.write("b.png", b"no picture");
    let ended = sandbox.run(&["restore", "a.png", "b.png", "--json"]).expect(1);
    let lines = ended.json();
    let shapes: Vec<String> = lines.iter().map(|line| shape(line, "")).collect();
    insta::assert_snapshot!("restore_json", shapes.join("\n"));
    let [a, b, last] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&a["input"], &a["output"]), (&"a.png".into(), &"a.restored.png".into()));
    assert_eq!((&a["status"], &a["pattern"]), (&"restored".into(), &"denoise".into()));
    assert_eq!((&a["width"], &a["height"], &a["model"]), (&12.into(), &10.into(), &"tiny".into()));
    let sum: f64 = a["patterns"].as_array().unwrap().iter().map(|p| p["p"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert_eq!(a["patterns"][0]["p"], a["confidence"]);
    assert_eq!((&b["status"], &b["output"]), (&"failed".into(), &Value::Null));
    assert!(!b["error"].as_str().unwrap().is_empty());
    assert_eq!((&last["summary"]["restored"], &last["summary"]["failed"]), (&1.into(), &1.into()));
}

#[test]
fn identify_prints_findings_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 12, 10);
    let found = "'a.png': noise, 92 % sure (haze 2 %, rain 2 %, low light 2 %, underwater 2 %, clean 2 %)\n";
    assert_eq!(sandbox.run(&["identify", "a.png"]).expect(0).text(), found);
    let lines = sandbox.run(&["identify", "a.png", "--json"]).expect(0).json();
    let shapes: Vec<String> = lines.iter().map(|line| shape(line, "")).collect();
    insta::assert_snapshot!("identify_json", shapes.join("\n"));
    assert_eq!(sandbox.files(""), ["a.png", "clean", "tiny"]);
}

/// Keys and types of a JSON value; of a list, those of its first element.
pub(crate) fn shape(value: &Value, indent: &str) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(list) => match list.first() {
            Some(first) => format!("list of {}", shape(first, indent)),
            None => "empty list".into(),
        },
        Value::Object(map) => {
            let inner = format!("{indent}  ");
            map.iter().fold("object".into(), |text, (key, value)| {
                format!("{text}\n{inner}{key}: {}", shape(value, &inner))
            })
        }
    }
}
