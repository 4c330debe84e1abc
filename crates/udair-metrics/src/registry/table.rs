//! The table of all metrics and variants: names, directions, and what computes them.

use crate::brisque::brisque;
use crate::fade::fade;
use crate::image::Rgb8;
use crate::ms_ssim::ms_ssim;
use crate::niqe::{Niqe, NiqeLuma, NiqeModel};
use crate::nss::Mode;
use crate::psnr::Psnr;
use crate::registry::Parameters;
use crate::score::{Better, NotApplicable};
use crate::ssim::Ssim;
use crate::uciqe::Uciqe;
use crate::uiqm::{Uiqm, UiqmParts};

/// A metric.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) better: Better,
    /// Whether it compares with a reference.
    pub(super) reference: bool,
    /// The default first.
    pub(super) variants: &'static [Variant],
}

/// A variant of a metric.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: Kind,
}

/// What computes a variant.
#[derive(Debug)]
pub(super) enum Kind {
    Psnr(Psnr),
    Ssim(Ssim),
    MsSsim,
    Niqe(Niqe),
    Brisque(Mode),
    Fade(Mode),
    /// UIQM or one of its parts.
    Uiqm(Uiqm, fn(&UiqmParts) -> f64),
    Uciqe(Uciqe),
}

impl Kind {
    /// Name of the learned numbers, unless they are the usual ones.
    pub(super) fn parameters<'a>(&self, parameters: &'a Parameters) -> Option<&'a str> {
        let name = match self {
            Self::Niqe(_) => parameters.niqe.as_ref().map(|model| model.name.as_str()),
            Self::Fade(_) => parameters.fade.as_ref().map(|model| model.name.as_str()),
            _ => None,
        };
        name.filter(|&name| name != "live")
    }

    /// The value of a picture by itself.
    pub(super) fn alone(&self, image: &Rgb8, parameters: &Parameters) -> Result<f64, NotApplicable> {
        match self {
            Self::Niqe(niqe) => niqe.of(image, parameters.niqe.as_ref().unwrap_or(NiqeModel::live())),
            Self::Brisque(mode) => brisque(image, *mode),
            Self::Fade(mode) => {
                let model = parameters.fade.as_ref().ok_or(NotApplicable::NoParameters)?;
                fade(image, model, *mode)
            }
            Self::Uiqm(uiqm, part) => Ok(part(&uiqm.of(image)?)),
            Self::Uciqe(uciqe) => Ok(uciqe.of(image)),
            Self::Psnr(_) | Self::Ssim(_) | Self::MsSsim => Err(NotApplicable::NoReference),
        }
    }

    /// The value of a picture against a reference of its size.
    pub(super) fn against(&self, image: &Rgb8, reference: &Rgb8) -> Result<f64, NotApplicable> {
        match self {
            Self::Psnr(psnr) => Ok(psnr.of(image, reference)),
            Self::Ssim(ssim) => ssim.of(image, reference),
            Self::MsSsim => ms_ssim(image, reference),
            _ => self.alone(image, &Parameters::default()),
        }
    }
}

const fn variant(name: &'static str, kind: Kind, about: &'static str) -> Variant {
    Variant { name, about, kind }
}

const fn niqe(luma: NiqeLuma, mode: Mode) -> Kind {
    Kind::Niqe(Niqe { luma, mode })
}

const fn underwater(name: &'static str, variants: &'static [Variant]) -> Entry {
    Entry { name, better: Better::Higher, reference: false, variants }
}

/// UIQM or a part of it, in all variants.
const fn uiqm(part: fn(&UiqmParts) -> f64) -> [Variant; 5] {
    [
        variant("funie", Kind::Uiqm(Uiqm::Funie, part), "FUnIE-GAN's program: most papers"),
        variant("funie-256", Kind::Uiqm(Uiqm::Funie256, part), "the same at 256 x 256: FUnIE-GAN's script"),
        variant("paper", Kind::Uiqm(Uiqm::Paper, part), "the paper, Michelson contrast"),
        variant("paper-plip", Kind::Uiqm(Uiqm::PaperPlip, part), "the paper, logarithmic contrast"),
        variant("matlab5", Kind::Uiqm(Uiqm::Matlab5, part), "the MATLAB scripts of fusion papers"),
    ]
}

