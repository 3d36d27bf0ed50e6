//! Several kernels in one launch: work that does not depend on each other, side by side, each by workgroups of its
//! own. A GPU takes microseconds to start a launch that waits for the one before, and small kernels leave most
//! of it idle.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::wgsl::{self, STEP};
use super::{Access, Call, Scalar};

/// What one launch of several calls needs, on slices of type `S`.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged<S> {
    /// WGSL with one entry point, `main`.
    pub wgsl: String,
    /// What it binds, in order: what several calls only read, or add to, is bound once.
    pub slices: Vec<S>,
    /// For each, whether it is only read.
    pub read_only: Vec<bool>,
}

/// What several may add to.
const ATOMICS: &str = "array<atomic<u32>>";

/// A buffer that is bound.
struct Bound<S> {
    slice: S,
    access: Access,
    /// Its type in WGSL.
    ty: String,
    /// Its name in the merged text.
    name: String,
}

/// The launch of `calls`, whose workgroups are all of `size` threads (see [`Call::in_workgroups_of`]), each with its
/// slices in binding order. Their Params are constants of the text. Those from `next` on are of the step that follows.
/// Slices of one buffer, as `is_one` knows them, are all bound to be written where one of them is: wgpu forbids to bind
/// parts of a buffer in both ways.
pub fn merge<S: Copy + PartialEq>(
    calls: &[(&Call, &[S])],
    next: usize,
    size: u32,
    is_one: impl Fn(&S, &S) -> bool,
) -> Merged<S> {
    let mut bound: Vec<Bound<S>> = Vec::new();
    let mut arrays: Vec<Vec<String>> = Vec::new();
    let (mut declarations, mut branches, mut ends) = (String::new(), String::new(), String::new());
    for (index, (call, slices)) in calls.iter().enumerate() {
        let step = if index < next { "step" } else { "step.next" };
        let mut member = Member::new(index, &specialized(call), step);
        member.bind(call, slices, &mut bound);
        member.share_memory(&mut arrays);
        let count = call.grid.wgsl(step);
        let (branch, end) = (
            if index == 0 { "if" } else { " else if" },
            format!("end_{index}"),
        );
        let first = index
            .checked_sub(1)
            .map_or("0u".to_owned(), |it| format!("end_{it}"));
        declarations.push_str(&member.declarations);
        let _ = writeln!(ends, "    let {end} = {first} + {count};");
        let _ = write!(
            branches,
            "{branch} (merged_group < {end}) {{\n    let workgroup = vec3<u32>(merged_group - {first}, 0u, 0u);\n    \
             let workgroups = vec3<u32>({end} - {first}, 1u, 1u);\n{}}}",
            member.body
        );
    }
    let written = bound.iter().filter(|it| it.access == Access::ReadWrite);
    let written: Vec<S> = written.map(|it| it.slice).collect();
    for it in &mut bound {
        if written.iter().any(|other| is_one(other, &it.slice)) {
            it.access = Access::ReadWrite;
        }
    }
    let mut wgsl = wgsl::assemble(STEP, &[]);
    declare(&mut wgsl, &bound, &arrays);
    let _ = write!(
        wgsl,
        "{declarations}@compute @workgroup_size({size})\nfn main(\n    \
         @builtin(workgroup_id) merged_workgroup: vec3<u32>,\n    \
         @builtin(num_workgroups) merged_workgroups: vec3<u32>,\n    \
         @builtin(local_invocation_index) local: u32,\n) {{\n    \
         let merged_group = merged_workgroup.y * merged_workgroups.x + merged_workgroup.x;\n{ends}    {branches}\n}}\n"
    );
    Merged {
        wgsl,
        read_only: bound.iter().map(|it| it.access == Access::Read).collect(),
        slices: bound.iter().map(|it| it.slice).collect(),
    }
}

