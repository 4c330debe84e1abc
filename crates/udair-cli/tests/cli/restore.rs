//! One picture or a folder, to where the user wants it.

use udair_image::{Limits, Picture};

use crate::sandbox::Sandbox;

#[test]
fn a_result_lies_beside_its_picture() {
    let sandbox = Sandbox::new();
    for (name, width, height) in [("a.png", 20, 13), ("b.jpg", 1, 1), ("c.webp", 1, 9), ("d.tiff", 17, 2)] {
        let before = sandbox.picture(name, width, height);
        let ended = sandbox.run(&["restore", name]).expect(0);
        assert!(ended.stdout.is_empty(), "stdout carries data only");
        let line = ended.stderr.trim();
        let stem = &name[..1];
        let start = format!("'{name}': noise, 92 % sure; restored in ");
        let end = format!("'{}'", name.replace(stem, &format!("{stem}.restored")));
        assert!(line.starts_with(&start) && line.ends_with(&end) && line.lines().count() == 1, "{line}");
        let result = sandbox.read(name.replace(stem, &format!("{stem}.restored")));
        assert_ne!(result, before);
        let result = Picture::decode(&result, &Limits::default()).unwrap();
        assert_eq!((result.width(), result.height()), (width, height));
        assert_eq!(sandbox.read(name), before, "the picture itself is left alone");
    }
}

#[test]
fn a_bare_path_means_restore() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 8, 8);
    sandbox.run(&["a.png", "--model", "tiny"]).expect(0);
    sandbox.run(&["restore", "a.png", "-o", "b.png"]).expect(0);
    assert_eq!(sandbox.read("a.restored.png"), sandbox.read("b.png"));
}

#[test]
fn clean_pictures_come_back_byte_for_byte() {
    let sandbox = Sandbox::new();
    let before = sandbox.picture("a.jpg", 16, 16);
    let ended = sandbox.run(&["restore", "a.jpg", "--model", "clean"]).expect(0);
    assert!(ended.stderr.contains("clean, 92 % sure; unchanged in "), "{}", ended.stderr);
    assert_eq!(sandbox.read("a.restored.jpg"), before);
    sandbox.run(&["restore", "a.jpg", "--model", "clean", "--always", "-o", "always.jpg"]).expect(0);
    assert_ne!(sandbox.read("always.jpg"), before);
}

#[test]
fn strength_runs_from_nothing_to_all() {
    let sandbox = Sandbox::new();
    let before = sandbox.picture("a.png", 16, 16);
    let rgb = |bytes: &[u8]| Picture::decode(bytes, &Limits::default()).unwrap().to_rgb8().unwrap();
    let change = |strength: &str| {
        sandbox.run(&["restore", "a.png", "-o", "out.png", "--overwrite", "--strength", strength]).expect(0);
        let after = rgb(&sandbox.read("out.png"));
        after.iter().zip(rgb(&before)).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>()
    };
    let (none, half, all) = (change("0"), change("0.5"), change("1"));
    assert_eq!(none, 0);
    assert!(0 < half && half < all, "{half} {all}");
    for strength in ["1.1", "-0.1", "nan", "much"] {
        sandbox.run(&["restore", "a.png", &format!("--strength={strength}")]).expect(2);
    }
}

#[test]
fn formats_follow_the_flag_then_the_name() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 9, 9);
    for (args, name, magic) in [
        (&["-o", "b.jpg"][..], "b.jpg", &b"\xff\xd8\xff"[..]),
        (&["--format", "webp"], "a.restored.webp", b"RIFF"),
        (&["--format", "jpg", "-o", "c.png"], "c.png", b"\xff\xd8\xff"),
        (&["--format", "tiff", "-o", "out/"], "out/a.tiff", b"II*\0"),
    ] {
        sandbox.run(&[&["restore", "a.png"], args].concat()).expect(0);
        assert!(sandbox.read(name).starts_with(magic), "{args:?}");
    }
    let size = |quality: &str| {
        let args = ["restore", "a.png", "-o", "q.jpg", "--overwrite", "--quality", quality];
        sandbox.run(&args).expect(0);
        sandbox.read("q.jpg").len()
    };
    assert!(size("30") < size("100"));
}

