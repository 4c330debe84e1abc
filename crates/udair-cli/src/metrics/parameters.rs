//! Files of learned parameters.

use std::path::{Path, PathBuf};

use udair_metrics::{FadeModel, Metric, NiqeModel, ParametersError};

use crate::problem::Problem;

/// Names FADE's parameters where no option does.
const VARIABLE: &str = "UDAIR_FADE_PARAMS";

/// The two files of LIVE's release.
const LIVE: [&str; 2] = ["natural_fogfree_image_features_ps8.mat", "natural_foggy_image_features_ps8.mat"];

pub(super) fn niqe(path: &Path) -> Result<NiqeModel, Problem> {
    let wrong = |error: ParametersError| Problem::new(error.to_string()).about(path);
    NiqeModel::from_json(&read(path)?)
        .map_err(|error| wrong(error).hint("`udair metrics fit niqe` makes such a file"))
}

/// FADE's, where FADE is wanted: from the option, or from the file that the environment names.
pub(super) fn fade(option: Option<PathBuf>, metrics: &[Metric]) -> Result<Option<FadeModel>, Problem> {
    if !metrics.iter().any(|metric| metric.name() == "fade") {
        return Ok(None);
    }
    let Some(path) = option.or_else(|| std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(Into::into))
    else {
        return Err(Problem::new("fade needs parameters, which are not part of udair").hint(format!(
            "get FADE from LIVE and name one of its .mat files with --fade-params or {VARIABLE}, \
             or make your own with `udair metrics fit fade`"
        )));
    };
    let model = if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mat")) {
        let [fogfree, foggy] = LIVE.map(|name| read(&path.with_file_name(name)));
        FadeModel::from_mats(&fogfree?, &foggy?)
    } else {
        FadeModel::from_json(&read(&path)?)
    };
    model.map(Some).map_err(|error| Problem::new(error.to_string()).about(&path))
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem::from(error).about(path))
}
