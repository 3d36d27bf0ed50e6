"""Trains the nets of benches/training.rs with JAX and tells how fast.

    python jax.py --net cnn                     on two threads of the processor
    python jax.py --net cnn --device cuda       --precision highest for full float32

The same job as pytorch.py's, in JAX's way: an epoch is one jitted lax.scan over its steps, except
for convolutions on the processor, which XLA makes several times slower within a loop. The whole
data set stays on the device as bytes, in an order of its own every epoch; every step gathers a
batch, scales it to 0..1, trains on its mean squared error with Adam, and sums squared error,
absolute error and correct roundings. The clock of an epoch stops when the sums have been read.
Without --data, images are random: as fast, but there is nothing to learn. Only jax is needed: Adam
is written out below.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

# Python looks for modules beside a script first, and would take this file for the package.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import jax
import numpy
from jax import lax, random
from jax import numpy as jnp

IMAGE = (3, 32, 32)
NETS = {
    # name: (channels, kernel size, dense)
    "mlp": ((), 0, (128, 128)),
    "cnn": ((16, 32, 45), 3, (128,)),
    "deep": ((8, 16, 32, 64), 1, (256, 256)),
    "shallow": ((41,), 28, (256, 256)),
}


def arguments():
    parser = argparse.ArgumentParser(description="Training speed of JAX.")
    parser.add_argument("--net", choices=NETS, default="cnn")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5, help="measured ones, after one to warm up")
    parser.add_argument("--images", type=int, default=8192)
    parser.add_argument("--data", type=Path, help="folder with images.u8 and targets.f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--mode",
        choices=("scan", "step"),
        help="scan: an epoch as one jitted lax.scan; step: one jitted step after another "
        "[step for convolutions on the processor, else scan]",
    )
    parser.add_argument(
        "--precision",
        choices=("default", "highest"),
        default="default",
        help="of products and convolutions; highest: float32 throughout, default: as JAX comes",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.mode is None:
        channels, _, _ = NETS[options.net]
        options.mode = "step" if channels and options.device == "cpu" else "scan"
    return options


def build(key, channels, kernel, dense):
    """Weights and biases, layer by layer, in the distribution of PyTorch's initial ones."""
    shapes = []
    features = math.prod(IMAGE)
    previous = IMAGE[0]
    for out_channels in channels:
        shapes.append((out_channels, previous, kernel, kernel))
        previous = out_channels
        features = out_channels * 4 * 4
    for width in (*dense, 1):
        shapes.append((width, features))
        features = width
    parameters = []
    for shape in shapes:
        key, of_weight, of_bias = random.split(key, 3)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        weight = random.uniform(of_weight, shape, minval=-bound, maxval=bound)
        bias = random.uniform(of_bias, shape[:1], minval=-bound, maxval=bound)
        parameters.append((weight, bias))
    return parameters


def forward(parameters, batch):
    """The net that pytorch.py builds; everything is NCHW, as there."""
    convolutions = sum(weight.ndim == 4 for weight, _ in parameters)
    for index, (weight, bias) in enumerate(parameters[:convolutions]):
        batch = lax.conv_general_dilated(batch, weight, (1, 1), "VALID")
        batch = jax.nn.relu(batch + bias[:, None, None])
        if index < convolutions - 1:
            batch = pool(batch, stride=2, side=batch.shape[2] // 2)
        elif batch.shape[2] == 5:
            # What AdaptiveMaxPool2d((4, 4)) does; a side of 4, as in the other nets, stays.
            batch = pool(batch, stride=1, side=4)
    batch = batch.reshape(len(batch), -1)
    for weight, bias in parameters[convolutions:-1]:
        batch = jax.nn.relu(batch @ weight.T + bias)
    weight, bias = parameters[-1]
    return (batch @ weight.T + bias)[:, 0]


def pool(batch, stride, side):
    """The largest of windows of 2x2. The derivative of lax.reduce_window is far slower."""
    ends = [slice(first, first + stride * side, stride) for first in (0, 1)]
    rows = jnp.maximum(*(batch[:, :, end] for end in ends))
    return jnp.maximum(*(rows[:, :, :, end] for end in ends))


def adam(parameters, gradients, moments, step):
    """torch.optim.Adam with its defaults; `step` counts from 1."""
    rate, beta1, beta2, epsilon = 1e-3, 0.9, 0.999, 1e-8
    first, second = moments
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradients)
    size, scale = rate / (1 - beta1**step), jnp.sqrt(1 - beta2**step)

    def update(parameter, m, v):
        return parameter - size * m / (jnp.sqrt(v) / scale + epsilon)

    return jax.tree.map(update, parameters, first, second), (first, second)