/// All metrics.
pub(super) const TABLE: &[Entry] = &[
    Entry {
        name: "psnr",
        better: Better::Higher,
        reference: true,
        variants: &[
            variant("rgb", Kind::Psnr(Psnr::Rgb), "RGB: scikit-image, BasicSR"),
            variant("y", Kind::Psnr(Psnr::Y), "studio luma, not rounded: BasicSR's test_y_channel"),
            variant("y-rounded", Kind::Psnr(Psnr::YRounded), "studio luma, rounded: MATLAB's rgb2ycbcr"),
            variant("pyiqa", Kind::Psnr(Psnr::Pyiqa), "RGB, at most 80 dB: pyiqa"),
            variant("pyiqa-y", Kind::Psnr(Psnr::PyiqaY), "full-range luma, at most 80 dB: pyiqa's psnry"),
            variant("funie", Kind::Psnr(Psnr::Funie), "grey at 256 x 256: FUnIE-GAN's script"),
        ],
    },
    Entry {
        name: "ssim",
        better: Better::Higher,
        reference: true,
        variants: &[
            variant("gaussian", Kind::Ssim(Ssim::Gaussian), "RGB, Gaussian window of 11: BasicSR"),
            variant(
                "gaussian-sample",
                Kind::Ssim(Ssim::GaussianSample),
                "RGB: scikit-image, gaussian_weights",
            ),
            variant("skimage", Kind::Ssim(Ssim::Skimage), "RGB, uniform window of 7: scikit-image's default"),
            variant("y", Kind::Ssim(Ssim::Y), "studio luma, not rounded: BasicSR's test_y_channel"),
            variant("pyiqa", Kind::Ssim(Ssim::Pyiqa), "full-range luma: pyiqa's ssim"),
            variant("pyiqa-rgb", Kind::Ssim(Ssim::PyiqaRgb), "RGB: pyiqa's ssimc"),
            variant("piq", Kind::Ssim(Ssim::Piq), "RGB, reduced to about 256 pixels: piq's default"),
            variant("sewar", Kind::Ssim(Ssim::Sewar), "RGB, uniform window of 11: sewar's default"),
            variant("funie", Kind::Ssim(Ssim::Funie), "RGB at 256 x 256: FUnIE-GAN's script"),
        ],
    },
    Entry {
        name: "ms-ssim",
        better: Better::Higher,
        reference: true,
        variants: &[variant("pyiqa", Kind::MsSsim, "full-range luma, five scales: pyiqa's ms_ssim")],
    },
    Entry {
        name: "niqe",
        better: Better::Lower,
        reference: false,
        variants: &[
            variant("compat", niqe(NiqeLuma::Grey, Mode::Compat), "grey: LIVE's release"),
            variant("flat-exact", niqe(NiqeLuma::Grey, Mode::FlatExact), "without noise in flat areas"),
            variant("y", niqe(NiqeLuma::Y, Mode::Compat), "studio luma: BasicSR's default"),
            variant("y-flat-exact", niqe(NiqeLuma::Y, Mode::FlatExact), "y without noise in flat areas"),
        ],
    },
    Entry {
        name: "brisque",
        better: Better::Lower,
        reference: false,
        variants: &[
            variant("compat", Kind::Brisque(Mode::Compat), "LIVE's release"),
            variant("flat-exact", Kind::Brisque(Mode::FlatExact), "without noise in flat areas"),
        ],
    },
    Entry {
        name: "fade",
        better: Better::Lower,
        reference: false,
        variants: &[
            variant("compat", Kind::Fade(Mode::Compat), "LIVE's release"),
            variant("flat-exact", Kind::Fade(Mode::FlatExact), "without noise in flat areas"),
        ],
    },
    underwater("uiqm", &const { uiqm(UiqmParts::uiqm) }),
    underwater("uicm", &const { uiqm(|parts| parts.uicm) }),
    underwater("uism", &const { uiqm(|parts| parts.uism) }),
    underwater("uiconm", &const { uiqm(|parts| parts.uiconm) }),
    Entry {
        name: "uciqe",
        better: Better::Higher,
        reference: false,
        variants: &[
            variant("jou-matlab", Kind::Uciqe(Uciqe::JouMatlab), "the first author's institution, MATLAB"),
            variant("jou-python", Kind::Uciqe(Uciqe::JouPython), "the same place, Python: most papers"),
            variant("tong", Kind::Uciqe(Uciqe::Tong), "TongJiayan's Python"),
            variant("paper-lab", Kind::Uciqe(Uciqe::PaperLab), "the paper, literally: 10 to 40"),
            variant("norm", Kind::Uciqe(Uciqe::Norm), "the paper, centred and bounded"),
        ],
    },
];
