"""A simulator and a proxy for all tests, and for each test a run of its own."""

import os
import re
import tempfile
from collections.abc import Iterator

import pytest
from proxied_run import ADMIN_KEY, Metertap, Run, serving

# Nothing but the proxy is to be called: no prices from GitHub, no traces to LangSmith.
os.environ.update(
    OPENAI_API_KEY="sk-test-of-clients", LITELLM_LOCAL_MODEL_COST_MAP="True", LANGSMITH_TRACING="false"
)


@pytest.fixture(scope="session")
def metertap() -> Iterator[Metertap]:
    with tempfile.TemporaryDirectory(prefix="metertap-python-") as folder:
        with serving("simulate", "--port", "0", env={}) as simulator:
            settings = {
                "METERTAP_PORT": "0",
                "METERTAP_UPSTREAM_URL": simulator["base_url"],
                "METERTAP_DATA_DIR": folder,
                "METERTAP_ADMIN_KEY": ADMIN_KEY,
                "METERTAP_LOG_LEVEL": "error",
            }
            with serving("serve", env=settings) as proxy:
                yield Metertap(proxy["url"])


@pytest.fixture
def run(metertap: Metertap, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{metertap.url}/v1")
    name = f"{request.module.__name__}-{request.node.name}"
    return Run(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), metertap)
