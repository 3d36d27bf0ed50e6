"""The experiments of docs/experiments.md with PyTorch, to compare their ends.

    pip install torch numpy scipy
    python experiments.py FOLDER                   every net, seeds 0, 1 and 2
    python experiments.py FOLDER --only mlp-0.01 --seeds 0,1,2,3

FOLDER holds train_32x32.mat and test_32x32.mat. Prints a line per run as it ends, and the means.
PyTorch's own initial weights, its Adam, a new order every epoch; both sets are evaluated after the
last epoch.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import torch
from pytorch import NETS, build
from scipy.io import loadmat
from torch import nn

BATCH = 128
RUNS = {
    # name: (net of pytorch.py or its own sizes, learning rate)
    "mlp-0.01": (NETS["mlp"], 1e-2),
    "mlp-1e-4": (NETS["mlp"], 1e-4),
    "mlp-1e-8": (NETS["mlp"], 1e-8),
    "original": (NETS["cnn"], 1e-3),
    "deep": (NETS["deep"], 1e-3),
    "shallow-k32": (((37,), 32, (256, 256)), 1e-3),
    "shallow-k28": (NETS["shallow"], 1e-3),
}


def load(path):
    """Images as they are scaled for training, and digits."""
    file = loadmat(path)
    images = torch.from_numpy(file["X"].transpose(3, 2, 0, 1).copy()).float() / 255
    return images, torch.from_numpy(file["y"].astype("int64").ravel() % 10).float()


def evaluate(net, images, targets):
    """Mean absolute error and rounded accuracy."""
    with torch.no_grad():
        predictions = torch.cat([net(batch).squeeze(1) for batch in images.split(BATCH)])
    errors = (predictions - targets).abs().mean().item()
    return errors, (predictions.round() == targets).float().mean().item()


def train(sizes, lr, epochs, seed, data):
    torch.manual_seed(seed)
    net = build(*sizes)
    adam = torch.optim.Adam(net.parameters(), lr=lr)
    images, targets = data["train"]
    for _ in range(epochs):
        for index in torch.randperm(len(targets)).split(BATCH):
            loss = nn.functional.mse_loss(net(images[index]).squeeze(1), targets[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    (train_mae, _), (test_mae, accuracy) = (evaluate(net, *data[it]) for it in ("train", "test"))
    return train_mae, test_mae, accuracy


def main():
    parser = argparse.ArgumentParser(description="The experiments with PyTorch.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=RUNS, nargs="*", default=list(RUNS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = {name: load(options.folder / f"{name}_32x32.mat") for name in ("train", "test")}
    ends = defaultdict(list)
    for seed in map(int, options.seeds.split(",")):
        for name in options.only:
            began = time.monotonic()
            ends[name].append(train(*RUNS[name], options.epochs, seed, data))
            train_mae, test_mae, accuracy = ends[name][-1]
            seconds = time.monotonic() - began
            print(
                f"{name:<12} seed {seed:<2} train MAE {train_mae:.4f} test MAE {test_mae:.4f}"
                f" accuracy {accuracy:.3f} ({seconds:.0f} s)",
                flush=True,
            )
    print()
    for name, runs in ends.items():
        means = torch.tensor(runs).mean(0).tolist()
        spread = torch.tensor(runs)[:, 1].std().item() if len(runs) > 1 else 0.0
        print(
            f"{name:<12} {len(runs)} seeds: train MAE {means[0]:.4f} test MAE {means[1]:.4f}"
            f" (standard deviation {spread:.3f}) accuracy {means[2]:.3f}"
        )


if __name__ == "__main__":
    main()
