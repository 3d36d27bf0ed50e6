# The everyday commands of gpu-train: `make` lists them.
#
# Everything is built with one profile, release, so that wgpu is compiled as seldom as possible.

# What `make train` trains, e.g. make train TRAIN_ARGS="--net mlp --data house-digits --epochs 5".
TRAIN_ARGS ?= --net cnn --data house-digits --epochs 12
# What goes to `cargo test`, e.g. make test TEST_ARGS="--test kernels conv2d".
TEST_ARGS ?=
# What goes to `cargo bench`, e.g. make bench BENCH=kernels BENCH_ARGS=conv2d,
# make bench BENCH=training BENCH_ARGS="-- --net cnn --epochs 3".
BENCH ?= *
BENCH_ARGS ?=

# A fresh rustup is not on the PATH of shells that were open before.
CARGO ?= $(shell command -v cargo >/dev/null 2>&1 || test ! -x "$$HOME/.cargo/bin/cargo" \
	|| printf '%s/.cargo/bin/' "$$HOME")cargo

# Without a folder here Mesa prints a line on standard error for every adapter it looks at. Nothing
# is read from it: no display server is wanted.
ifeq ($(strip $(XDG_RUNTIME_DIR)),)
export XDG_RUNTIME_DIR := /nonexistent
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: train
train: rust ## Trains on the built-in data set (options: TRAIN_ARGS="...")
	$(CARGO) run --release --locked --bin gpu-train -- $(TRAIN_ARGS)

.PHONY: test
test: rust vulkan ## Runs every test, those of the documentation too (options: TEST_ARGS="...")
	$(CARGO) test --release --locked $(TEST_ARGS)

.PHONY: mpi
mpi: rust mpi-library ## Builds gpu-train with MPI, for mpirun: target/release/gpu-train
	$(CARGO) build --release --locked --features mpi

.PHONY: test-mpi
test-mpi: rust mpi-library ## Lints the feature mpi, and tests trainings that several processes share
	$(CARGO) clippy --release --lib --bins --test mpi --locked --features mpi -- -D warnings
	$(CARGO) test --release --locked --features mpi --test mpi

.PHONY: examples
examples: rust ## Runs the examples of the library; each fails where it does not learn
	for example in own_arrays own_layers own_loop predict_file; do \
		$(CARGO) run --release --locked --example $$example || exit 1; \
	done

.PHONY: paths
paths: rust ## Runs the scripts of docs/paths, from data to what is handed in (another program: GPU_TRAIN=...)
	test -n "$(GPU_TRAIN)" || $(CARGO) build --release --locked --bin gpu-train
	for path in docs/paths/*.sh; do \
		GPU_TRAIN=$(or $(GPU_TRAIN),$(CURDIR)/target/release/gpu-train) $$path || exit 1; \
	done

.PHONY: bench
bench: rust vulkan ## Runs the benchmarks (options: BENCH=training|kernels BENCH_ARGS="...")
	$(CARGO) bench --locked --bench '$(BENCH)' $(BENCH_ARGS)

.PHONY: devices
devices: rust ## Lists the devices that can be trained on
	$(CARGO) run --release --locked --bin gpu-train -- devices

.PHONY: fmt
fmt: rust ## Formats the sources
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: rust ## Fails where a source is not formatted
	$(CARGO) fmt --all --check

.PHONY: lint
lint: rust ## Runs clippy, also on the library with no feature and with each; any warning fails
	$(CARGO) clippy --release --all-targets --locked -- -D warnings
	for features in "" export fetch formats report sweep; do \
		$(CARGO) clippy --release --lib --no-default-features --features "$$features" --locked \
			-- -D warnings || exit 1; \
	done

.PHONY: doc
doc: rust ## Builds the documentation of the library; any warning fails
	RUSTDOCFLAGS="$(RUSTDOCFLAGS) -D warnings" $(CARGO) doc --release --no-deps --locked

.PHONY: spelling
spelling: ## Looks for slips of the pen
	scripts/check-spelling.sh

.PHONY: deny
deny: rust ## Checks licences, sources and advisories of the dependencies
	CARGO="$(CARGO)" scripts/check-dependencies.sh

.PHONY: ci
ci: ## Does what the continuous integration does
	.ci/run

.PHONY: clean
clean: rust ## Removes what was built; runs/ and data/ stay
	$(CARGO) clean

# What the targets above stand on: silent where all is there.

.PHONY: rust
rust:
	@sh scripts/ensure-rust.sh "$(CARGO)"

.PHONY: vulkan
vulkan: # Installs Mesa's software driver where Linux has none
	@sh scripts/ensure-vulkan.sh

.PHONY: mpi-library
mpi-library: # Installs Open MPI and libclang where Linux lacks them
	@sh scripts/ensure-mpi.sh
