//! Parts of pictures, previews, instruction sets and precisions.

use udair::{Limits, Picture};

use crate::sandbox::{Ended, Sandbox};

#[test]
fn a_region_is_restored_alone_and_named_so() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 40, 30);
    let args = ["restore", "a.png", "--region", "5,6,20x10", "--strength", "0", "--json"];
    let ended = sandbox.run(&args).expect(0);
    let record = &ended.json()[0];
    assert_eq!(record["region"], serde_json::json!([5, 6, 20, 10]));
    assert_eq!((&record["width"], &record["preview"]), (&20.into(), &false.into()));
    let open = |bytes: Vec<u8>| Picture::decode(&bytes, &Limits::default()).unwrap();
    let (whole, part) = (open(sandbox.read("a.png")), open(sandbox.read("a.region.restored.png")));
    assert_eq!(part.to_rgb8().unwrap(), whole.region(5, 6, 20, 10).unwrap().to_rgb8().unwrap());
    let refused = sandbox.run(&["restore", "a.png", "--region", "30,6,20x10", "-o", "b.png"]).expect(1);
    assert!(refused.stderr.contains("do not lie in a picture of 40 x 30"), "{}", refused.stderr);
    assert!(!sandbox.files(".").contains(&"b.png".into()));
    sandbox.run(&["restore", "a.png", "--region", "1,2,3"]).expect(2);
}

#[test]
fn a_preview_is_small_and_marked() {
    let sandbox = Sandbox::new();
    sandbox.picture("in/a.png", 2050, 10);
    let ended = sandbox.run(&["restore", "in", "-o", "out", "--preview", "--json"]).expect(0);
    let record = &ended.json()[0];
    assert_eq!(record["preview"], true);
    assert_eq!(sandbox.files("out"), ["a.preview.png"]);
    let preview = Picture::decode(&sandbox.read("out/a.preview.png"), &Limits::default()).unwrap();
    assert_eq!((preview.width(), preview.height()), (684, 4));
    // A preview is no input of a later run.
    sandbox.run(&["restore", "in/a.png", "--preview"]).expect(0);
    assert_eq!(sandbox.files("in"), ["a.png", "a.preview.restored.png"]);
    sandbox.run(&["identify", "in"]).expect(0);
}

#[test]
fn instruction_sets_give_the_same_picture_but_for_rounding() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 33, 21);
    let run = |simd: &str| {
        let mut command = sandbox.command(&["restore", "a.png", "--always", "-o", "-"]);
        Ended::from(command.env("UDAIR_SIMD", simd).output().unwrap())
    };
    let restore = |simd: &str| {
        Picture::decode(&run(simd).expect(0).stdout, &Limits::default()).unwrap().to_rgb8().unwrap()
    };
    let expected = restore("portable");
    for isa in udair_engine::Isa::available() {
        let got = restore(isa.name());
        assert!(got.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{}", isa.name());
    }
    let refused = run("mmx").expect(2);
    assert!(refused.stderr.contains("portable"), "{}", refused.stderr);
}
