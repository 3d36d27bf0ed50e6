"""What docs/experiments.md says of trained nets beyond their metrics, measured on the run folders.

    pip install torch numpy scipy safetensors
    python claims.py SVHN MLP_LR DEPTH_WIDTH

SVHN holds test_32x32.mat; the others are folders of `gpu-train experiment mlp-lr` and `depth-width`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.io import loadmat
from torch import nn


def load(folder):
    file = loadmat(Path(folder) / "test_32x32.mat")
    images = torch.from_numpy(file["X"].transpose(3, 2, 0, 1).copy()).float() / 255
    return images, torch.from_numpy(file["y"].astype("int64").ravel() % 10).float()


def mlp(tensors):
    """The multilayer perceptron of these weights."""
    layers = [nn.Flatten()]
    for name in (it for it in tensors if it.endswith("weight")):
        layers += [nn.Linear(*reversed(tensors[name].shape)), nn.ReLU()]
    return filled(nn.Sequential(*layers[:-1]), tensors)


def cnn(tensors):
    """The convolutional network of these weights, of strides 1."""
    names = [it for it in tensors if it.endswith("weight")]
    convs = [it for it in names if tensors[it].dim() == 4]
    layers = []
    for name in convs:
        out, channels, kernel, _ = tensors[name].shape
        last = name == convs[-1]
        pool = nn.AdaptiveMaxPool2d((4, 4)) if last else nn.MaxPool2d(2)
        layers += [nn.Conv2d(channels, out, kernel), nn.ReLU(), pool]
    layers.append(nn.Flatten())
    for name in names[len(convs) :]:
        layers += [nn.Linear(*reversed(tensors[name].shape)), nn.ReLU()]
    return filled(nn.Sequential(*layers[:-1]), tensors)


def filled(net, tensors):
    net.load_state_dict(tensors)
    return net.eval()


def read(run):
    """Tensors in the order of the layers, of each its weight first."""
    tensors = load_file(run / "model.safetensors")

    def place(item):
        layer, kind = item[0].split(".")
        return int(layer), kind != "weight"

    return dict(sorted(tensors.items(), key=place))


def recorded(run):
    """What gpu-train predicted for the test set at the end of the run."""
    return torch.from_numpy(np.loadtxt(run / "predictions.csv", delimiter=",", skiprows=1)[:, 2])


def distance(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def learning_rates(images, targets, folder):
    print("runs of mlp-lr: deviation of the predictions, and hidden units that are 0 for all images")
    for run in sorted(folder.iterdir()):
        if not (run / "predictions.csv").exists():
            continue
        net, values, dead = mlp(read(run)), images, []
        with torch.no_grad():
            for layer in net:
                values = layer(values)
                if isinstance(layer, nn.ReLU):
                    dead.append(int((values.max(0).values <= 0).sum()))
        apart = distance(values.squeeze(1).double(), recorded(run))
        moved = recorded(run)
        print(
            f"  {run.name:<18} mean {moved.mean():.2f} deviation {moved.std():.2f}"
            f" dead {dead} of 128 each; PyTorch's predictions {apart:.0e} apart"
        )
    print(f"  targets            mean {targets.mean():.2f} deviation {targets.std():.2f}")


def blocks_shuffled(images, generator):
    """Pixels change places within every 2x2 block, such blocks within blocks of 4x4, and those within
    8x8: what nets of kernel 1 with three max-poolings cannot see."""
    for size in (1, 2, 4):
        count, channels, height, width = images.shape
        cells = images.reshape(count, channels, height // (2 * size), 2, size, width // (2 * size), 2, size)
        cells = cells.permute(0, 2, 5, 3, 6, 1, 4, 7)
        flat = cells.reshape(count, height // (2 * size), width // (2 * size), 4, channels, size, size)
        order = torch.rand(flat.shape[:4], generator=generator).argsort(-1)
        flat = flat.gather(3, order[..., None, None, None].expand_as(flat))
        cells = flat.reshape(cells.shape).permute(0, 5, 1, 3, 6, 2, 4, 7)
        images = cells.reshape(count, channels, height, width)
    return images


def kernels_of_one(images, folder):
    print("pixels shuffled within blocks of 8x8: predictions apart, relative to the greatest")
    shuffled = blocks_shuffled(images, torch.Generator().manual_seed(0))
    assert not torch.equal(shuffled, images)
    for name in ("deep", "original"):
        net = cnn(read(folder / f"{name}-seed-0"))
        with torch.no_grad():
            print(f"  {name:<10} {distance(net(shuffled), net(images)):.1e}")


def kernel_of_the_image(images, folder):
    tensors = read(folder / "shallow-k32-seed-0")
    names = list(tensors)
    units = tensors[names[0]].shape[0]
    dense = dict(zip(("1.weight", "1.bias"), (tensors[names[0]].flatten(1), tensors[names[1]])))
    # The adaptive pooling hands the next layer 16 copies of every unit.
    first = tensors[names[2]]
    dense["3.weight"] = first.reshape(first.shape[0], units, 16).sum(2)
    dense["3.bias"] = tensors[names[3]]
    for index, name in enumerate(names[4:]):
        dense[f"{5 + index // 2 * 2}.{name.split('.')[1]}"] = tensors[name]
    with torch.no_grad():
        apart = distance(mlp(dense)(images), cnn(tensors)(images))
    before = sum(it.numel() for it in tensors.values())
    after = sum(it.numel() for it in dense.values())
    print("shallow-k32 against the mlp with the same first layer, copies added up")
    print(f"  predictions {apart:.1e} apart; {before:,} parameters against {after:,}")


def main():
    svhn, mlp_lr, depth_width = map(Path, sys.argv[1:])
    images, targets = load(svhn)
    learning_rates(images, targets, mlp_lr)
    kernels_of_one(images, depth_width)
    kernel_of_the_image(images, depth_width)


if __name__ == "__main__":
    main()
