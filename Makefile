# make demo   shows the product at work on this machine, then ends
# make test   sets up what is missing and passes every test
# make help   lists the rest

SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
AZURITE := local_run/azurite/node_modules
HOST ?= builtin

.PHONY: help setup browser test soak check format demo run doctor screenshots lock tables licences package clean bench

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready $(AZURITE)/.ready ## everything that running and testing needs

# A half-made environment never carries the mark, so the next call makes it anew.
$(VENV)/.ready: requirements.txt requirements-dev.txt local_run/find_python.sh
	@python=$$(PYTHON='$(PYTHON)' local_run/find_python.sh) || exit 1; \
	echo "set-up: Python packages into $(VENV), with $$python"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV) \
	&& $(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt >$(VENV)/install.log 2>&1 \
	|| { cat $(VENV)/install.log >&2; echo "The Python packages could not be installed: see above (no network? a proxy? pip's settings?)." >&2; exit 1; }
	@touch $@

$(AZURITE)/.ready: local_run/azurite/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null \
	|| { echo "Node 20 or newer with npm is needed, for Azurite. Debian, Ubuntu: apt-get install nodejs npm." >&2; exit 1; }
	@node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' \
	|| { echo "Node 20 or newer is needed; 'node --version' says $$(node --version)." >&2; exit 1; }
	@echo "set-up: Azurite into $(AZURITE)"
	@npm ci --prefix local_run/azurite --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null \
	|| { echo "Azurite could not be installed: see the message above (no network? a proxy? npm's settings?)." >&2; exit 1; }
	@touch $@

# The page is tested in a real browser. Debian's and Ubuntu's own package will do, and it is asked for only when there is none.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| command -v google-chrome-stable >/dev/null \
	|| { echo "set-up: Chromium, for the tests of the page"; \
	     command -v apt-get >/dev/null && { apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 \
	     || { apt-get update >/dev/null 2>&1 && apt-get install -y --no-install-recommends chromium >/dev/null 2>&1; }; }; } \
	|| { echo "Chromium or Google Chrome is needed, for the tests of the page, and could not be installed (not Debian or Ubuntu? not root? no network?). Install it by hand: sudo apt-get install -y chromium." >&2; exit 1; }

test: setup browser check ## every check and every test
	$(PY) -m pytest -n 2 --dist loadfile

check: $(VENV)/.ready ## ruff and mypy, strict, over everything
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

soak: setup ## the same promises for hours: kills in thousands of changes, 2,000 examples of misfortune, 1,000 odd requests a route
	$(PY) -m tests.reliability.soak $(if $(SEED),--seed $(SEED))
	PHOTOSYNC_EXAMPLES=2000 PHOTOSYNC_STEPS=80 $(PY) -m pytest -o timeout=0 tests/whole/test_state_machine.py
	@SEED=$(or $(SEED),$$(shuf -i 1-999999 -n 1)) && echo "requests that nobody wrote: seed $$SEED" \
	&& PHOTOSYNC_CASES=1000 PHOTOSYNC_SEED=$$SEED $(PY) -m pytest -o timeout=0 tests/openapi/test_fuzz.py

bench: setup ## measure, and write docs/benchmarks.md; ONLY=webhook measures one anew
	@$(PY) -m benchmarks $(if $(ONLY),--only $(ONLY))

format: $(VENV)/.ready ## put the code into its one format
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

demo: setup ## the product at work, as a told story
	@$(PY) -m local_run.demo

run: setup ## the local stack in the foreground; HOST=func takes Azure Functions Core Tools
	@$(PY) -m local_run --host $(HOST)

# Asks for nothing but the Python packages, since it may be all that still works. The key is never an argument.
doctor: $(VENV)/.ready ## checks everything, of the local stack or of URL=https://…; PROBE=write and OUTPUT=json if you like
	@$(PY) -m local_run.doctor $(if $(URL),--url '$(URL)') $(if $(PROBE),--probe '$(PROBE)') $(if $(OUTPUT),--output '$(OUTPUT)')

screenshots: setup browser ## pictures of the page for the documentation, into docs/
	@$(PY) -m local_run.screenshots

PIN := $(VENV)/bin/pip-compile --quiet --no-header --no-emit-index-url --no-emit-find-links --strip-extras
lock: $(VENV)/.ready ## pin the newest allowed versions of all dependencies
	$(PIN) --upgrade requirements.in
	$(PIN) --upgrade requirements-dev.in
	npm install --prefix local_run/azurite --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

tables: $(VENV)/.ready ## write what README and docs take from the code anew
	$(PY) -m local_run.generated_docs

licences: $(VENV)/.ready ## write docs/licences.md anew from the deployed packages
	$(PY) -m local_run.licences

package: $(VENV)/.ready ## what is deployed, as .local/app.zip
	@mkdir -p .local && $(PY) -m local_run.package .local/app.zip

clean: ## remove what set-up and runs have made
	rm -rf $(VENV) $(AZURITE) .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
