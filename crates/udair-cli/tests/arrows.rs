//! The arrows between our crates: who may use whom. A new arrow is a decision, taken here.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate may use of ours, behind features included.
const ARROWS: [(&str, &[&str]); 9] = [
    ("udair-image", &[]),
    ("udair-metrics", &[]),
    ("udair-engine", &[]),
    ("udair-weights", &[]),
    ("udair-nn", &["udair-engine"]),
    ("udair", &["udair-engine", "udair-image", "udair-nn"]),
    ("udair-train", &["udair-engine", "udair-image", "udair-metrics", "udair-nn"]),
    ("udair-study", &["udair", "udair-engine", "udair-image", "udair-metrics", "udair-train"]),
    (
        "udair-cli",
        &[
            "udair",
            "udair-engine",
            "udair-image",
            "udair-metrics",
            "udair-nn",
            "udair-study",
            "udair-train",
            "udair-weights",
        ],
    ),
];

/// One crate's dependency on another; a crate that has none stands alone.
struct Dependency {
    of: String,
    on: String,
    optional: bool,
    /// With its default features or the trainer's.
    trainer: bool,
}

/// Every dependency of every crate of the workspace.
fn dependencies() -> Vec<Dependency> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let mut list = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let of = text(&package["name"]);
        list.push(Dependency { of: of.clone(), on: String::new(), optional: false, trainer: false });
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"] != "dev");
        list.extend(normal.map(|d| Dependency {
            of: of.clone(),
            on: text(&d["name"]),
            optional: d["optional"].as_bool().unwrap(),
            trainer: d["uses_default_features"].as_bool().unwrap()
                || d["features"].as_array().unwrap().iter().any(|feature| feature == "trainer"),
        }));
    }
    list
}

#[test]
fn crates_use_what_they_may() {
    let allowed = BTreeMap::from(ARROWS);
    let list = dependencies();
    let crates: BTreeSet<&str> = list.iter().map(|d| d.of.as_str()).collect();
    for name in &crates {
        assert!(allowed.contains_key(name), "{name} is new: give it a row");
    }
    for Dependency { of, on, .. } in list.iter().filter(|d| crates.contains(d.on.as_str())) {
        assert!(allowed[of.as_str()].contains(&on.as_str()), "{of} must not use {on}");
    }
}

#[test]
fn the_default_build_holds_no_framework() {
    for Dependency { of, on, optional, trainer } in dependencies() {
        let framework = on.starts_with("burn") || on == "udair-nn" || on == "udair-train" && trainer;
        let allowed = optional || of == "udair-nn";
        assert!(!framework || allowed, "{of} always brings in {on}");
    }
}
