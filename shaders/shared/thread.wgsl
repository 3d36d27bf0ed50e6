// Numbers the threads of a dispatch along one dimension; src/kernel/grid.rs folds the workgroups
// past the limit of x into y.
override WORKGROUP_SIZE: u32;

fn thread_index(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP_SIZE + local;
}
