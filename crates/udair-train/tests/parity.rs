//! Parity of losses, gradients and whole training steps with the official PyTorch implementation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use udair_engine::{Config, Part, Weights, parameters};
use udair_nn::codebook::Codebook;
use udair_nn::daam::Analysis;
use udair_nn::{Mode, Output, Udair};
use udair_train::cscl::{self, Similarity};
use udair_train::optimiser::{Optim, Optimiser};

#[path = "../../udair-nn/tests/parity/golden.rs"]
#[expect(dead_code, reason = "the tests of udair-nn compare shapes, too")]
mod golden;
use golden::{Golden, open};

const SIMILARITIES: [(&str, Similarity); 3] = [
    ("official", Similarity::Released),
    ("cos", Similarity::Cosine),
    ("cos_per_image", Similarity::PerImage),
];

fn device() -> Device {
    golden::device().autodiff()
}

/// The network of the golden files.
fn network() -> Option<Udair> {
    let stored = open("udair/small/weights")?;
    let config =
        Config { width: 6, enc: [1, 2, 1, 2], dec: [1, 2, 1], refine: 2, dropout: 0.0, ..Config::base() };
    let tensors: BTreeMap<_, _> = parameters(&config)
        .into_iter()
        .map(|parameter| {
            let data = stored.values(&parameter.name).to_vec();
            (parameter.name, udair_engine::Tensor { shape: parameter.shape, data })
        })
        .collect();
    let weights = Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).unwrap();
    Some(Udair::from_weights(&weights, &device()))
}

fn permutations(io: &Golden, step: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = io.values("perm").iter().map(|&i| i as usize).collect();
    all[step * 10..][..10].chunks(2).map(<[usize]>::to_vec).collect()
}

fn l1(output: &Output, io: &Golden) -> Tensor<1> {
    (output.picture.clone() - io.tensor::<4>("target", &device())).abs().mean()
}

/// What the analysis of a forward pass saw.
fn seen(output: &Output) -> &Analysis {
    &output.guided.as_ref().unwrap().0
}

fn logit_scale(net: &Udair) -> Tensor<1> {
    net.guide.as_ref().unwrap().logit_scale.val()
}

fn codebooks(net: &Udair) -> &[Codebook; 2] {
    net.guide.as_ref().unwrap().dam.codebooks.as_ref().unwrap()
}

/// Slices a flat vector of learned parameters into named parts.
fn named(net: &Udair, flat: &Tensor<1>) -> BTreeMap<String, Tensor<1>> {
    let mut start = 0;
    let learned = parameters(net.config()).into_iter().filter(|parameter| parameter.part == Part::Network);
    learned
        .map(|parameter| {
            let part = flat.clone().narrow(0, start, parameter.len());
            start += parameter.len();
            (parameter.name, part)
        })
        .collect()
}

fn check_all(io: &Golden, prefix: &str, tensors: &BTreeMap<String, Tensor<1>>) {
    let stored: Vec<String> =
        io.names().filter(|name| name.starts_with(prefix)).map(str::to_string).collect();
    let mut compared = 0;
    for name in stored {
        if let Some(tensor) = tensors.get(&name[prefix.len()..]) {
            io.check(&name, tensor.clone());
            compared += 1;
        }
    }
    assert!(compared >= 9, "only {compared} tensors of {prefix} were compared");
}

/// The reference starts its codebooks at random codes with counts of zero: whatever the first batch
/// does not use is thrown far away, and a few codes are left for everything.
#[test]
fn the_official_start_loses_its_codebooks() {
    let (Some(mut net), Some(io)) = (network(), open("udair/train/io")) else { return };
    let Some(stored) = open("udair/train/official_init") else { return };
    let started = |book: Codebook, level: &str| {
        let fixed = |tensor: Tensor<2>| Param::from_tensor(tensor).set_require_grad(false);
        let codes = stored.tensor::<2>(&format!("init.embed_{level}"), &device());
        let counts = Tensor::<1>::zeros([book.cluster_size.dims()[0]], &device());
        Codebook {
            embed: fixed(codes.clone()),
            cluster_size: Param::from_tensor(counts).set_require_grad(false),
            embed_avg: fixed(codes),
        }
    };
    let dam = &mut net.guide.as_mut().unwrap().dam;
    dam.codebooks = dam.codebooks.take().map(|[coarse, fine]| [started(coarse, "t"), started(fine, "b")]);
    let mut optimiser = Optimiser::new(net.config().parameter_count(), Vec::new(), &golden::device());
    for step in 1..=3 {
        let output = net.forward(io.tensor("input", &device()), Mode::EVALUATE);
        let features = cscl::features(seen(&output).d.clone());
        let orders = permutations(&io, step - 1);
        let logits = cscl::logits(features, &orders, logit_scale(&net), Similarity::Released);
        let total = l1(&output, &io) + cscl::loss(logits) * 0.2;
        let gradient = net.gradients(total.backward());
        let moved = optimiser.step(net.flat(), gradient, 1e-4, &optim());
        net = net.with_flat(&moved).update_codebooks(seen(&output));
        let ([coarse, fine], seen) = (codebooks(&net), seen(&output));
        let levels = [("t", &seen.top, coarse), ("b", &seen.bottom, fine)];
        for (level, seen, book) in levels {
            let name = format!("step{step}.idx_{level}");
            assert_eq!(stored.differing(&name, seen.indices.clone()), 0, "{name}");
            let norms = book.embed.val().inner().square().sum_dim(0).sqrt();
            stored.check(&format!("after{step}.norm_{level}"), norms.clone());
            stored.check(&format!("after{step}.cluster_size_{level}"), book.cluster_size.val());
            let indices: Vec<i64> =
                seen.indices.clone().unwrap().into_data().convert::<i64>().try_into_vec().unwrap();
            let used = indices.iter().collect::<BTreeSet<_>>().len();
            assert!(step == 1 || used <= 6, "step {step} uses {used} codes of level {level}");
            let far = norms.greater_elem(1e5).int().sum().into_scalar::<i64>();
            assert!(far > 380, "{far} codes of level {level} are far away");
        }
    }
}

