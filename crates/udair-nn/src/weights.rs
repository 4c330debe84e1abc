//! Between the network and named tensors: one walk over the modules, one list of names.
//!
//! The modules declare their parameters in the order of [`parameters`], so a walk that counts
//! knows the name of each. They also pass as one flat vector, so
//! that clipping, optimiser and weight average are a few operations and their state is a few
//! vectors.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use udair_engine::{self as engine, Parameter, Part, Weights, parameters};

use crate::conv::replace;
use crate::{Udair, initial_weights};

impl Udair {
    /// A network with these weights. Adapters that the file lacks start as identities.
    pub fn from_weights(weights: &Weights, device: &Device) -> Self {
        let net = Self::init(&weights.config, device);
        let mut tensors =
            initial_weights(&weights.config, 0).expect("weights have a possible configuration").tensors;
        tensors.extend(weights.tensors.clone());
        let device = device.clone().inner();
        net.replaced(|parameter| {
            let data = tensors.remove(&parameter.name).expect("weights are complete").data;
            Some(Tensor::from_data(TensorData::from(data.as_slice()), &device))
        })
    }

    /// Every parameter and codebook by name.
    pub fn tensors(&self) -> BTreeMap<String, engine::Tensor> {
        let named = self.collected(|_| true, None).into_iter();
        named
            .map(|(parameter, values)| {
                let data = values.into_data().try_into_vec().expect("parameters are f32");
                (parameter.name, engine::Tensor { shape: parameter.shape, data })
            })
            .collect()
    }

    /// What gradients move, one tensor after another: `[p]`, without gradient. Codebooks follow the data
    /// instead, and training leaves adapters alone.
    pub fn flat(&self) -> Tensor<1> {
        self.values(learned)
    }

    /// The gradients of [`flat`](Self::flat) in the same order, zero where there is none: `[p]`.
    pub fn gradients(&self, gradients: Gradients) -> Tensor<1> {
        self.gradients_of(gradients, learned)
    }

    /// Takes new values for what gradients move, in the order of [`flat`](Self::flat).
    #[must_use]
    pub fn with_flat(self, values: &Tensor<1>) -> Self {
        self.with_values(values, learned)
    }

    /// The wanted parameters, one tensor after another: `[p]`, without gradient.
    pub(crate) fn values(&self, wanted: impl Fn(&Parameter) -> bool) -> Tensor<1> {
        concatenated(self.collected(wanted, None))
    }

    /// The gradients of the wanted parameters, zero where there is none: `[p]`.
    pub(crate) fn gradients_of(
        &self,
        mut gradients: Gradients,
        wanted: impl Fn(&Parameter) -> bool,
    ) -> Tensor<1> {
        concatenated(self.collected(wanted, Some(&mut gradients)))
    }

    /// Takes new values for the wanted parameters.
    #[must_use]
    pub(crate) fn with_values(self, values: &Tensor<1>, wanted: impl Fn(&Parameter) -> bool) -> Self {
        let mut start = 0;
        self.replaced(|parameter| {
            wanted(parameter).then(|| {
                let part = values.clone().narrow(0, start, parameter.len());
                start += parameter.len();
                part
            })
        })
    }

    fn collected(
        &self,
        wanted: impl Fn(&Parameter) -> bool,
        gradients: Option<&mut Gradients>,
    ) -> Vec<(Parameter, Tensor<1>)> {
        let names = parameters(self.config()).into_iter();
        let mut collect = Collect { names, wanted, gradients, found: Vec::new() };
        self.visit(&mut collect);
        assert!(collect.names.next().is_none(), "the modules hold fewer tensors than are named");
        collect.found
    }

    fn replaced(self, values: impl FnMut(&Parameter) -> Option<Tensor<1>>) -> Self {
        let names = parameters(self.config()).into_iter();
        self.map(&mut Replace { names, values })
    }
}

fn learned(parameter: &Parameter) -> bool {
    parameter.part == Part::Network
}

fn concatenated(parts: Vec<(Parameter, Tensor<1>)>) -> Tensor<1> {
    Tensor::cat(parts.into_iter().map(|(_, values)| values).collect(), 0)
}

/// Takes the next name and checks that the tensor has its shape (a scalar is held as `[1]`).
fn next(names: &mut impl Iterator<Item = Parameter>, shape: &[usize]) -> Parameter {
    let parameter = names.next().expect("the modules hold more tensors than are named");
    let expected: &[usize] = if parameter.shape.is_empty() { &[1] } else { &parameter.shape };
    assert_eq!(expected, shape, "{} is declared out of order", parameter.name);
    parameter
}

struct Collect<'a, Names, Wanted> {
    names: Names,
    wanted: Wanted,
    /// Collects these instead of the values.
    gradients: Option<&'a mut Gradients>,
    found: Vec<(Parameter, Tensor<1>)>,
}

impl<Names, Wanted> ModuleVisitor for Collect<'_, Names, Wanted>
where
    Names: Iterator<Item = Parameter>,
    Wanted: Fn(&Parameter) -> bool,
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let parameter = next(&mut self.names, &param.dims());
        if !(self.wanted)(&parameter) {
            return;
        }
        let value = param.val().inner();
        let tensor = match &mut self.gradients {
            None => value,
            Some(gradients) => param.val().grad_remove(gradients).unwrap_or_else(|| value.zeros_like()),
        };
        self.found.push((parameter, tensor.flatten(0, D - 1)));
    }
}

struct Replace<Names, Values> {
    names: Names,
    values: Values,
}

impl<Names, Values> ModuleMapper for Replace<Names, Values>
where
    Names: Iterator<Item = Parameter>,
    Values: FnMut(&Parameter) -> Option<Tensor<1>>,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let parameter = next(&mut self.names, &param.dims());
        match (self.values)(&parameter) {
            Some(values) => param.map(|old| replace(&old, values.reshape(old.dims()))),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use udair_engine::{Blocks, Config, Guidance};

    fn tiny() -> Config {
        Config { width: 4, trunk: 8, res: 4, codes: 16, code_dim: 4, heads: [1, 1, 2, 2], ..Config::small() }
    }

    #[test]
    fn modules_and_names_agree() {
        let variants = [Blocks::Resnet, Blocks::Metaformer].map(|blocks| Config { blocks, ..tiny() });
        let parts = [Guidance::Continuous, Guidance::None].map(|guidance| Config { guidance, ..tiny() });
        for config in variants.into_iter().chain(parts).chain([tiny(), Config::small(), Config::base()]) {
            let weights = initial_weights(&config, 3).unwrap();
            let net = Udair::from_weights(&weights, &Device::flex());
            assert_eq!(net.tensors(), weights.tensors);
            assert_eq!(net.flat().dims(), [config.parameter_count()]);
        }
    }

    #[test]
    fn learned_values_come_back_where_they_were() {
        let weights = initial_weights(&tiny(), 3).unwrap();
        let device = Device::flex().autodiff();
        let net = Udair::from_weights(&weights, &device);
        let doubled = net.flat() * 2.0;
        let net = net.with_flat(&doubled);
        assert!(net.guide.as_ref().unwrap().logit_scale.is_require_grad());
        for (name, tensor) in net.tensors() {
            let old = &weights.tensors[&name];
            let factor = parameters(&tiny()).iter().find(|p| p.name == name).map(learned);
            let factor = if factor == Some(true) { 2.0 } else { 1.0 };
            assert!(tensor.data.iter().zip(&old.data).all(|(new, old)| *new == factor * old), "{name}");
        }
    }
}
