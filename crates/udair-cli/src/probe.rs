//! Back ends tried by a process of their own: a driver that is broken may crash whoever calls it, and a crash that is
//! another's can be told in words.

use std::io;
use std::process::{Command, Output};

use udair_nn::device::{self, BACK_ENDS};

/// Said of a device that computes.
pub(crate) const READY: &str = "ready";

/// The device of this name.
///
/// # Errors
/// What is wrong with it, a driver that crashes included.
pub(crate) fn named(name: &str) -> Result<device::Device, String> {
    let back_end = name.split(':').next().unwrap_or_default();
    if BACK_ENDS.contains(&back_end) {
        let none_at_all = states(back_end, ask(back_end)).into_iter().find(|(device, _)| device == back_end);
        if let Some((_, reason)) = none_at_all {
            return Err(format!("{back_end}: {reason}"));
        }
    }
    device::named(name)
}

/// The devices beside the CPU and their states: [`READY`], or what is wrong.
pub(crate) fn devices() -> Vec<(String, String)> {
    BACK_ENDS.iter().flat_map(|back_end| states(back_end, ask(back_end))).collect()
}

/// What the process that tries says: a line for every device of the back end, its name, a tab, its state.
pub(crate) fn report(back_end: &str) -> String {
    let state = |device: Result<_, String>| device.map_or_else(|reason| reason, |_| READY.into());
    let found = device::of_back_end(back_end).into_iter();
    let lines: Vec<String> = found.map(|found| format!("{}\t{}", found.name, state(found.device))).collect();
    lines.join("\n")
}

fn ask(back_end: &str) -> io::Result<Output> {
    Command::new(std::env::current_exe()?).args(["devices", "--back-end", back_end]).output()
}

/// Devices and states as a process has reported them; a back end without any is named itself.
fn states(back_end: &str, ended: io::Result<Output>) -> Vec<(String, String)> {
    match ended {
        Ok(ended) if ended.status.success() => {
            let text = String::from_utf8_lossy(&ended.stdout).into_owned();
            text.lines().filter_map(|line| line.split_once('\t')).map(|(n, s)| (n.into(), s.into())).collect()
        }
        Ok(ended) => vec![(back_end.into(), format!("its driver crashed ({})", ended.status))],
        Err(error) => vec![(back_end.into(), format!("cannot be tried: {error}"))],
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_crash_is_told_in_words_and_a_report_is_read_line_by_line() {
        let ended = |status, stdout: &str| {
            Ok(Output { status: ExitStatus::from_raw(status), stdout: stdout.into(), stderr: Vec::new() })
        };
        let state = |name: &str, state: &str| (name.to_string(), state.to_string());
        let crashed = states("vulkan", ended(11, "vulkan:0\tready"));
        assert_eq!(crashed.len(), 1);
        assert!(crashed[0].0 == "vulkan" && crashed[0].1.contains("crashed (signal: 11"), "{crashed:?}");
        let two = states("cuda", ended(0, "cuda:0\tready\ncuda:1\tout of memory"));
        assert_eq!(two, [state("cuda:0", READY), state("cuda:1", "out of memory")]);
        let refused = states("cuda", Err(io::Error::other("no such program")));
        assert_eq!(refused, [state("cuda", "cannot be tried: no such program")]);
    }
}
