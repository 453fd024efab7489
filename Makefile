# make demo: the window on the bundled session. make test: set-up and the whole suite. Both start from nothing.
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/installed
# The pictures of the tests are those of Mesa's software renderer, on an X server of their own.
PICTURES := LIBGL_ALWAYS_SOFTWARE=1 GALLIUM_DRIVER=llvmpipe QT_QPA_PLATFORM=xcb

.PHONY: setup demo test check quick-windows quick-rest static bench campaigns interop rebuild-demo clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt installer/linux.sh resources/system-libraries.txt
	@sh installer/linux.sh
	@touch $(READY)

demo: $(READY)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then exec $(BIN)/interpviz demo; fi; \
	echo "There is no display here, so every panel is drawn into shots/ instead."; \
	$(BIN)/interpviz demo --shots shots

static: $(READY)
	@$(BIN)/ruff format --check --quiet . || { echo "Run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

# One process, one vispy backend: the render tests (EGL, no window) and the rest (real windows) are two runs.
test: static
	@$(PICTURES) EGL_PLATFORM=surfaceless $(BIN)/pytest tests/render --no-xvfb
	@$(PICTURES) $(BIN)/pytest tests --ignore=tests/render

# Linters, windows and the rest side by side: no core is idle.
check: $(READY)
	@$(MAKE) --no-print-directory -j3 static quick-windows quick-rest

quick-windows: $(READY)
	@$(PICTURES) EGL_PLATFORM=surfaceless $(BIN)/pytest tests/render --no-xvfb -m "not slow"
	@$(PICTURES) $(BIN)/pytest tests/ui tests/app -m "not slow"

quick-rest: $(READY)
	@$(PICTURES) $(BIN)/pytest tests --ignore=tests/render --ignore=tests/ui --ignore=tests/app -m "not slow"

bench: $(READY)
	@$(BIN)/python -m tests.benchmarks

campaigns: $(READY)
	@$(BIN)/python -m tests.campaigns

# The field's own libraries, each in an environment of its own below build/: the one target that downloads.
interop: $(READY)
	@$(BIN)/python -m tests.interop

rebuild-demo: $(READY)
	@$(BIN)/python resources/demo/build.py

clean:
	rm -rf build dist shots .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find interpviz tests resources -name __pycache__ -type d -prune -exec rm -rf {} +
