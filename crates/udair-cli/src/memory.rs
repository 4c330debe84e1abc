//! How much memory one picture may take.

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

/// Bytes that a picture may take from now on: what the program as a whole is allowed, less what it
/// holds already (weights, the decoded picture), or half of what is free. `None` where nobody knows.
pub(crate) fn budget(allowed: Option<u64>) -> Option<usize> {
    let bytes = match allowed {
        Some(allowed) => allowed.saturating_sub(held().unwrap_or(0)),
        None => free()? / 2,
    };
    Some(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Memory that this process has now.
fn held() -> Option<u64> {
    let own = sysinfo::get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    let memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
    Some(system.process(own)?.memory())
}

/// What is free now, in the container where there is one.
fn free() -> Option<u64> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(ram).ok()?;
    let container = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    let free = system.available_memory().min(container);
    (free > 0).then_some(free)
}

/// Reads sizes such as `512MiB`, `4G`, `1.5GiB` and plain bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("{unit:?} is not a unit; use KiB, MiB, GiB or TiB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 => Ok((number * 2_f64.powi(shift)) as u64),
        _ => Err("a size is a positive number with a unit, such as 4GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in
            [("1", 1), ("512MiB", 512 << 20), ("4G", 4 << 30), ("1.5 GiB", 3 << 29), ("2kb", 2048)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "0", "-1", "4 Gx", "1..5G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(budget(None).is_none_or(|bytes| bytes > 1 << 20));
        let held = held().unwrap_or(0);
        assert!((1 << 20..1 << 34).contains(&held), "{held} bytes");
        assert_eq!(budget(Some(1)), Some(0));
        assert!(budget(Some(1 << 40)).unwrap() < 1 << 40);
    }
}
