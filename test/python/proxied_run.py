"""What the tests of the Python clients share: the examples of docs/clients.md, the proxy, and the run looked at."""

import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
NODE = REPOSITORY / "node_modules/.bin/node"
ADMIN_KEY = "admin-key-of-the-python-tests"
MARKED_FENCE = re.compile(r"<!-- test: ([a-z-]+) -->\n```([a-z]+)\n(.*?\n)```", re.DOTALL)

#: What calls ask the simulator for, so that cached and reasoning tokens are not all zero.
STEERING = {"x-sim-cached-tokens": "4", "x-sim-reasoning-tokens": "3"}
#: The simulator fails until the client says that it retries.
FAILING = {"x-sim-status": "503", "x-sim-status-attempts": "1", "x-sim-retry-after-ms": "1"}
INCOMPLETE = {"x-sim-responses-end": "incomplete"}


def snippet(name: str) -> str:
    """The example of docs/clients.md of that name."""
    page = (REPOSITORY / "docs/clients.md").read_text()
    return {found: code for found, _, code in MARKED_FENCE.findall(page)}[name]


@dataclass(frozen=True)
class Used:
    """The usage of one call, or of several together, as a client tells it or the run does."""

    input: int
    output: int
    total: int
    cached: int
    reasoning: int

    def __add__(self, other: "Used") -> "Used":
        return Used(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


NOTHING = Used(0, 0, 0, 0, 0)


def of_block(block: dict[str, Any]) -> Used:
    """A usage block of the management API: a run's, or an entry's."""
    return Used(
        block["input_tokens"],
        block["output_tokens"],
        block["total_tokens"],
        block["input_tokens_details"]["cached_tokens"],
        block["output_tokens_details"]["reasoning_tokens"],
    )


@dataclass(frozen=True)
class Metertap:
    """A proxy that runs."""

    url: str

    def ask(self, path: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", headers=headers)) as answer:
            return json.load(answer)

    def run(self, run_id: str) -> dict[str, Any]:
        """The run, once none of its calls is open any more."""
        deadline = time.monotonic() + 10
        while True:
            found = self.ask(f"/api/v1/runs/{urllib.parse.quote(run_id, safe='')}")
            if found["in_flight"] == 0:
                return found
            assert time.monotonic() < deadline, f"calls of {run_id} are still open after 10 s"
            time.sleep(0.02)


@dataclass(frozen=True)
class Run:
    """A run that a test makes; `of` looks at another one in the same way."""

    id: str
    metertap: Metertap

    def of(self, run_id: str) -> "Run":
        return Run(run_id, self.metertap)

    def example(self, name: str) -> dict[str, Any]:
        """Runs the example of docs/clients.md with this run's id, and gives the names that it has defined."""
        os.environ["RUN_ID"] = self.id
        names: dict[str, Any] = {"__name__": "example"}
        exec(compile(snippet(name), f"docs/clients.md: {name}", "exec"), names)
        return names

    def must_be(self, calls: list[Used | None], *, failed: int = 0, client_retries: int = 0) -> None:
        """Compares the run with what the client said of each call. None: it shows nothing, and the call is the one
        before once more, so that the run must count the same."""
        run = self.metertap.run(self.id)
        usage = run["usage"]
        entries = [of_block(entry) for entry in usage["request_usage_entries"] if entry["total_tokens"]]
        told = [calls[index - 1] if call is None else call for index, call in enumerate(calls)]
        assert entries == told
        assert usage["requests"] == len(calls)
        assert of_block(usage) == sum(told, NOTHING)
        assert run["not_counted"] == {
            "missing_usage": 0,
            "estimated": 0,
            "failed": failed,
            "client_retries": client_retries,
        }


class serving:
    """A command of Metertap that serves until the end of the block; gives the JSON that it greets with."""

    def __init__(self, *args: str, env: dict[str, str]) -> None:
        command = [str(NODE), "src/main.ts", *args, "--json"]
        environment = {"PATH": os.environ["PATH"], **env}
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        greeting = self.process.stdout.readline()
        assert greeting, f"{self.process.args} has ended with {self.process.wait()}"
        return json.loads(greeting)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)
