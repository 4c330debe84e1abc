//! The Python process that runs the peers, and its questions and answers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use udair_metrics::{FadeModel, Metric};

use crate::Failure;

pub(crate) struct Peer {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Where the pictures lie.
    folder: PathBuf,
}

/// What a peer found, and what it took on the clock and on the processor.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) value: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// What the worker knows, by our name and by its own.
const PEERS: &[(&str, &str)] = &[
    ("psnr:rgb", "psnr"),
    ("ssim:gaussian", "ssim"),
    ("ssim:skimage", "ssim:skimage"),
    ("ms-ssim:pyiqa", "ms-ssim"),
    ("niqe:compat", "niqe"),
    ("brisque:compat", "brisque"),
    ("fade:compat", "fade"),
    ("uiqm:funie", "uiqm"),
    ("uciqe:jou-python", "uciqe:jou-python"),
];

impl Peer {
    /// Starts `UDAIR_PEERS_PYTHON`; without it there is no peer.
    pub(crate) fn start(
        side: usize,
        [image, reference]: [&[u8]; 2],
        fade: Option<&FadeModel>,
    ) -> Result<Option<Self>, Failure> {
        let Some(python) = std::env::var_os("UDAIR_PEERS_PYTHON") else {
            eprintln!("UDAIR_PEERS_PYTHON is not set: the Python peers are left out");
            return Ok(None);
        };
        let folder = std::env::temp_dir().join(format!("udair-metrics-speed-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let write = |name: &str, bytes: &[u8]| -> Result<PathBuf, Failure> {
            let path = folder.join(name);
            fs::write(&path, bytes)?;
            Ok(path)
        };
        let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/metrics/worker.py");
        let mut process = Command::new(python)
            .args([worker, &side.to_string(), &side.to_string()])
            .arg(write("image.rgb", image)?)
            .arg(write("reference.rgb", reference)?)
            .arg(write("fade.json", fade.map(FadeModel::to_json).unwrap_or_default().as_bytes())?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = process.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Ok(Some(Self { process, questions, answers, folder }))
    }

    /// Runs the peer of a metric, where it has one.
    pub(crate) fn run(&mut self, metric: &Metric) -> Result<Option<Answer>, Failure> {
        let ours = metric.to_string();
        let Some((_, theirs)) = PEERS.iter().find(|(name, _)| *name == ours) else {
            return Ok(None);
        };
        writeln!(self.questions, "{theirs}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(Some(serde_json::from_str(&line)?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The folder is temporary and the process ours: what cannot be cleaned up does no harm.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
