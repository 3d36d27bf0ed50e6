//! `--dry-run`: the net, the work of a step and the memory it takes, before any of it is done.

use super::style;
use crate::error::Result;
use crate::graph::{Kind, Phase};
use crate::kernel::target::Target;
use crate::nn::Network;
use crate::train::Plan;

/// Prints all of it to stdout; errors, as a run would, where the net does not fit the adapter.
pub(super) fn show(network: &Network, plan: &Plan, target: &Target) -> Result<()> {
    layers(network);
    dispatches(plan);
    tuned(plan);
    memory(plan, target);
    plan.check(&target.limits)
}

fn layers(network: &Network) {
    style::say(format_args!(
        "{:>8}  {:<66} {:>10} {:>11}",
        "", "layer", "output", "parameters"
    ));
    style::say(format_args!(
        "{:>8}  {:<66} {:>10}",
        "",
        "input",
        network.input.to_string()
    ));
    for entry in &network.layers {
        let tensors = entry.tensors.clone();
        let tensors = tensors.map(|it| network.parameters.get(it));
        let trained = tensors.filter(|it| it.kind == Kind::Trained);
        let tensors = trained.map(|it| it.layout.elements());
        let parameters = match tensors.sum() {
            _ if entry.frozen => "frozen".to_owned(),
            0 => String::new(),
            count => style::count(count),
        };
        style::say(format_args!(
            "{:>8}  {:<66} {:>10} {parameters:>11}",
            entry.path,
            entry.torch(),
            entry.output.to_string(),
        ));
    }
    let total = style::count(network.parameters.elements());
    style::say(format_args!(
        "{:>8}  {:<66} {:>10} {total:>11}\n",
        "", "all", ""
    ));
}

fn dispatches(plan: &Plan) {
    let (all, launches) = (&plan.training().dispatches, plan.training().launches.len());
    let together = if launches < all.len() {
        format!(" in {launches} launches")
    } else {
        String::new()
    };
    let of = |phase| all.iter().filter(|it| it.phase == phase).count();
    style::say(format_args!(
        "dispatches per step  {}{together} (forward {}, backward {}, reduce gradients {}, update {})",
        all.len(),
        of(Phase::Forward),
        of(Phase::Backward),
        of(Phase::ReduceGradients),
        of(Phase::Update),
    ));
}

/// Measured tiles, by the first layer that uses each; nothing where there are none.
fn tuned(plan: &Plan) {
    let tuning = plan.tuning();
    if tuning.is_empty() {
        return;
    }
    style::say(format_args!("tuned kernels        {}", tuning.len()));
    for (problem, tile) in tuning.iter() {
        let mut programs = plan.programs().into_iter();
        let layer = programs.find_map(|it| it.label_of(problem));
        style::say(format_args!(
            "  {:<28} {:<16} {tile}",
            problem.kernel,
            layer.unwrap_or_default()
        ));
    }
}

fn memory(plan: &Plan, target: &Target) {
    let need = plan.memory();
    style::say(format_args!(
        "memory               {}",
        style::bytes(need.total())
    ));
    for (use_, bytes) in [
        ("data", need.data),
        ("parameters, gradients, moments", need.parameters),
        ("activations, their gradients", need.scratch),
    ] {
        style::say(format_args!("  {use_:<30} {:>12}", style::bytes(bytes)));
    }
    if target.is_cpu() {
        return;
    }
    style::say(format_args!(
        "largest binding      {} of {} that this adapter allows",
        style::bytes(need.largest_binding),
        style::bytes(target.limits.binding_bytes),
    ));
}