/// Writes what the texts have together: buffers, and the arrays that a workgroup shares, each as long as the longest of
/// its lengths.
fn declare<S>(wgsl: &mut String, bound: &[Bound<S>], arrays: &[Vec<String>]) {
    for (at, it) in bound.iter().enumerate() {
        let access = match it.access {
            Access::Read => "read",
            Access::ReadWrite => "read_write",
        };
        let (name, ty) = (&it.name, &it.ty);
        let _ = writeln!(
            wgsl,
            "@group(0) @binding({at}) var<storage, {access}> {name}: {ty};"
        );
    }
    for (at, lens) in arrays.iter().enumerate() {
        let longest = |all: String, len: &String| format!("max({all}, {len})");
        let len = lens.iter().skip(1).fold(lens[0].clone(), longest);
        let _ = writeln!(wgsl, "var<workgroup> shared_{at}: array<vec4<f32>, {len}>;");
    }
}

/// The WGSL of the call's kernel in its variant, without what every text has of the step, and with Params and the size of
/// workgroups as constants.
fn specialized(call: &Call) -> String {
    let fields = call.kernel.params.iter().zip(&call.params);
    let values = fields.map(|((_, scalar), word)| match scalar {
        Scalar::F32 => format!("{:?}f", f32::from_bits(*word)),
        Scalar::U32 => format!("{word}u"),
    });
    let values: Vec<String> = values.collect();
    let params = format!("const params: Params = Params({});", values.join(", "));
    let size = call.grid.workgroup_size;
    let size = format!("const WORKGROUP_SIZE: u32 = {size}u;");
    let source = call.kernel.source.replace(&format!("{STEP}\n"), "");
    let wgsl = wgsl::assemble(&source, call.variant);
    let lines = wgsl.lines().map(|line| match line {
        "override WORKGROUP_SIZE: u32;" => size.as_str(),
        _ if line.ends_with("var<uniform> params: Params;") => params.as_str(),
        _ => line,
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The text of one kernel, its names made its own.
struct Member {
    /// All but its entry point.
    declarations: String,
    /// The statements of its entry point.
    body: String,
    prefix: String,
}

const MAIN: &str = "@compute @workgroup_size(";

impl Member {
    /// Member `index` of a launch, which finds its step under that name.
    fn new(index: usize, wgsl: &str, step: &str) -> Self {
        let prefix = format!("m{index}_");
        let names = declared(wgsl);
        let wgsl = renamed(wgsl, |name| match name {
            "step" => Some(step.to_owned()),
            _ => names.contains(name).then(|| format!("{prefix}{name}")),
        });
        let (declarations, main) = wgsl.split_once(MAIN).expect("a kernel has an entry point");
        let (_, body) = main
            .split_once(") {\n")
            .expect("parameters come before the statements");
        let (body, _) = body.rsplit_once('}').expect("statements end");
        Self {
            declarations: declarations.to_owned(),
            body: body.to_owned(),
            prefix,
        }
    }

    /// Takes the buffers out of the text, each to a name among `bound`.
    fn bind<S: Copy + PartialEq>(&mut self, call: &Call, slices: &[S], bound: &mut Vec<Bound<S>>) {
        for (binding, slice) in call.kernel.bindings.iter().zip(slices) {
            let own = format!("{}{}", self.prefix, binding.name);
            let ty = self.take_declaration("@group(0) @binding(", &format!("> {own}: "));
            let shared = bound.iter().find(|it| {
                let reads = [it.access, binding.access] == [Access::Read; 2];
                (reads || ty == ATOMICS) && it.slice == *slice && it.ty == ty
            });
            if let Some(shared) = shared {
                let name = shared.name.clone();
                self.rename(&own, &name);
                continue;
            }
            bound.push(Bound {
                slice: *slice,
                access: binding.access,
                ty,
                name: own,
            });
        }
    }

    /// Takes the arrays of quads that a workgroup shares out of the text: the first of all members are one array,
    /// as long as the longest, and so are their second ones.
    fn share_memory(&mut self, arrays: &mut Vec<Vec<String>>) {
        const ARRAY: &str = ": array<vec4<f32>, ";
        let lines: Vec<String> = self.declarations.lines().map(str::to_owned).collect();
        let mut count = 0;
        for line in lines {
            let Some(rest) = line.strip_prefix("var<workgroup> ") else {
                continue;
            };
            let Some((name, len)) = rest.split_once(ARRAY) else {
                continue;
            };
            let len = len.trim_end_matches(">;").to_owned();
            self.declarations = self.declarations.replace(&format!("{line}\n"), "");
            if arrays.len() == count {
                arrays.push(Vec::new());
            }
            arrays[count].push(len);
            self.rename(name, &format!("shared_{count}"));
            count += 1;
        }
    }

    /// Removes the line that starts with `start` and contains `middle`; returns what follows, without its semicolon.
    fn take_declaration(&mut self, start: &str, middle: &str) -> String {
        let mut lines = self.declarations.lines();
        let line = lines.find(|it| it.starts_with(start) && it.contains(middle));
        let line = line.expect("every binding is declared").to_owned();
        self.declarations = self.declarations.replacen(&format!("{line}\n"), "", 1);
        let (_, ty) = line.split_once(middle).expect("was found by it");
        ty.trim_end_matches(';').to_owned()
    }

    fn rename(&mut self, from: &str, to: &str) {
        let rename = |name: &str| (name == from).then(|| to.to_owned());
        self.declarations = renamed(&self.declarations, rename);
        self.body = renamed(&self.body, rename);
    }
}

/// The names that `wgsl` declares outside functions.
fn declared(wgsl: &str) -> BTreeSet<String> {
    let names = wgsl.lines().filter_map(|line| {
        // What is indented stands in a function or a struct.
        let line =
            line.split_once("var<")
                .map_or(line, |(before, rest)| match rest.split_once("> ") {
                    Some((_, after)) if before.is_empty() || before.starts_with("@group") => after,
                    _ => "",
                });
        let starts = ["fn ", "const ", "struct ", "alias "];
        let declared = starts.iter().find_map(|it| line.strip_prefix(it));
        let name = declared.unwrap_or(line);
        let end = name.find(|c: char| !is_of_name(c)).unwrap_or(name.len());
        let is_variable = name[end..].starts_with(": ") && !line.starts_with(' ');
        (end > 0 && (declared.is_some() || is_variable) && &name[..end] != "main")
            .then(|| name[..end].to_owned())
    });
    names.collect()
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// `wgsl` with every name replaced for which `rename` gives another; comments are left out.
fn renamed(wgsl: &str, rename: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(wgsl.len());
    for line in wgsl.lines() {
        let mut rest = line
            .split_once("//")
            .map_or(line, |(code, _)| code)
            .trim_end();
        while let Some(start) = rest.find(is_of_name) {
            let len = rest[start..]
                .find(|c| !is_of_name(c))
                .unwrap_or(rest.len() - start);
            let name = &rest[start..start + len];
            out.push_str(&rest[..start]);
            out.push_str(rename(name).as_deref().unwrap_or(name));
            rest = &rest[start + len..];
        }
        out.push_str(rest);
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::batch::gather;
    use crate::ops::loss::regression_loss;
    use crate::ops::loss::{RegressionLoss, TargetScale};
    use crate::ops::norm::batch_norm_merge::{self, Parts};
    use crate::ops::reduce::sum_partials;
    use crate::shape::ImageShape;

    #[test]
    fn names_that_are_declared_are_found() {
        let wgsl = "struct Params {\n    rows: u32,\n}\nconst ROWS: u32 = 4u;\nalias Sums = array<f32, ROWS>;\n\
                    @group(0) @binding(0) var<storage, read> input: array<f32>;\nvar<workgroup> memory: Sums;\n\
                    fn sum(at: u32) -> f32 {\n    let local = input[at];\n    return local;\n}\nfn main() {\n}\n";
        let names = declared(wgsl);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, ["Params", "ROWS", "Sums", "input", "memory", "sum"]);
    }

    #[test]
    fn only_whole_names_are_replaced() {
        let rename = |name: &str| (name == "row").then(|| "m0_row".to_owned());
        let renamed = renamed("let rows = row + arrow; // row\nrow", rename);
        assert_eq!(renamed, "let rows = m0_row + arrow;\nm0_row\n");
    }

    fn loss_call() -> Call {
        regression_loss::call(1, RegressionLoss::Mse, TargetScale::NONE, true)
    }

    /// Two sums of the same partial results, which are bound once, and a loss.
    #[test]
    fn what_several_read_is_bound_once() {
        let sum = sum_partials::call(2, 8);
        let loss = loss_call().in_workgroups_of(128).expect("can do with any");
        let members: [(&Call, &[u32]); 3] = [
            (&sum, &[0, 1]),
            (&sum, &[0, 2]),
            (&loss, &[3, 4, 5, 6, 7, 8]),
        ];
        let merged = merge(&members, members.len(), 128, |a, b| a == b);
        assert_eq!(merged.slices, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let reads = [true, false, false, true, true, true, false, false, false];
        assert_eq!(merged.read_only, reads);
        assert_eq!(merged.wgsl.matches("var<immediate> step: Step;").count(), 1);
        assert!(
            merged
                .wgsl
                .contains("const m0_params: m0_Params = m0_Params(2u, 2u);")
        );
        let shared = "var<workgroup> shared_0: array<vec4<f32>, max(max(m0_WORKGROUP_SIZE, m1_WORKGROUP_SIZE), m2_WORKGROUP_SIZE)>;";
        assert!(merged.wgsl.contains(shared), "{}", merged.wgsl);
        let module = naga::front::wgsl::parse_str(&merged.wgsl);
        module.expect("is WGSL");
    }

    /// A gather of the next step's batch beside a loss of this one's.
    #[test]
    fn what_is_of_the_next_step_reads_that() {
        let image = ImageShape::new(3, 2, 2);
        let gather = gather::call(image, 9, 9).in_workgroups_of(128);
        let (loss, gather) = (loss_call().in_workgroups_of(128), gather.expect("of any"));
        let members: [(&Call, &[u32]); 2] = [
            (&loss.expect("of any"), &[0, 1, 2, 3, 4, 5]),
            (&gather, &[6, 6, 6, 6, 1, 7]),
        ];
        let merged = merge(&members, 1, 128, |a, b| a == b);
        // Images once, and the order with the loss, whatever that has it as.
        assert_eq!(merged.slices, [0, 1, 2, 3, 4, 5, 6, 7]);
        let wgsl = merged.wgsl;
        assert!(wgsl.contains("[step.next.batch_start + sample];"), "{wgsl}");
        assert!(wgsl.contains("(step.next.batch * 1u"), "{wgsl}");
        naga::front::wgsl::parse_str(&wgsl).expect("is WGSL");
    }

    /// Two sums that lie in one buffer, of which one is the other's partial results: slices of a buffer and a place.
    #[test]
    fn what_another_writes_a_part_of_is_bound_to_be_written() {
        let sum = sum_partials::call(2, 8);
        let members: [(&Call, &[(u32, u32)]); 2] =
            [(&sum, &[(0, 0), (1, 0)]), (&sum, &[(1, 64), (2, 0)])];
        let merged = merge(&members, 2, 128, |a, b| a.0 == b.0);
        assert_eq!(merged.read_only, [true, false, false, false]);
        let declared = "var<storage, read_write> m1_partials: array<vec4<f32>>;";
        assert!(merged.wgsl.contains(declared), "{}", merged.wgsl);
    }

    #[test]
    fn sizes_of_workgroups_are_changed_where_the_text_does_not_say_them() {
        let shape = ImageShape::new(8, 3, 3);
        let merge = batch_norm_merge::call(shape, Parts::of_batch(2, 8), 0.1);
        assert_eq!(merge.in_workgroups_of(256), None);
        let sum = sum_partials::call(2, 8).in_workgroups_of(256);
        assert_eq!(sum.expect("can do with any").grid.groups(1), 1);
        let loss = loss_call().in_workgroups_of(256).expect("can do with any");
        assert_eq!(
            (loss.grid.workgroup_size, loss.workgroup_bytes),
            (256, 16 * 256)
        );
    }
}
