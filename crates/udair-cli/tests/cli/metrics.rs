//! Metrics of pictures: what is printed, how pictures pair, and parameters of one's own.

use serde_json::Value;
use udair_image::Format;

use crate::sandbox::{Ended, Sandbox, encoded};

/// Two references and two pictures that are like them: `in/1` equals, `in/2` is of another format.
fn pairs() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["in/1.png", "in/2.jpg", "gt/1.png", "gt/2.png"] {
        sandbox.picture(name, 40, 30);
    }
    sandbox
}

fn value(line: &Value) -> f64 {
    line["value"].as_f64().unwrap()
}

fn refuses(ended: Ended, parts: &[&str]) {
    let ended = ended.expect(2);
    assert!(ended.stdout.is_empty());
    for part in parts {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}

#[test]
fn json_has_an_object_a_line() {
    let sandbox = pairs();
    let args = ["metrics", "in", "--ref", "gt", "--metric", "psnr,ssim:skimage,niqe", "--json"];
    let lines = sandbox.run(&args).expect(0).json();
    assert_eq!(lines.len(), 6);
    let keys = ["better", "file", "metric", "reason", "reference", "value", "variant"];
    for line in &lines {
        let mut found: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
    }
    // Equal pictures: JSON has no infinity.
    assert_eq!((&lines[0]["file"], &lines[0]["reference"]), (&"in/1.png".into(), &"gt/1.png".into()));
    assert_eq!((&lines[0]["metric"], &lines[0]["variant"]), (&"psnr".into(), &"rgb".into()));
    assert_eq!((&lines[0]["value"], &lines[0]["better"]), (&Value::Null, &"higher".into()));
    assert_eq!(lines[0]["reason"], "infinite: the pictures are equal");
    assert!((value(&lines[1]) - 1.0).abs() < 1e-12);
    assert_eq!((&lines[2]["value"], &lines[2]["better"]), (&Value::Null, &"lower".into()));
    assert_eq!(lines[2]["reason"], "fewer than 2 blocks of 96 x 96 pixels");
    assert_eq!((&lines[4]["metric"], &lines[4]["variant"]), (&"ssim".into(), &"skimage".into()));
    assert!((0.0..1.0).contains(&value(&lines[4])) && lines[4]["reason"].is_null());
}

#[test]
fn the_table_ends_with_means() {
    let sandbox = pairs();
    let ended = sandbox.run(&["metrics", "in", "--ref", "gt", "--metric", "ssim,niqe"]).expect(0);
    let lines: Vec<Vec<&str>> = ended.text().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["picture", "ssim:gaussian", "niqe:compat"]);
    assert_eq!(lines[1], ["in/1.png", "1.0000", "-"]);
    assert_eq!(lines[2][0], "in/2.jpg");
    assert_eq!(lines[4], ["metric", "better", "n", "mean", "deviation", "95", "%", "from", "to"]);
    assert_eq!(lines[5][..3], ["ssim:gaussian", "higher", "2"]);
    let numbers: Vec<f64> = lines[5][3..].iter().map(|cell| cell.parse().unwrap()).collect();
    let second: f64 = lines[2][1].parse().unwrap();
    assert!((numbers[0] - f64::midpoint(1.0, second)).abs() < 1e-4);
    assert!((numbers[1] - (1.0 - second) / 2.0_f64.sqrt()).abs() < 1e-4);
    assert_eq!((numbers[2], numbers[3]), (second, 1.0), "of two values the interval is their range");
    assert_eq!(lines[6], ["niqe:compat", "lower", "0", "-", "-", "-", "-"]);
    assert_eq!(lines[8].join(" "), "'in/1.png': no niqe: fewer than 2 blocks of 96 x 96 pixels");
}

#[test]
fn csv_has_the_same_columns() {
    let sandbox = pairs();
    sandbox.picture("a,b.png", 20, 20);
    let ended =
        sandbox.run(&["metrics", "a,b.png", "--ref", "a,b.png", "--metric", "ssim", "--csv"]).expect(0);
    let expected =
        "file,reference,metric,variant,value,better,reason\n\"a,b.png\",\"a,b.png\",ssim,gaussian,";
    assert!(ended.text().starts_with(expected), "{}", ended.text());
}

