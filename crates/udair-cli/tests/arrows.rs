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
    ("udair-study", &["udair", "udair-metrics", "udair-train"]),
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

/// Every dependency of every crate of the workspace: (crate, dependency, optional).
fn dependencies() -> Vec<(String, String, bool)> {
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
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"] != "dev");
        list.push((text(&package["name"]), String::new(), false));
        list.extend(
            normal.map(|d| (text(&package["name"]), text(&d["name"]), d["optional"].as_bool().unwrap())),
        );
    }
    list
}

#[test]
fn crates_use_what_they_may() {
    let allowed = BTreeMap::from(ARROWS);
    let list = dependencies();
    let crates: BTreeSet<&str> = list.iter().map(|(name, _, _)| name.as_str()).collect();
    for name in &crates {
        assert!(allowed.contains_key(name), "{name} is new: give it a row");
    }
    for (name, dependency, _) in list.iter().filter(|(_, d, _)| crates.contains(d.as_str())) {
        assert!(allowed[name.as_str()].contains(&dependency.as_str()), "{name} must not use {dependency}");
    }
}

#[test]
fn the_default_build_holds_no_framework() {
    for (name, dependency, optional) in dependencies() {
        let behind_feature = optional || matches!(name.as_str(), "udair-nn" | "udair-train");
        let framework = dependency.starts_with("burn") || matches!(&*dependency, "udair-nn" | "udair-train");
        assert!(!framework || behind_feature, "{name} always brings in {dependency}");
    }
}
