//! Files of learned parameters.

use std::path::{Path, PathBuf};

use udair_metrics::{FadeModel, Metric, NiqeModel, ParametersError};

use crate::problem::Problem;

/// Names FADE's parameters where no option does.
const VARIABLE: &str = "UDAIR_FADE_PARAMS";

/// The two files of LIVE's release.
const LIVE: [&str; 2] = ["natural_fogfree_image_features_ps8.mat", "natural_foggy_image_features_ps8.mat"];

pub(crate) fn niqe(path: &Path) -> Result<NiqeModel, Problem> {
    let wrong = |error: ParametersError| Problem::new(error.to_string()).about(path);
    NiqeModel::from_json(&read(path)?)
        .map_err(|error| wrong(error).hint("`udair metrics fit niqe` makes such a file"))
}

/// FADE's: from the option, or from the file that the environment names, if either does.
pub(crate) fn fade(option: Option<&Path>) -> Result<Option<FadeModel>, Problem> {
    let variable = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(path) = option.map(Path::to_path_buf).or_else(variable) else { return Ok(None) };
    let model = if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mat")) {
        let [fogfree, foggy] = LIVE.map(|name| read(&path.with_file_name(name)));
        FadeModel::from_mats(&fogfree?, &foggy?)
    } else {
        FadeModel::from_json(&read(&path)?)
    };
    model.map(Some).map_err(|error| Problem::new(error.to_string()).about(&path))
}

/// FADE's, or the problem that FADE is wanted and has none.
pub(super) fn fade_if_wanted(
    option: Option<&Path>,
    metrics: &[Metric],
) -> Result<Option<FadeModel>, Problem> {
    if !metrics.iter().any(|metric| metric.name() == "fade") {
        return Ok(None);
    }
    let missing = || {
        Problem::new("fade needs parameters, which are not part of udair").hint(format!(
            "get FADE from LIVE and name one of its .mat files with --fade-params or {VARIABLE}, \
             or make your own with `udair metrics fit fade`"
        ))
    };
    fade(option)?.map(Some).ok_or_else(missing)
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem::from(error).about(path))
}
