//! `--dry-run`: the net, the work of a step and the memory it takes, before any of it is done.

use super::style;
use crate::error::Result;
use crate::graph::Phase;
use crate::nn::{LayerKind, Network};
use crate::target::Target;
use crate::train::MemoryNeed;

/// Prints all of it to stdout; errors where the net does not fit the adapter.
pub(super) fn show(network: &Network, need: &MemoryNeed, target: &Target) -> Result<()> {
    layers(network);
    dispatches(need);
    memory(need, target);
    need.program.check(&target.limits)
}

fn layers(network: &Network) {
    println!(
        "{:>3}  {:<46} {:>10} {:>11}",
        "", "layer", "output", "parameters"
    );
    println!(
        "{:>3}  {:<46} {:>10}",
        "",
        "input",
        network.input.to_string()
    );
    for (position, layer) in network.layers.iter().enumerate() {
        let parameters = match layer.kind {
            LayerKind::Conv2d { weight, .. } | LayerKind::Linear { weight } => {
                let elements = |index| network.parameters.get(index).layout.elements();
                style::count(elements(weight) + elements(weight + 1))
            }
            _ => String::new(),
        };
        println!(
            "{position:>3}  {:<46} {:>10} {parameters:>11}",
            layer.torch,
            layer.output.to_string(),
        );
    }
    let total = style::count(network.parameters.elements());
    println!("{:>3}  {:<46} {:>10} {total:>11}\n", "", "all", "");
}

fn dispatches(need: &MemoryNeed) {
    let all = &need.program.dispatches;
    let of = |phase| all.iter().filter(|it| it.phase == phase).count();
    println!(
        "dispatches per step  {} (forward {}, backward {}, reduce gradients {}, update {})",
        all.len(),
        of(Phase::Forward),
        of(Phase::Backward),
        of(Phase::ReduceGradients),
        of(Phase::Update),
    );
}

fn memory(need: &MemoryNeed, target: &Target) {
    println!("GPU memory           {}", style::bytes(need.total()));
    for (use_, bytes) in [
        ("data", need.data),
        ("parameters, gradients, moments", need.parameters),
        ("training", need.training),
        ("evaluation", need.evaluation),
    ] {
        println!("  {use_:<30} {:>12}", style::bytes(bytes));
    }
    println!(
        "largest binding      {} of {} that this adapter allows",
        style::bytes(need.largest_binding),
        style::bytes(target.limits.binding_bytes),
    );
}
