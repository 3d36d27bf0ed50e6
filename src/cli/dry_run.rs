//! `--dry-run`: the net, the work of a step and the memory it takes, before any of it is done.

use super::style;
use super::table::{self, Column};
use crate::error::Result;
use crate::graph::{Kind, Phase};
use crate::kernel::target::Target;
use crate::nn::{Entry, Network};
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
    let parameters = network.layers.iter().map(|entry| {
        let tensors = entry.tensors.clone();
        let tensors = tensors.map(|it| network.parameters.get(it));
        let trained = tensors.filter(|it| it.kind == Kind::Trained);
        let tensors = trained.map(|it| it.layout.elements());
        match tensors.sum() {
            _ if entry.frozen => "frozen".to_owned(),
            0 => String::new(),
            count => style::count(count),
        }
    });
    let total = style::count(network.parameters.elements());
    let between = |first: &str, last: &str, of: &dyn Fn(&Entry) -> String| {
        let cells = network.layers.iter().map(of);
        let cells = std::iter::once(first.to_owned()).chain(cells);
        cells.chain([last.to_owned()]).collect::<Vec<String>>()
    };
    let columns = |layer: &dyn Fn(&Entry) -> String| {
        let numbers = std::iter::once(String::new()).chain(parameters.clone());
        vec![
            Column::new("", 2, between("", "", &|it| it.path.clone())),
            Column::words("layer", 0, between("input", "all", layer)),
            Column::new(
                "output",
                1,
                between(&network.input.to_string(), "", &|it| it.output.to_string()),
            ),
            Column::new("parameters", 0, numbers.chain([total.clone()]).collect()),
        ]
    };
    let whole = columns(&|it| it.torch());
    // Of a narrow terminal the kind of a layer is enough.
    let kind = |it: &Entry| {
        let words = it.torch();
        words.split('(').next().unwrap_or_default().to_owned()
    };
    table::print(if table::fits(&whole) {
        whole
    } else {
        columns(&kind)
    });
    style::say(format_args!(""));
}

fn dispatches(plan: &Plan) {
    let (all, launches) = (
        &plan.training().dispatches,
        plan.training().launches_in_a_row(),
    );
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