def load(options):
    """Images as bytes, NCHW, and their targets, on the device."""
    count = options.images
    if options.data is None:
        of_images, of_targets = random.split(random.key(1))
        images = random.randint(of_images, (count, *IMAGE), 0, 256, dtype=jnp.uint8)
        targets = random.randint(of_targets, (count,), 0, 10).astype(jnp.float32)
    else:
        images = numpy.fromfile(options.data / "images.u8", numpy.uint8).reshape(-1, *IMAGE)
        targets = numpy.fromfile(options.data / "targets.f32", numpy.float32)
        if len(images) != count or len(targets) != count:
            raise SystemExit(f"{options.data} holds {len(images)} images, not {count}")
    return jax.block_until_ready((jnp.asarray(images), jnp.asarray(targets)))


def begin(state, count):
    """The state before an epoch, and the order of its images."""
    key, of_order = random.split(state["key"])
    return state | {"key": key, "sums": jnp.zeros(3)}, random.permutation(of_order, count)


def train_on(state, images, targets, index):
    """The state after a step on the images of `index`."""

    def loss_and_sums(parameters):
        batch = images[index].astype(jnp.float32) / 255
        predictions = forward(parameters, batch)
        errors = predictions - targets[index]
        correct = jnp.round(predictions) == targets[index]
        loss = jnp.mean(errors**2)
        return loss, jnp.stack((loss * len(index), jnp.abs(errors).sum(), correct.sum()))

    gradients, sums = jax.grad(loss_and_sums, has_aux=True)(state["parameters"])
    step = state["step"] + 1
    parameters, moments = adam(state["parameters"], gradients, state["moments"], step)
    return state | {
        "parameters": parameters,
        "moments": moments,
        "step": step,
        # Squared errors, absolute errors, correct roundings.
        "sums": state["sums"] + sums,
    }


def train(state, images, targets, batch_size):
    """The state after an epoch."""
    state, order = begin(state, len(images))
    whole = len(order) // batch_size * batch_size
    state, _ = lax.scan(
        lambda state, index: (train_on(state, images, targets, index), None),
        state,
        order[:whole].reshape(-1, batch_size),
    )
    if whole < len(order):
        state = train_on(state, images, targets, order[whole:])
    return state


class Trainer:
    def __init__(self, options):
        self.images, self.targets = load(options)
        self.batch_size = options.batch_size
        of_net, of_orders = random.split(random.key(0))
        parameters = build(of_net, *NETS[options.net])
        self.state = {
            "key": of_orders,
            "parameters": parameters,
            # Zeros twice: an array can be donated only once.
            "moments": tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)),
            "step": jnp.zeros((), jnp.int32),
            "sums": jnp.zeros(3),
        }
        self.train = jax.jit(train, static_argnames="batch_size", donate_argnames="state")
        if options.mode == "step":
            self.begin = jax.jit(begin, static_argnames="count", donate_argnames="state")
            self.train_on = jax.jit(train_on, donate_argnames="state")
            self.train = self.train_by_steps

    def train_by_steps(self, state, images, targets, batch_size):
        """Like `train`, but the host starts every step."""
        state, order = self.begin(state, len(images))
        order = numpy.asarray(order)
        for first in range(0, len(order), batch_size):
            state = self.train_on(state, images, targets, order[first : first + batch_size])
        return state

    def epoch(self):
        """Trains on every image once; samples per second and mean loss."""
        count = len(self.images)
        jax.block_until_ready(self.state)
        start = time.perf_counter()
        self.state = self.train(self.state, self.images, self.targets, self.batch_size)
        squared, _, _ = self.state["sums"].tolist()
        jax.block_until_ready(self.state)
        return count / (time.perf_counter() - start), squared / count


def main():
    options = arguments()
    # JAX has no other word for its threads, and reads it when it first looks for devices.
    os.environ["PJRT_NPROC"] = str(options.threads)
    jax.config.update("jax_platforms", options.device)
    if options.precision == "highest":
        jax.config.update("jax_default_matmul_precision", "highest")
    trainer = Trainer(options)
    speeds, losses = zip(*(trainer.epoch() for _ in range(1 + options.epochs)))
    if options.json:
        row = {
            "net": options.net,
            "batch": options.batch_size,
            "images": options.images,
            "device": jax.devices()[0].device_kind,
            "mode": options.mode,
            "precision": options.precision,
            "threads": options.threads,
            "version": jax.__version__,
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
