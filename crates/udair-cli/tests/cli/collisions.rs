//! Two pictures never end in one file: distinct results, or an error before anything is written.

use crate::sandbox::Sandbox;

#[test]
fn same_names_meet_nowhere() {
    // Inputs, further arguments, and the results; none where the run is refused.
    let cases: [(&[&str], &[&str], &[&str]); 8] = [
        (&["a.png", "a.jpg"], &[], &["a.restored.jpg", "a.restored.png"]),
        (&["a.png", "a.jpg"], &["--format", "webp"], &[]),
        (&["a.png", "a.jpg"], &["--format", "webp", "-o", "out"], &[]),
        (&["x/a.png", "y/a.png"], &[], &["x/a.restored.png", "y/a.restored.png"]),
        (&["x/a.png", "y/a.png"], &["-o", "out"], &[]),
        (&["a.png", "x/A.png"], &["-o", "out"], &[]),
        (&["a.png", "a.restored.png"], &["--overwrite"], &[]),
        (&["a.png", "./a.png"], &[], &["a.restored.png"]),
    ];
    for (inputs, rest, expected) in cases {
        let sandbox = Sandbox::new();
        inputs.iter().for_each(|name| drop(sandbox.picture(name, 4, 4)));
        let before = sandbox.files("");
        let ended = sandbox.run(&[&["restore"], inputs, rest].concat());
        let mut new = sandbox.files("");
        new.retain(|name| !before.contains(name));
        assert_eq!(new, expected, "{inputs:?} {rest:?}: {}", ended.stderr);
        assert_eq!(ended.code, Some(if expected.is_empty() { 2 } else { 0 }), "{}", ended.stderr);
        if expected.is_empty() {
            assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_tree_meets_itself_nowhere() {
    let sandbox = Sandbox::new();
    for name in ["x/1/a.png", "x/2/a.png", "y/2/a.png"] {
        sandbox.picture(name, 4, 4);
    }
    sandbox.run(&["restore", "x", "-o", "out"]).expect(0);
    assert_eq!(sandbox.files("out"), ["1/a.png", "2/a.png"]);
    let refused = sandbox.run(&["restore", "x", "y", "-o", "both"]).expect(2);
    let expected = "'x/2/a.png' and 'y/2/a.png' would both be written to 'both/2/a.png'";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(!sandbox.path("both").exists());
}