#[test]
fn pictures_pair_by_stem_or_not_at_all() {
    let sandbox = pairs();
    let metrics = |paths: &[&str]| sandbox.run(&[&["metrics", "--ref", "gt"], paths].concat());
    metrics(&["in/2.jpg"]).expect(0);
    metrics(&["in/*"]).expect(0);
    sandbox.write("list", b"in/1.png\nin/2.jpg\n");
    metrics(&["@list"]).expect(0);
    sandbox.picture("in/2.restored.png", 40, 30);
    metrics(&["in/2.restored.png"]).expect(0);
    sandbox.picture("gt/3.png", 9, 9);
    refuses(metrics(&["in"]), &["gt/3.png", "no picture"]);
    sandbox.picture("in/3.png", 9, 9);
    metrics(&["in"]).expect(0);
    sandbox.picture("in/4.png", 9, 9);
    refuses(metrics(&["in"]), &["in/4.png", "no reference"]);
    sandbox.picture("gt/4.png", 9, 9);
    sandbox.picture("gt/4.bmp", 9, 9);
    refuses(metrics(&["in"]), &["gt/4.png", "gt/4.bmp", "same stem"]);
    refuses(sandbox.run(&["metrics", "in", "--ref", "absent"]), &["absent"]);
}

#[test]
fn a_manifest_names_the_pairs() {
    let sandbox = pairs();
    sandbox.write("m.tsv", b"task\tsource\tlq\tgt\ndehaze\tx\tin/2.jpg\tgt/1.png\n-\t-\tin/1.png\t-\n");
    let lines =
        sandbox.run(&["metrics", "--manifest", "m.tsv", "--json", "--metric", "ssim"]).expect(0).json();
    assert_eq!((&lines[0]["file"], &lines[0]["reference"]), (&"in/2.jpg".into(), &"gt/1.png".into()));
    assert_eq!(
        (&lines[1]["value"], &lines[1]["reason"]),
        (&Value::Null, &"the metric needs a reference".into())
    );
}

#[test]
fn unknown_metrics_have_a_suggestion() {
    let sandbox = pairs();
    for (metric, parts) in [
        ("nique", ["there is no metric \"nique\"", "did you mean niqe?"]),
        ("psnr,ssim:skimge", ["no variant of ssim \"skimge\"", "did you mean skimage?"]),
        ("loudness", ["no metric \"loudness\"", "there are psnr, ssim"]),
    ] {
        refuses(sandbox.run(&["metrics", "in", "--metric", metric]), &parts);
    }
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_measured() {
    let sandbox = pairs();
    sandbox.write("in/bad.png", b"no picture");
    let ended = sandbox.run(&["metrics", "in", "--metric", "uciqe", "--json"]).expect(1);
    assert!(ended.stderr.contains("in/bad.png"), "{}", ended.stderr);
    let lines = ended.json();
    assert_eq!(lines.len(), 3);
    let bad = lines.iter().find(|line| line["file"] == "in/bad.png").unwrap();
    assert!(bad["value"].is_null() && bad["reason"].is_string());
}

#[test]
fn parameters_of_ones_own_name_themselves() {
    let sandbox = Sandbox::new();
    // Noise, so that no block is without contrast.
    for seed in 0..4_u32 {
        let mut state = seed;
        let mut value = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let rgb = (0..400 * 300 * 3).map(|_| value()).collect();
        let picture = udair_image::Picture::from_rgb8(400, 300, rgb).unwrap();
        sandbox.write(
            format!("sharp/{seed}.png"),
            &picture.encode(&udair_image::EncodeOptions::default()).unwrap(),
        );
    }
    refuses(
        sandbox.run(&["metrics", "sharp", "--metric", "fade"]),
        &["fade needs parameters", "--fade-params"],
    );
    sandbox.run(&["metrics", "fit", "niqe", "sharp", "-o", "mine.json"]).expect(0);
    let fade = ["metrics", "fit", "fade", "--fogfree", "sharp", "--foggy", "sharp/1.png", "-o", "fog.json"];
    sandbox.run(&[&fade[..], &["--name", "my fog"]].concat()).expect(0);
    refuses(sandbox.run(&fade), &["fog.json"]);
    refuses(sandbox.run(&["metrics", "fit", "niqe", "sharp", "-o", "live"]), &["cannot be called \"live\""]);
    let args = ["metrics", "sharp/0.png", "--metric", "niqe,fade,niqe:flat-exact", "--json"];
    let lines =
        sandbox.run(&[&args[..], &["--niqe-params", "mine.json", "--fade-params", "fog.json"]].concat());
    let lines = lines.expect(0).json();
    let variants: Vec<&str> = lines.iter().map(|line| line["variant"].as_str().unwrap()).collect();
    assert_eq!(variants, ["compat+mine", "compat+my fog", "flat-exact+mine"]);
    assert!(value(&lines[0]) > 0.0 && value(&lines[1]) > 0.0);
    refuses(
        sandbox.run(&[&args[..], &["--niqe-params", "fog.json"]].concat()),
        &["fog.json", "not parameters"],
    );
    // Too little to fit.
    sandbox.write("one.png", &encoded(Format::Png, 200, 100));
    refuses(sandbox.run(&["metrics", "fit", "niqe", "one.png", "-o", "few.json"]), &["do not suffice", "37"]);
}
