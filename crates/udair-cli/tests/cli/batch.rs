//! A batch goes on whatever one picture does, and every failure is named.

use crate::sandbox::Sandbox;

/// Names that have broken other tools.
const HOSTILE: [&str; 9] = [
    "with space.png",
    "it's \"quoted\".png",
    "failed-roof error.png",
    "🌧 straße.png",
    "two\nlines.png",
    "-x.png",
    "@list.png",
    "a*b[c]?.png",
    "$(touch hacked);.png",
];

#[cfg(unix)]
#[test]
fn a_hundred_pictures_with_seven_bad_ones() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::new();
    let good = sandbox.picture("in/000.png", 6, 5);
    let long = format!("{}.png", "l".repeat(246));
    HOSTILE.iter().for_each(|name| sandbox.write(format!("in/{name}"), &good));
    sandbox.write(format!("in/{long}"), &good);
    let latin1 = OsStr::from_bytes(b"in/caf\xe9.png");
    let mut total = 1 + HOSTILE.len() + 1;
    // Some file systems take no names that are not UTF-8.
    if std::fs::write(sandbox.path(latin1), &good).is_ok() {
        total += 1;
    }
    for i in total..93 {
        sandbox.write(format!("in/{}/{i:03}.png", i % 4), &good);
    }
    let bad: [(&str, &[u8]); 6] = [
        ("in/bad-empty.png", b""),
        ("in/bad-text.png", b"this is no picture"),
        ("in/bad-cut.png", &good[..good.len() / 2]),
        ("in/bad-head.png", &good[..8]),
        ("in/2/bad-jpeg.jpg", b"\xff\xd8\xff\xe0 nothing"),
        ("in/bad-kind.webp", b"RIFF\x10\0\0\0WAVEfmt "),
    ];
    bad.iter().for_each(|(name, bytes)| sandbox.write(name, bytes));
    symlink("loop.png", sandbox.path("in/loop.png")).unwrap();
    symlink(sandbox.path("in"), sandbox.path("in/again")).unwrap();

    for output in [&["-o", "out"][..], &[]] {
        let ended = sandbox.run(&[&["restore", "in"], output].concat()).expect(1);
        assert!(ended.stderr.contains("93 restored, 7 failed in "), "{}", ended.stderr);
        let listed: Vec<_> = ended.stderr.lines().filter_map(|line| line.strip_prefix("failed: ")).collect();
        assert_eq!(listed.len(), 7);
        for (name, _) in bad.iter().chain(&[("in/loop.png", &[][..])]) {
            assert!(listed.contains(&format!("'{name}'").as_str()), "{name} in {listed:?}");
        }
        for line in ended.stderr.lines().filter(|line| line.starts_with("error: ")) {
            assert!(line.starts_with("error: 'in/"), "every error names its file: {line}");
        }
    }
    assert_eq!(sandbox.files("out").len(), 93);
    let beside = sandbox.files("in");
    assert_eq!(beside.iter().filter(|name| name.contains(".restored.png")).count(), 93);
    assert_eq!(beside.iter().filter(|name| name.contains("-tmp")).count(), 0);
    assert!(!sandbox.path("hacked").exists());
    let expected = sandbox.read("out/000.png");
    let name = sandbox.files("out").into_iter().find(|name| name.starts_with("lll")).unwrap();
    assert_eq!(sandbox.read(format!("out/{name}")), expected);
}

#[test]
fn hostile_names_can_be_given_one_by_one() {
    let sandbox = Sandbox::new();
    for name in HOSTILE {
        sandbox.picture(name, 4, 4);
        sandbox.run(&["restore", "-o", "out.png", "--overwrite", "--model", "tiny", "--", name]).expect(0);
    }
}

#[test]
fn a_missing_picture_stops_nothing() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 4, 4);
    let ended = sandbox.run(&["restore", "no.png", "a.png"]).expect(1);
    assert!(ended.stderr.contains("error: 'no.png': "), "{}", ended.stderr);
    assert!(sandbox.path("a.restored.png").exists());
    let alone = sandbox.run(&["restore", "no.png"]).expect(1);
    assert!(alone.stderr.contains("error: 'no.png': "), "{}", alone.stderr);
}
