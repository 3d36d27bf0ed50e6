//! Fusion: graph rewriting before differentiation.

use super::graph::Graph;

/// Lets every operation absorb the one that alone reads its first output, wherever a kernel does
/// both. The unfused graph stays the oracle of the fused one (`--no-fuse`).
pub fn fuse(graph: &mut Graph) {
    graph.merges = true;
    let mut at = 0;
    while at < graph.nodes.len() {
        if !absorb_next(graph, at) {
            at += 1;
        }
    }
}

/// Fuses the node at `at` with its only reader; false where nothing is to be gained.
fn absorb_next(graph: &mut Graph, at: usize) -> bool {
    let [output] = graph.nodes[at].outputs[..] else {
        return false;
    };
    let mut readers = graph.nodes.iter().enumerate();
    let mut readers = readers
        .by_ref()
        .filter(|(_, it)| it.inputs.contains(&output));
    let (Some((reader, _)), None) = (readers.next(), readers.next()) else {
        return false;
    };
    drop(readers);
    let Some(op) = graph.nodes[at]
        .op
        .absorb(&*graph.nodes[reader].op, &graph.target)
    else {
        return false;
    };
    let absorbed = graph.nodes.remove(reader);
    let others = absorbed.inputs.into_iter().filter(|&it| it != output);
    let node = &mut graph.nodes[at];
    node.op = op;
    node.inputs.extend(others);
    node.outputs = absorbed.outputs;
    // The batch's images belong to the layer that reads them.
    node.layer = absorbed.layer;
    true
}
