# The verbs of everyday work; `just` lists them. None is needed: each line can be typed.

bin := ".venv/bin"

_list:
    @just --list

# Make the environment, everything included
setup:
    python3 -m venv .venv
    {{bin}}/pip install --require-hashes -r requirements/dev.txt
    {{bin}}/pip install --no-deps -e .
    npm ci --prefix tests/oracles
    npm ci --prefix tests/peers
    python3 -m venv tests/oracles/http/.venv
    tests/oracles/http/.venv/bin/pip install --require-hashes -r requirements/oracles.txt
    python3 -m venv tests/deploy/.venv
    tests/deploy/.venv/bin/pip install --require-hashes -r requirements/deploy.txt

# What must hold before a change goes in, in the environment that is there; .ci/run makes a new one
check:
    {{bin}}/ruff format --check
    {{bin}}/ruff check
    {{bin}}/mypy
    {{bin}}/lint-imports
    {{bin}}/python -m pytest -n 3 --dist worksteal

# Run the tests, or some: just test tests/domain -k segments
test *arguments:
    {{bin}}/python -m pytest {{arguments}}

# Put right what can be put right by machine
fix:
    {{bin}}/ruff check --fix
    {{bin}}/ruff format

# Measure, on a machine that does nothing else
bench *arguments:
    {{bin}}/python bench/report.py {{arguments}}

# Write the generated parts of the docs anew
docs:
    {{bin}}/python docs/generate.py

# Take the pictures of the README and of the page on the dashboard anew; wants Chromium
pictures *names:
    {{bin}}/python docs/pictures.py {{names}}

# Each law with a thousand examples in place of forty
laws:
    HYPOTHESIS_PROFILE=long {{bin}}/python -m pytest tests/domain tests/conformance

# The tests that take minutes: killed processes in the long form, long simulations
simulate:
    {{bin}}/python -m pytest -m slow

# A million mutated callbacks over all carriers; INBOUND_FUZZ_SEED=… plays a run again
fuzz-inbound:
    {{bin}}/python -m pytest -m slow -s tests/receipts/test_inbound_fuzz.py

# Ten minutes of chance at the server's door: pipelines, cuts, junk, clients that break off
door:
    {{bin}}/python -m pytest -m slow -s tests/faults/test_door_fuzz.py

# Carriers against mocks of their vendors' own API descriptions; brings some 400 packages
openapi:
    npm ci --prefix tests/oracles/openapi
    {{bin}}/python -m pytest -m slow tests/oracles/openapi

# Resolve the locks anew; wants uv
lock:
    just _lock runtime pyproject.toml
    just _lock postgres-local pyproject.toml --extra postgres-local -c requirements/runtime.txt
    just _lock dev pyproject.toml --group dev
    just _lock build --group build
    just _lock oracles --group oracles
    just _lock deploy --group deploy

_lock name *from:
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --exclude-newer "$(date -u -d '7 days ago' +%F)" {{from}} -o requirements/{{name}}.txt