#[test]
fn contrast_of_given_features() {
    let Some(io) = open("layers/cscl_loss") else { return };
    let orders: Vec<Vec<usize>> =
        io.values("perm").chunks(2).map(|order| order.iter().map(|&i| i as usize).collect()).collect();
    for (name, similarity) in SIMILARITIES {
        let features = io.tensor::<3>("features", &device()).require_grad();
        let scale = io.values("logit_scale_param")[0];
        let scale = Tensor::<1>::from_floats([scale], &device()).require_grad();
        let logits = cscl::logits(features.clone().flatten(1, 2), &orders, scale.clone(), similarity);
        io.check(&format!("{name}.logits"), logits.clone());
        let loss = cscl::loss(logits);
        io.check(&format!("{name}.loss"), loss.clone());
        if name != "official" {
            let mut gradients = loss.backward();
            io.check(&format!("{name}.grad.features"), features.grad_remove(&mut gradients).unwrap());
            let scale = scale.grad_remove(&mut gradients).unwrap();
            io.check(&format!("{name}.grad.logit_scale_param"), scale);
        }
    }
}

#[test]
fn optimiser_steps() {
    let Some(io) = open("layers/adamw") else { return };
    for lr in [1e-4, 1e-3] {
        let plain = golden::device();
        let flat = |name: &str| io.tensor::<2>(name, &plain).flatten::<1>(0, 1);
        let mut parameters = flat("p0");
        let mut optimiser = Optimiser::new(20, Vec::new(), &plain);
        for step in 1..=3 {
            parameters = optimiser.step(parameters, flat(&format!("g{step}")), lr, &optim());
            io.check(&format!("lr{lr}.p{step}"), parameters.clone());
        }
    }
}

fn optim() -> Optim {
    Optim {
        lr: 1e-4,
        betas: [0.9, 0.999],
        weight_decay: 0.01,
        clip: 0.0,
        ..udair_train::config::Config::default().optim
    }
}

#[test]
fn losses_and_gradients_of_the_first_forward() {
    let (Some(net), Some(io)) = (network(), open("udair/train/io")) else { return };
    let forward = || net.forward(io.tensor("input", &device()), Mode::EVALUATE);
    let orders = permutations(&io, 0);
    let contrast = |output: &Output, similarity| {
        let features = cscl::features(seen(output).d.clone());
        cscl::logits(features, &orders, logit_scale(&net), similarity)
    };

    let output = forward();
    for (name, similarity) in SIMILARITIES {
        let logits = contrast(&output, similarity);
        io.check(&format!("loss.cscl_{name}"), cscl::loss(logits.clone()));
        if name != "cos_per_image" {
            io.check(&format!("logits.{name}"), logits);
        }
    }
    let restoration = l1(&output, &io);
    io.check("loss.l1", restoration.clone());
    check_all(&io, "grad_l1.", &named(&net, &net.gradients(restoration.backward())));

    for (prefix, similarity) in [("grad_cscl.", Similarity::Released), ("grad_cos.", Similarity::Cosine)] {
        let loss = cscl::loss(contrast(&forward(), similarity));
        check_all(&io, prefix, &named(&net, &net.gradients(loss.backward())));
    }

    let output = forward();
    let total = l1(&output, &io) + cscl::loss(contrast(&output, Similarity::Released)) * 0.2;
    io.check("loss.total_official", total.clone());
    check_all(&io, "grad_total.", &named(&net, &net.gradients(total.backward())));
}

#[test]
fn three_steps() {
    let (Some(mut net), Some(io)) = (network(), open("udair/train/io")) else { return };
    let mut optimiser = Optimiser::new(net.config().parameter_count(), Vec::new(), &golden::device());
    for step in 1..=3 {
        let output = net.forward(io.tensor("input", &device()), Mode::EVALUATE);
        for (level, seen) in [("t", &seen(&output).top), ("b", &seen(&output).bottom)] {
            let differing = io.differing(&format!("step{step}.idx_{level}"), seen.indices.clone());
            assert!(differing <= usize::from(step == 3), "step {step}, level {level}: {differing} differ");
        }
        let features = cscl::features(seen(&output).d.clone());
        let orders = permutations(&io, step - 1);
        let logits = cscl::logits(features, &orders, logit_scale(&net), Similarity::Released);
        let (l1, contrast) = (l1(&output, &io), cscl::loss(logits));
        let total = l1.clone() + contrast.clone() * 0.2;
        io.check(&format!("step{step}.l1"), l1);
        io.check(&format!("step{step}.cscl"), contrast);
        io.check(&format!("step{step}.loss"), total.clone());
        let gradient = net.gradients(total.backward());
        let moved = optimiser.step(net.flat(), gradient, 1e-4, &optim());
        net = net.with_flat(&moved).update_codebooks(seen(&output));
        if step != 2 {
            let prefix = format!("after{step}.");
            check_all(&io, &prefix, &named(&net, &moved));
            let average = if step == 1 { "embed" } else { "embed_avg" };
            for (level, book) in ["t", "b"].into_iter().zip(codebooks(&net)) {
                let name = |part: &str| format!("{prefix}dam.codebook.quantize_{level}.{part}");
                io.check(&name("cluster_size"), book.cluster_size.val());
                let codes = if step == 1 { book.embed.val() } else { book.embed_avg.val() };
                io.check(&name(average), codes);
            }
        }
    }
}
