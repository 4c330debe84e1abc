//! Pictures that weights were trained on say nothing about pictures that they have not seen.

use std::collections::BTreeSet;

use udair_image::fingerprint;

use crate::{Case, StudyError};

/// The cases neither of whose files is among the fingerprints `trained_on`, and how many were left out.
///
/// # Errors
/// [`StudyError::Read`] for a file that cannot be read.
pub fn unseen(cases: Vec<Case>, trained_on: &BTreeSet<String>) -> Result<(Vec<Case>, usize), StudyError> {
    if trained_on.is_empty() {
        return Ok((cases, 0));
    }
    let all = cases.len();
    let mut kept = Vec::with_capacity(all);
    for case in cases {
        let mut seen = false;
        for path in std::iter::once(&case.lq).chain(&case.gt) {
            let file =
                std::fs::read(path).map_err(|source| StudyError::Read { path: path.clone(), source })?;
            seen |= trained_on.contains(&fingerprint(&file));
        }
        if !seen {
            kept.push(case);
        }
    }
    let left_out = all - kept.len();
    Ok((kept, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_left_out_where_either_file_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path
        };
        let case =
            |lq: &str, gt: Option<&str>| Case { lq: file(lq), gt: gt.map(file), task: None, source: None };
        let cases = vec![case("a", Some("b")), case("c", Some("d")), case("e", None), case("f", None)];
        let seen = ["d", "e"].map(|name| fingerprint(name.as_bytes())).into();
        let (kept, left_out) = unseen(cases.clone(), &seen).unwrap();
        assert_eq!((kept, left_out), (vec![cases[0].clone(), cases[3].clone()], 2));
        assert_eq!(unseen(cases.clone(), &BTreeSet::new()).unwrap(), (cases.clone(), 0));
        std::fs::remove_file(&cases[0].lq).unwrap();
        assert!(matches!(unseen(cases, &seen), Err(StudyError::Read { .. })));
    }
}
