//! Devices that networks can run on, by name: `cpu`, `cuda:0`, `vulkan:0`, `metal:0`.
//!
//! Back ends are compiled in by features, and a driver that is missing or broken makes them panic, so
//! everything here looks before it leaps: a device is only given out after it has computed something. (A driver that
//! crashes ends the program all the same; who must not end tries in a process of its own, as the command `udair` does.)

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use burn::tensor::Device;
use burn::tensor::Tensor;

/// The name of the CPU.
pub const CPU: &str = "cpu";

/// The back ends of this build, without the CPU.
pub const BACK_ENDS: &[&str] = &[
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "vulkan")]
    "vulkan",
    #[cfg(feature = "metal")]
    "metal",
];

/// A device that was looked for.
#[derive(Debug)]
pub struct Found {
    /// Back end and number, such as `cuda:0`.
    pub name: String,
    /// The device, or why it cannot be used.
    pub device: Result<Device, String>,
}

/// The device of this name; a back end's name alone means its first device.
///
/// # Errors
/// What is wrong with it, in words.
pub fn named(name: &str) -> Result<Device, String> {
    if name == CPU {
        return Ok(Device::flex());
    }
    let back_end = name.split(':').next().unwrap_or_default();
    if !BACK_ENDS.contains(&back_end) {
        let known = [CPU].iter().chain(BACK_ENDS).copied().collect::<Vec<_>>().join(", ");
        return Err(format!("this build has no device {name:?}; it has {known}"));
    }
    let wanted = if name == back_end { format!("{back_end}:0") } else { name.into() };
    let mut found = of_back_end(back_end);
    match found.iter().position(|found| found.name == wanted || found.device.is_err()) {
        Some(place) => found.swap_remove(place).device,
        None => Err(format!("there is no {name}; the last is {back_end}:{}", found.len() - 1)),
    }
}

/// What `compute` gives, or the words of the panic that a driver's failure ends in.
///
/// # Errors
/// Those words.
pub fn guarded<T>(compute: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it failed");
        words.lines().next().unwrap_or_default().to_string()
    })
}

/// Every device of one of [`BACK_ENDS`], each tried. A back end without devices is listed once, with the reason.
pub fn of_back_end(name: &str) -> Vec<Found> {
    let devices = match guarded(|| enumerate(name)) {
        Ok(devices) if devices.is_empty() => Err("no such device on this machine".to_string()),
        other => other,
    };
    match devices {
        Err(reason) => vec![Found { name: name.into(), device: Err(reason) }],
        Ok(devices) => devices
            .into_iter()
            .enumerate()
            .map(|(number, device)| Found {
                name: format!("{name}:{number}"),
                device: guarded(|| tried(&device)).map(|()| device),
            })
            .collect(),
    }
}

/// Computes a product on the device and reads it back.
fn tried(device: &Device) {
    let ones = Tensor::<2>::ones([8, 8], device);
    let sum: f32 = ones.clone().matmul(ones).sum().into_scalar();
    assert!(sum == 512.0, "it computes 8 x 8 x 8 = {sum}");
}

fn enumerate(name: &str) -> Vec<Device> {
    match name {
        #[cfg(feature = "cuda")]
        "cuda" => Device::enumerate(burn::tensor::DeviceType::Cuda).into_iter().collect(),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::enumerate(burn::tensor::DeviceType::Vulkan).into_iter().collect(),
        #[cfg(feature = "metal")]
        "metal" => Device::enumerate(burn::tensor::DeviceType::Metal).into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_unknown_names_are_refused() {
        assert!(named("cpu").is_ok());
        assert!(of_back_end("tpu")[0].device.is_err());
        for name in ["", "gpu", "cpu:1", "tpu:0"] {
            assert!(named(name).is_err_and(|reason| reason.contains("it has cpu")), "{name}");
        }
    }

    #[test]
    fn panics_become_words() {
        assert_eq!(guarded(|| 3), Ok(3));
        assert_eq!(guarded(|| -> u8 { panic!("no {}", "driver") }), Err("no driver".into()));
    }
}
