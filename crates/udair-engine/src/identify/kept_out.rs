//! Which training pictures are kept for calibration.

/// True for the tenth of all pictures that takes no part in a fit and, where a training run says so, none in
/// training: temperature, limit and margin come from these. It depends on the file's name without extension, or on what
/// follows its first hyphen (lists number their files `0012-name`), so that files of one name stay together
/// and training and study agree without a list.
pub fn kept_out(stem: &str) -> bool {
    let name = stem.split_once('-').map_or(stem, |(_, name)| name);
    // FNV-1a: the same on every machine.
    let number = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    number.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_a_tenth_is_kept_out_and_numbers_in_front_do_not_count() {
        let names: Vec<String> = (0..2_000).map(|i| format!("photo{i}")).collect();
        let share = names.iter().filter(|name| kept_out(name)).count();
        assert!((150..250).contains(&share), "{share}");
        assert!(names.iter().all(|name| kept_out(name) == kept_out(&format!("0007-{name}"))));
    }
}
