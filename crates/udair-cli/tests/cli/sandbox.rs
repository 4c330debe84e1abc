//! A folder to work in, weights too small to take time, and the command to run there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use udair_engine::{Config, Identifier, Tensor, Weights, parameters};
use udair_image::{EncodeOptions, Format, Picture};

/// The patterns of the tiny weights.
const PATTERNS: [&str; 6] = ["denoise", "dehaze", "derain", "lowlight", "underwater", "clean"];

pub(crate) struct Sandbox {
    folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// A folder with the weights files `tiny` (finds noise in everything) and `clean` (finds
    /// nothing to do).
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny"), weights("denoise")).unwrap();
        fs::write(folder.path().join("clean"), weights("clean")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a picture in the format of its name.
    pub(crate) fn picture(&self, name: impl AsRef<Path>, width: usize, height: usize) -> Vec<u8> {
        let extension = name.as_ref().extension().and_then(|e| e.to_str()).unwrap();
        let bytes = encoded(Format::from_extension(extension).unwrap(), width, height);
        self.write(name, &bytes);
        bytes
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Every file below `folder`, in order, with `/` between.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, list: &mut Vec<String>) {
            let Ok(entries) = fs::read_dir(folder) else { return };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() && !path.is_symlink() {
                    walk(&path, root, list);
                } else {
                    list.push(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
                }
            }
        }
        let (root, mut list) = (self.path(folder), Vec::new());
        walk(&root, &root, &mut list);
        list.sort();
        list
    }

    /// The command, not yet started: the tiny weights unless `args` name others.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_udair"));
        command.current_dir(self.folder.path()).args(args).env("COLUMNS", "100").stdin(Stdio::null());
        let takes_model = matches!(args.first(), Some(&"restore" | &"identify" | &"eval"));
        if takes_model && !args.contains(&"--model") {
            command.args(["--model", "tiny"]);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }
}

impl Ended {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// The lines of `--json`.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A picture with something in it.
pub(crate) fn encoded(format: Format, width: usize, height: usize) -> Vec<u8> {
    let rgb = (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect();
    let picture = Picture::from_rgb8(width, height, rgb).unwrap();
    picture.encode(&EncodeOptions { format: Some(format), ..EncodeOptions::default() }).unwrap()
}

/// A weights file of the smallest network there is, with random numbers; it always finds `pattern`.
pub(crate) fn weights(pattern: &str) -> Vec<u8> {
    weights_of(pattern, &Config::small())
}

/// The same as a variant.
pub(crate) fn weights_of(pattern: &str, variant: &Config) -> Vec<u8> {
    let config = Config {
        width: 2,
        enc: [1; 4],
        dec: [1; 3],
        refine: 1,
        heads: [1; 4],
        fusion_heads: 1,
        trunk: 2,
        res: 2,
        res_blocks: 1,
        code_dim: 2,
        codes: 4,
        head: 2,
        ..variant.clone()
    };
    let mut state = 1_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 25) as f32 - 0.25
    };
    let tensors = parameters(&config)
        .into_iter()
        .map(|p| (p.name.clone(), Tensor { data: (0..p.len()).map(|_| value()).collect(), shape: p.shape }))
        .collect();
    let tensor = |shape: &[usize], data: Vec<f32>| Tensor { shape: shape.to_vec(), data };
    let features = 28 * config.width;
    let distances = PATTERNS.iter().map(|name| if *name == pattern { 0.0 } else { 2.0 }).collect();
    let identify = BTreeMap::from([
        ("mean".into(), tensor(&[features], vec![0.0; features])),
        ("scale".into(), tensor(&[features], vec![1.0; features])),
        ("project".into(), tensor(&[features, 1], vec![0.0; features])),
        ("anchors".into(), tensor(&[6, 1], distances)),
        ("temperature".into(), tensor(&[], vec![1.0])),
    ]);
    let patterns = PATTERNS.map(String::from).to_vec();
    let identifier = Identifier::from_tensors(&config, &patterns, identify).unwrap();
    Weights::new(config, patterns, BTreeMap::new(), tensors, Some(identifier))
        .unwrap()
        .to_bytes(false)
        .unwrap()
}
