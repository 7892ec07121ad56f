# Two commands do everything on a machine with Python 3.11, make and git: `make demo` and `make test`.

# Hundreds of processes are started: each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
# One single-threaded process a core, as everywhere on a CPU.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.test-ready
BENCH_READY := $(VENV)/.bench-ready
DEMO := build/demo.soundgrep
# A check tree in which `soundgrep` is a folder of that name, which mypy needs.
TYPING := build/typing/soundgrep

.PHONY: demo test quick coverage busy lint format types imports unit chromium faults attack matrix odd-files fuzz docs pictures clean

$(READY): pyproject.toml constraints.txt
	@echo "making the environment in $(VENV): a few minutes, the first time"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

# The reference implementations pin old releases of what we use new ones of; only their modules are needed. That of
# LAION brings a package called "tests", which would stand before ours, and so stays beside the environment's own.
$(TEST_READY): $(READY)
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --group dev
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --no-deps msclap
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --no-deps --upgrade \
	  --target $(VENV)/oracles laion-clap
	@touch $@

$(BENCH_READY): $(TEST_READY)
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --group bench
	@touch $@

demo: $(READY)
	@mkdir -p build
	@rm -rf $(DEMO)
	@echo '$$ soundgrep index data/demo $(DEMO)'
	@$(BIN)/soundgrep index data/demo $(DEMO)
	@for query in "glass breaking in a kitchen" "a police siren" "birds singing in the morning" "a dog barking" \
	  "a thunderstorm" "waves on a beach" "someone typing on a keyboard" "a helicopter" "a church bell" "a violin"; do \
	  echo; echo "\$$ soundgrep search $(DEMO) \"$$query\" -k 3"; \
	  $(BIN)/soundgrep search $(DEMO) "$$query" -k 3 || exit 1; \
	done
	@echo
	@echo "Your turn:"
	@echo "  . $(VENV)/bin/activate"
	@echo "  soundgrep search $(DEMO) \"a doorbell\" --where \"duration_s < 3\""
	@echo "  soundgrep search $(DEMO) --audio data/demo/weather/thunder.ogg"
	@echo "  soundgrep sql $(DEMO) \"SELECT codec, count(*) AS clips FROM clips GROUP BY codec\""
	@echo "  soundgrep index ~/Sounds sounds.soundgrep"
	@echo "  soundgrep ui $(DEMO)"
	@if [ -t 0 ] && [ -t 1 ]; then printf 'Open the page in the browser now? [y/N] '; read -r answer; \
	  case "$$answer" in [yY]*) exec $(BIN)/soundgrep ui $(DEMO);; esac; fi

# Types are checked while the tests run, and what is found is shown after them.
test: lint imports chromium
	@mkdir -p build; $(MAKE) --no-print-directory types >build/types.log 2>&1 & types=$$!; \
	$(MAKE) --no-print-directory unit; unit=$$?; wait $$types; types=$$?; cat build/types.log; exit $$((unit + types))

lint: $(TEST_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(TEST_READY)
	@mkdir -p $(dir $(TYPING)) && ln -sfn ../.. $(TYPING)
	$(BIN)/mypy --package soundgrep

imports: $(TEST_READY)
	$(BIN)/lint-imports

# The tests of the page drive the system's Chromium.
chromium:
	@missing=; command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing=chromium; \
	{ command -v localedef && ls -d /usr/share/i18n/charmaps; } >/dev/null 2>&1 || missing="$$missing locales"; \
	[ -z "$$missing" ] || { echo "installing by apt what tests need:" $$missing; \
	  run=; [ "$$(id -u)" = 0 ] || run=sudo; export DEBIAN_FRONTEND=noninteractive; \
	  $$run apt-get update -qq && $$run apt-get install -qq -y --no-install-recommends $$missing >/dev/null; }

unit: $(TEST_READY) chromium
	$(PYTEST)

# What a change usually breaks, in less than a minute.
quick: lint
	$(PYTEST) -q -m "not (slow or browser or parity or ray or s3 or wheel)" tests/model tests/search tests/test_package.py

# Which lines the tests run, in whatever process; fails where they are too few.
coverage: $(TEST_READY) chromium
	@rm -rf build/coverage && mkdir -p build/coverage
	OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest --numprocesses auto
	@$(BIN)/coverage combine -q
	$(BIN)/coverage report

# The check, five times beside four processes that keep the cores busy: it is never red because of them.
busy: $(TEST_READY)
	@for load in 1 2 3 4; do while kill -0 $$$$ 2>/dev/null; do :; done & done; \
	for run in 1 2 3 4 5; do echo "run $$run of 5"; $(MAKE) --no-print-directory test || exit 1; done

# The long forms of the tests that kill, fill and corrupt.
faults: $(TEST_READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m long

# Everything that strangers may try, and every accident that may befall an index: nothing outside is touched, no answer is
# wrong in silence, nothing crashes.
attack: $(TEST_READY)
	$(PYTEST) -m "long or not long" tests/attacks tests/search/test_confined.py

# The wheel in new environments: each Python that is here, with the newest and the lowest releases of what it needs.
matrix: $(TEST_READY)
	$(BIN)/python tests/matrix.py $(ARGS)

# Files as people have them, made by the system's ffmpeg: is the right thing heard of each?
odd-files: $(TEST_READY)
	$(BIN)/python tests/odd_files.py $(ARGS)

# Bytes that nobody wrote, for ten minutes, `make fuzz ARGS="--seconds 30"` for less.
fuzz: $(TEST_READY)
	@$(BIN)/pip install -qq --disable-pip-version-check --constraint constraints.txt --group fuzz
	$(BIN)/python tests/fuzz.py $(ARGS)

# `make benchmark-NAME` runs tests/benchmarks/NAME.py, `make benchmark-index ARGS="--segments 100000"` with options of its
# own: on a quiet machine.
benchmark-%: $(BENCH_READY)
	$(BIN)/python tests/benchmarks/$*.py $(ARGS)

# The page of commands, from what `--help` prints; a test holds it up to date.
docs: $(READY)
	$(BIN)/python -m tests.commands_page

# The pictures of the page in the README, of the demo sounds.
pictures: $(TEST_READY) chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.ui.browser.pictures data/pictures

format: $(TEST_READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist soundgrep.egg-info
