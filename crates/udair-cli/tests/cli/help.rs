//! Every help text, and the errors that the command line itself makes: reviewed changes only.

use crate::sandbox::Sandbox;

#[test]
fn help_texts() {
    let sandbox = Sandbox::new();
    let tool = sandbox.run(&["--help"]).expect(0).text().to_string();
    insta::assert_snapshot!("help", tool);
    let verbs = tool.lines().skip_while(|line| *line != "Commands:").skip(1);
    for verb in verbs.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()) {
        if verb != "help" {
            insta::assert_snapshot!(format!("help_{verb}"), sandbox.run(&[verb, "--help"]).expect(0).text());
        }
    }
}

#[test]
fn the_cpu_is_listed_and_restores_what_it_restores() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run(&["devices"]).expect(0).text().contains("\ncpu "));
    assert!(sandbox.run(&["devices", "--check", "24x16"]).expect(0).text().starts_with("cpu"));
}

#[test]
fn version_tells_the_terms_of_code_and_weights() {
    let version = Sandbox::new().run(&["--version"]).expect(0);
    insta::assert_snapshot!("version", version.text().replace(env!("CARGO_PKG_VERSION"), "[version]"));
}

#[test]
fn errors_of_the_command_line() {
    let sandbox = Sandbox::new();
    sandbox.picture("a.png", 4, 4);
    sandbox.picture("a.jpg", 4, 4);
    let cases: [&[&str]; 13] = [
        &[],
        &["restore"],
        &["restore", "a.png", "--model", "large"],
        &["restore", "a.png", "--model", "a.png"],
        &["restore", "a.png", "--device", "abacus"],
        &["bench", "--device", "abacus"],
        &["restore", "a.png", "--strength", "2"],
        &["restore", "a.png", "--format", "gif"],
        &["restore", "a.png", "--memory", "much"],
        &["restore", "a.png", "-o", "a.gif"],
        &["restore", "a.png", "a.jpg", "-o", "-"],
        &["restore", "a.png", "a.jpg", "--format", "webp"],
        &["restor", "a.png", "--model", "tiny", "-o", "out"],
    ];
    let text: Vec<String> = cases
        .iter()
        .map(|args| {
            let ended = sandbox.run(args);
            format!("$ udair {}\n{}exit {}", args.join(" "), steady(&ended.stderr), ended.code.unwrap())
        })
        .collect();
    insta::assert_snapshot!("errors", text.join("\n\n"));
}

/// Blanks the seconds.
fn steady(text: &str) -> String {
    let blank = |line: &str| match line.split_once(" in ") {
        Some((start, rest)) if rest.contains(" s") => {
            let (_, end) = rest.split_once(" s").unwrap();
            format!("{start} in [seconds] s{end}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(blank).collect()
}

#[test]
fn completions_and_man_pages_come_from_the_same_definition() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.run(&["completions", shell]).expect(0);
        assert!(script.text().contains("skip-existing"), "{shell}");
    }
    assert!(sandbox.run(&["man"]).expect(0).text().starts_with(".ie"));
    assert!(sandbox.run(&["man", "restore"]).expect(0).text().contains("skip\\-existing"));
}