#[test]
fn a_folder_keeps_its_tree_and_results_are_no_inputs() {
    let sandbox = Sandbox::new();
    for name in ["in/a.png", "in/x/b.PNG", "in/x/y/c.ppm", "in/old.restored.png"] {
        sandbox.picture(name, 6, 5);
    }
    sandbox.write("in/note.txt", b"no picture");
    sandbox.write("in/phone.HEIC", b"");
    let ended = sandbox.run(&["restore", "in", "-o", "out"]).expect(0);
    assert!(ended.stderr.starts_with("note: 1 photo in formats that are not read"), "{}", ended.stderr);
    assert_eq!(sandbox.files("out"), ["a.png", "x/b.PNG", "x/y/c.ppm"]);
    sandbox.run(&["restore", "in"]).expect(0);
    let again = sandbox.run(&["restore", "in", "--skip-existing"]).expect(3);
    assert!(again.stderr.contains("3 skipped"), "{}", again.stderr);
    sandbox.run(&["restore", "in", "-o", "in/out"]).expect(0);
    sandbox.run(&["restore", "in", "-o", "in/out", "--overwrite"]).expect(0);
    assert_eq!(sandbox.files("in/out"), ["a.png", "x/b.PNG", "x/y/c.ppm"], "its own results are left out");
}

#[test]
fn existing_results_are_kept_replaced_or_finished() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 9, 9);
    sandbox.run(&["restore", "a.png"]).expect(0);
    let complete = sandbox.read("a.restored.png");
    let refused = sandbox.run(&["restore", "a.png"]).expect(1);
    assert!(refused.stderr.contains("exists\nhint: --overwrite"), "{}", refused.stderr);
    sandbox.run(&["restore", "a.png", "--skip-existing"]).expect(3);
    // A result that is not a whole picture does not count as done.
    sandbox.write("a.restored.png", &complete[..complete.len() / 2]);
    sandbox.run(&["restore", "a.png", "--skip-existing"]).expect(0);
    assert_eq!(sandbox.read("a.restored.png"), complete);
    sandbox.write("a.restored.png", b"something else");
    sandbox.run(&["restore", "a.png", "--overwrite"]).expect(0);
    assert_eq!(sandbox.read("a.restored.png"), complete);
    sandbox.run(&["restore", "a.png", "-o", "a.png", "--overwrite"]).expect(0);
    assert_eq!(sandbox.read("a.png"), complete, "in place");
}

#[test]
fn threads_change_nothing() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 70, 50);
    for threads in ["1", "3"] {
        let output = format!("{threads}.png");
        sandbox.run(&["restore", "a.png", "--threads", threads, "-o", &output]).expect(0);
    }
    assert_eq!(sandbox.read("1.png"), sandbox.read("3.png"));
}

#[test]
fn too_large_a_picture_is_told_what_would_do() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 3000, 1500);
    let args = ["restore", "a.png", "--threads", "1", "--memory"];
    let refused = sandbox.run(&[&args[..], &["96MiB"]].concat()).expect(1);
    let size = refused.stderr.split("the largest size that would do is ").nth(1).unwrap();
    let (width, height) = size.split(';').next().unwrap().split_once(" x ").unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    assert!(width < 3000 && height < 1500 && width >= height, "{size}");
    sandbox.picture("a.png", width, height);
    sandbox.run(&[&args[..], &["96MiB"]].concat()).expect(0);
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 8, 8);
    // No process has this number.
    let stale = ".a.restored.png.4999999-0.udair-tmp";
    sandbox.write(stale, b"half");
    sandbox.run(&["restore", "a.png"]).expect(0);
    assert!(!sandbox.path(stale).exists());
}

#[test]
fn nothing_is_done_where_the_command_is_wrong() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 8, 8);
    sandbox.write("broken", &sandbox.read("tiny")[..1000]);
    sandbox.write("list", b"a.png\n");
    for args in [
        &["restore"][..],
        &["restore", "a.png", "--model", "large"],
        &["restore", "a.png", "--model", "broken"],
        &["restore", "a.png", "--model", "a.png"],
        &["restore", "a.png", "--model", ""],
        &["restore", "a.png", "--format", "gif"],
        &["restore", "a.png", "--quality", "0"],
        &["restore", "a.png", "--threads", "0"],
        &["restore", "a.png", "--memory", "0"],
        &["restore", "a.png", "--overwrite", "--skip-existing"],
        &["restore", "a.png", "-o", "a.gif"],
        &["restore", "@absent"],
        &["restore", "[z-a.png"],
        &["restore", "a.png", "@list", "-o", "tiny"],
        &["identify"],
        &["completions", "tcsh"],
        &["man", "restor"],
    ] {
        let ended = sandbox.run(args).expect(2);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{args:?} {ended:?}");
    }
    assert_eq!(sandbox.files(""), ["a.png", "broken", "clean", "list", "tiny"]);
}
