"""Trains the nets of benches/training.rs with PyTorch and tells how fast.

    python pytorch.py --net cnn                     on two threads of the processor
    python pytorch.py --net cnn --device cuda       eagerly; --mode compiled or graph for more

The same job as gpu-train's: the whole data set stays on the device as bytes, in an order of its own
every epoch; every step gathers a batch, scales it to 0..1, trains on its mean squared error with
Adam, and sums squared error, absolute error and correct roundings without waiting for them. The
clock of an epoch stops when the sums have been read. Without --data, images are random: as fast,
but there is nothing to learn.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn

IMAGE = (3, 32, 32)
NETS = {
    # name: (channels, kernel size, dense)
    "mlp": ((), 0, (128, 128)),
    "cnn": ((16, 32, 45), 3, (128,)),
    "deep": ((8, 16, 32, 64), 1, (256, 256)),
    "shallow": ((41,), 28, (256, 256)),
}


def arguments():
    parser = argparse.ArgumentParser(description="Training speed of PyTorch.")
    parser.add_argument("--net", choices=NETS, default="cnn")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5, help="measured ones, after one to warm up")
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--data", type=Path, help="folder with images.u8 and targets.f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--mode",
        choices=("eager", "compiled", "graph"),
        default="eager",
        help="compiled: torch.compile(mode='reduce-overhead'); graph: a step as one CUDA graph",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def build(channels, kernel, dense):
    """The torch.nn.Sequential that ARCHITECTURE.md describes."""
    layers = []
    size = IMAGE
    for index, out_channels in enumerate(channels):
        layers += [nn.Conv2d(size[0], out_channels, kernel), nn.ReLU()]
        last = index == len(channels) - 1
        layers += [nn.AdaptiveMaxPool2d((4, 4))] if last else [nn.MaxPool2d(2)]
        side = 4 if last else (size[1] - kernel + 1) // 2
        size = (out_channels, side, side)
    layers.append(nn.Flatten())
    features = size[0] * size[1] * size[2]
    for width in dense:
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    layers.append(nn.Linear(features, 1))
    return nn.Sequential(*layers)


def load(options):
    """Images as bytes, NCHW, and their targets."""
    count = options.images
    if options.data is None:
        images = torch.randint(0, 256, (count, *IMAGE), dtype=torch.uint8)
        targets = torch.randint(0, 10, (count,)).float()
    else:
        images = read(options.data / "images.u8", torch.uint8).view(-1, *IMAGE)
        targets = read(options.data / "targets.f32", torch.float32)
        if len(images) != count or len(targets) != count:
            raise SystemExit(f"{options.data} holds {len(images)} images, not {count}")
    return images.to(options.device), targets.to(options.device)


def read(path, dtype):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=dtype)


class Trainer:
    def __init__(self, options):
        self.device = torch.device(options.device)
        self.images, self.targets = load(options)
        self.batch_size = options.batch_size
        self.net = build(*NETS[options.net]).to(self.device)
        # With capturable, Adam counts its steps on the device: a graph can hold it.
        capturable = self.device.type == "cuda" and options.mode != "eager"
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-3, capturable=capturable)
        # Squared errors, absolute errors, correct roundings.
        self.sums = torch.zeros(3, device=self.device)
        self.step = self.train_on
        if options.mode == "compiled":
            self.forward = torch.compile(self.forward, mode="reduce-overhead")
            self.update = torch.compile(self.adam.step)
        else:
            self.update = self.adam.step
        if options.mode == "graph":
            self.capture()

    def forward(self, index):
        """The loss of a batch, and what is summed of it."""
        batch = self.images[index].float() / 255
        targets = self.targets[index]
        predictions = self.net(batch).squeeze(1)
        loss = nn.functional.mse_loss(predictions, targets)
        with torch.no_grad():
            errors = (predictions - targets).abs().sum()
            correct = (predictions.round() == targets).sum()
            sums = torch.stack((loss * len(index), errors, correct))
        return loss, sums

    def train_on(self, index):
        loss, sums = self.forward(index)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.update()
        self.sums += sums

    def capture(self):
        """Makes a step a single CUDA graph, which is replayed on whole batches."""
        self.index = torch.zeros(self.batch_size, dtype=torch.long, device=self.device)
        # As in PyTorch's notes on CUDA graphs: a few steps on another stream first.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.train_on(self.index)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self.adam.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.train_on(self.index)

        def replay(index):
            if len(index) == self.batch_size:
                self.index.copy_(index)
                graph.replay()
            else:
                self.train_on(index)

        self.step = replay

    def epoch(self):
        """Trains on every image once; samples per second and mean loss."""
        count = len(self.images)
        self.synchronize()
        start = time.perf_counter()
        self.sums.zero_()
        order = torch.randperm(count, device=self.device)
        for first in range(0, count, self.batch_size):
            self.step(order[first : first + self.batch_size])
        squared, _, _ = self.sums.tolist()
        self.synchronize()
        return count / (time.perf_counter() - start), squared / count

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    trainer = Trainer(options)
    speeds, losses = zip(*(trainer.epoch() for _ in range(1 + options.epochs)))
    if options.json:
        row = {
            "net": options.net,
            "batch": options.batch_size,
            "images": options.images,
            "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
            "mode": options.mode,
            "threads": options.threads,
            "version": torch.__version__,
            "samples_per_second": speeds[1:],
            "first_loss": losses[0],
            "last_loss": losses[-1],
        }
        print(json.dumps(row))
        return
    for number, (speed, loss) in enumerate(zip(speeds, losses)):
        note = " (warm-up)" if number == 0 else ""
        print(f"epoch {number}: {speed:8.0f} samples/s, loss {loss:.3f}{note}", flush=True)


if __name__ == "__main__":
    main()
