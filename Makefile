# Every target works with make and Node 20.19 or later alone. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# onnxruntime-node would otherwise download in its install script; its CPU binaries are already in the package.
export ONNXRUNTIME_NODE_INSTALL := skip

# TIER=sim-process is the default of the command itself; later tiers are named here.
TIER_ARGS := $(if $(TIER),--tier $(TIER))

# LEVEL=attested, replayed, recomputed or proved settles one question at that level; without it the whole stack is shown.
LEVEL_ARGS := $(if $(LEVEL),--level $(LEVEL))

# The stamp is a copy of the lock file: compared by content, so that a checkout that only touches times installs nothing.
STAMP := node_modules/.proofmark-lock

.PHONY: help install up demo test test-long fuzz mutation check bench soak contracts gas parity image vectors build pack clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

install: ## install the locked packages when the lock file changed
	@cmp -s package-lock.json $(STAMP) || { npm ci && cp package-lock.json $(STAMP); }

up: install ## start everything on loopback, run one inference, print its audit, keep serving
	@npm run -s proofmark -- up $(TIER_ARGS)

demo: install ## the same once; the exit code tells
	@npm run -s proofmark -- demo $(TIER_ARGS) $(LEVEL_ARGS)

test: install ## all tests that fit 25 minutes on two cores
	@npm run -s test

test-long: install ## fuzz, soak, mutation and fault campaigns; the unit tests on Node 22 and 24 (ARGS: see test/house/long.ts)
	@npm run -s test:long -- $(ARGS)

fuzz: install ## coverage-guided fuzzing of every parser for SECONDS=60, keeping what it finds
	@npm run -s fuzz -- --keep --seconds $(or $(SECONDS),60) $(if $(TARGET),--target $(TARGET))

mutation: install ## change the code of FILES in every way, and count what the tests notice
	@npm run -s mutation -- $(FILES)

check: install ## format, lint, types, boundaries, dead code, house rules
	@npm run -s check

# PROOFMARK_PHASE1=FILE (powers of tau) makes keys for a network of 784-32-10, which is measured then, too.
bench: install ## measure, and write test/bench/results.json and baseline.json (ARGS: names of some benches only)
	@npm run -s bench -- $(ARGS)

soak: install ## the whole stack under load and slow sockets for MINUTES=10, the report in .proofmark/soak.json
	@npx --no-install tsx test/soak/main.ts --minutes $(or $(MINUTES),10)

contracts: install ## write the generated contracts, compile all of them, and run forge's tests
	@npx --no-install tsx contracts/generate/main.ts
	@npx --no-install tsx contracts/tools/forge.ts build --sizes
	@npx --no-install tsx contracts/tools/forge.ts test

gas: install ## measure transactions on anvil, and write contracts/snapshots/gas.json
	@npx --no-install tsx test/contracts/gas/main.ts

parity: install ## compare verifier and contracts on COUNT=20000 mutated documents, in SHARD=1/1, going on where it stopped
	@npx --no-install tsx test/parity/main.ts --count $(or $(COUNT),20000) --shard $(or $(SHARD),1/1)

image: install ## fetch the pinned inputs, build an enclave image into dist/image, and build it again to compare
	@npm run -s proofmark -- image fetch --flavour vm
	@npm run -s proofmark -- image build --flavour vm --out dist/image
	@npm run -s proofmark -- image verify dist/image --flavour vm

vectors: install ## regenerate the golden vectors byte for byte
	@npm run -s vectors

build: install ## compile the package and bundle the worker into dist/
	@npm run -s build

pack: build ## make the tarball that npm would publish
	@npm pack

clean: ## remove what was built and what a run left behind
	rm -rf dist coverage contracts/out contracts/cache .proofmark proofmark-*.tgz
