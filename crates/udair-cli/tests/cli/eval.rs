//! `udair eval`: scores, their JSON, and pairs that do not fit.

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::streams::shape;

const MANIFEST: &str = "task\tsource\tlq\tgt\n\
    denoise\tone\tlq/a.png\tgt/a.png\n\
    denoise\tone\tlq/b.png\t-\n\
    clean\ttwo\t-\tgt/a.png\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["lq/a.png", "lq/b.png", "gt/a.png"] {
        sandbox.picture(name, 16, 12);
    }
    sandbox.write("manifest.tsv", MANIFEST.as_bytes());
    sandbox
}

#[test]
fn the_json_is_what_programs_expect() {
    let sandbox = sandbox();
    let args = ["eval", "--manifest", "manifest.tsv", "--json", "-"];
    let json: Value = serde_json::from_slice(&sandbox.run(&args).expect(0).stdout).unwrap();
    insta::assert_snapshot!("eval_json", shape(&json, ""));
    assert_eq!(json["weights"]["name"], "tiny");
    assert_eq!(json["weights"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["identification"], serde_json::json!({"n": 3, "correct": 2}));
    let images = json["images"].as_array().unwrap();
    // The degraded picture of this test is its reference.
    assert_eq!((&images[0]["psnr_in"], &images[0]["ssim_in"]), (&100.0.into(), &1.0.into()));
    assert!(images[0]["psnr"].as_f64().unwrap() < 100.0);
    assert_eq!(
        (&images[1]["gt"], &images[1]["psnr"], &images[1]["ssim_in"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(images[2]["lq"], images[2]["gt"], "a clean photo is scored against itself");
    let groups = json["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!((&groups[0]["n"], &groups[0]["psnr"]), (&2.into(), &images[0]["psnr"]));
}

#[test]
fn clean_photos_are_left_alone_unless_asked() {
    let sandbox = sandbox();
    let psnr = |rest: &[&str]| {
        let args = ["eval", "--manifest", "manifest.tsv", "--json", "-", "--model", "clean"];
        let ended = sandbox.run(&[&args[..], rest].concat()).expect(0);
        let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
        json["images"][2]["psnr"].as_f64().unwrap()
    };
    assert_eq!(psnr(&[]), 100.0);
    assert!(psnr(&["--always"]) < 100.0);
}

#[test]
fn scores_are_those_of_what_restore_writes() {
    let sandbox = sandbox();
    let ended = sandbox.run(&["eval", "--manifest", "manifest.tsv", "--save", "saved", "--json", "out.json"]);
    let ended = ended.expect(0);
    assert!(ended.text().contains("identified: 2 of 3 pictures"), "{}", ended.text());
    assert!(serde_json::from_slice::<Value>(&sandbox.read("out.json")).is_ok());
    assert_eq!(sandbox.files("saved"), ["clean/two/a.png", "denoise/one/a.png", "denoise/one/b.png"]);
    sandbox.run(&["restore", "lq/a.png", "-o", "a.png"]).expect(0);
    assert_eq!(sandbox.read("saved/denoise/one/a.png"), sandbox.read("a.png"));
}

#[test]
fn folders_pair_by_stem_and_size() {
    let sandbox = sandbox();
    let args = ["eval", "--lq", "lq", "--gt", "gt"];
    let refused = sandbox.run(&args).expect(2);
    assert!(refused.stderr.contains("b.png has no partner"), "{}", refused.stderr);
    sandbox.picture("gt/b.png", 16, 12);
    sandbox.run(&args).expect(0);
    sandbox.picture("gt/b.png", 12, 16);
    let refused = sandbox.run(&args).expect(1);
    assert!(refused.stderr.contains("16 x 12") && refused.stderr.contains("12 x 16"), "{}", refused.stderr);
    for args in
        [&["eval"][..], &["eval", "--lq", "lq"], &["eval", "--manifest", "m", "--lq", "a", "--gt", "b"]]
    {
        sandbox.run(args).expect(2);
    }
}

#[test]
fn crops_depend_on_the_seed_alone() {
    let sandbox = sandbox();
    let crops = |seed: &str| {
        let args = ["eval", "--manifest", "manifest.tsv", "--crops", "8", "--save", "s", "--seed", seed];
        sandbox.run(&args).expect(0);
        sandbox.read("s/denoise/one/a.png")
    };
    let (one, two) = (crops("1"), crops("2"));
    assert_ne!(one, two);
    assert_eq!(crops("1"), one);
}

#[test]
fn metrics_are_those_of_the_task_unless_named() {
    let sandbox = sandbox();
    let scores = |rest: &[&str]| {
        let args = ["eval", "--manifest", "manifest.tsv", "--json", "-"];
        let ended = sandbox.run(&[&args[..], rest].concat()).expect(0);
        let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let images = json["images"].as_array().unwrap();
        let names = |image: &Value| {
            let scores = image["scores"].as_array().unwrap().iter();
            scores.map(|score| score["metric"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        images.iter().map(names).collect::<Vec<_>>()
    };
    assert_eq!(scores(&[]), ["psnr ssim", "niqe brisque", "psnr ssim"]);
    assert_eq!(scores(&["--metric", "uciqe:norm,psnr:y"]), ["uciqe psnr"; 3]);
    let refused = sandbox.run(&["eval", "--manifest", "manifest.tsv", "--metric", "uciq"]).expect(2);
    assert!(refused.stderr.contains("did you mean uciqe?"), "{}", refused.stderr);
}
