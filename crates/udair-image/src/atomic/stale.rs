//! Unfinished files that a killed run left behind.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use super::SUFFIX;
use crate::ImageError;

/// Without a list of processes, a file untouched for this long belongs to none.
const ABANDONED: Duration = Duration::from_hours(24);

static STARTED: OnceLock<SystemTime> = OnceLock::new();

/// When this process first wrote or cleaned up: its own unfinished files are younger.
pub(super) fn started() -> SystemTime {
    *STARTED.get_or_init(SystemTime::now)
}

/// Removes the unfinished files of runs that are gone from a folder, and gives back how many. Files
/// of living processes, and all other files, stay.
///
/// # Errors
/// [`ImageError::Io`] when the folder cannot be read or a file cannot be removed.
pub fn remove_stale_temps(folder: &Path) -> Result<usize, ImageError> {
    let io = |step| move |source| ImageError::Io { step, source };
    started();
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(io("read the folder"))? {
        let entry = entry.map_err(io("read the folder"))?;
        let Some(process) = process_of(&entry.file_name().to_string_lossy()) else { continue };
        let modified = entry.metadata().and_then(|m| m.modified());
        if modified.is_ok_and(|modified| is_stale(process, modified)) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io("remove an unfinished file")(error));
                }
                _ => removed += 1,
            }
        }
    }
    Ok(removed)
}

/// The process in a name `.NAME.PID-N.udair-tmp`.
fn process_of(name: &str) -> Option<u32> {
    let (_, numbers) = name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let (process, number) = numbers.split_once('-')?;
    number.parse::<u64>().ok()?;
    process.parse().ok()
}

fn is_stale(process: u32, modified: SystemTime) -> bool {
    if process == std::process::id() {
        // In a container every run may have the same number.
        return modified < started();
    }
    let processes = Path::new("/proc/self");
    if processes.exists() {
        return !processes.with_file_name(process.to_string()).exists();
    }
    modified.elapsed().is_ok_and(|age| age > ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_hold_a_process() {
        for (name, process) in [
            (".a.png.123-0.udair-tmp", Some(123)),
            (".a b.c.d.7-99.udair-tmp", Some(7)),
            ("a.png.123-0.udair-tmp", None),
            (".a.png.123.udair-tmp", None),
            (".a.png.x-0.udair-tmp", None),
            (".a.png.123-0.tmp", None),
            (".udair-tmp", None),
        ] {
            assert_eq!(process_of(name), process, "{name}");
        }
    }

    #[test]
    fn only_files_of_dead_runs_go() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, age: u64| {
            let path = folder.path().join(name);
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        started();
        let own = std::process::id();
        // No process has this number: it is above the largest of Linux.
        put(".a.png.4194999-0.udair-tmp", 100_000);
        put(&format!(".b.png.{own}-0.udair-tmp"), 100_000);
        let live = format!(".c.png.{own}-1.udair-tmp");
        put(&live, 0);
        put("d.png", 100_000);
        put(".e.png.4194999-0.tmp", 100_000);
        assert_eq!(remove_stale_temps(folder.path()).unwrap(), 2);
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [live, ".e.png.4194999-0.tmp".into(), "d.png".into()]);
        assert!(remove_stale_temps(&folder.path().join("none")).is_err());
    }
}
