"""A FOCUS file of calls of every kind, checked by the validator of the FinOps Foundation.

Checked are the rules for FOCUS 1.2 that come with the validator (model 1.2.0.1), with all applicability criteria that
hold for Metertap; nothing is downloaded. It comes with no rules for 1.4, so a file of 1.4 is checked by our own tests
only (test/e2e/exports.test.ts, test/repo/exports-docs.test.ts)."""

import http.client
import importlib.util
import json
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from focus_validator.validator import Validator
from proxied_run import ADMIN_KEY, serving

CRITERIA = [
    "ACCOUNT_NAMING_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
]
#: One of the two ways to satisfy InvoiceId-C-003-C, which passes by the other one: InvoiceId is null, because Metertap
#: knows no invoices. The validator counts the way not taken as a failure, whichever it is.
NOT_TAKEN = {"InvoiceId-C-005-C"}
#: Columns whose rules the validator has to have run, or it has checked nothing.
RUN = ["BilledCost", "ChargePeriodStart", "ConsumedQuantity", "ListUnitPrice", "PricingQuantity", "SkuPriceId", "Tags"]

CONFIG = """
upstreams:
  - {{ name: own-audio, base_url: "{audio}", api_key: sk-upstream, models: ["audio-*"] }}
  - {{ name: openai, base_url: "{simulator}", api_key: sk-upstream, models: ["*"] }}
prices:
{other_prices}  - {{ provider: own-audio, model: "audio-*", input_per_mtok: "2.5", cache_write_per_mtok: "3", input_audio_per_mtok: "32", cached_audio_per_mtok: "0.4",
      output_per_mtok: "10", output_audio_per_mtok: "64", per_request_usd: "0.001", per_audio_hour_usd: "0.37",
      per_thousand_web_searches_usd: "10" }}
keys:
  - {{ id: r1, team: research, key: key-of-research-0001, labels: {{ cost_center: "4711" }} }}
"""
NEW_PRICES = """  - { provider: openai, model: gpt-5-mini, input_per_mtok: "0.1", output_per_mtok: "5" }
  - { provider: openai, model: no-price-model, input_per_mtok: "1", output_per_mtok: "2" }
"""
CHAT = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM = {**CHAT, "stream": True}
CALLS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (CHAT, {"x-metertap-run-id": "nightly", "x-metertap-tags": "project=apollo,stage=test"}),
    (CHAT, {"x-sim-input-tokens": "1234567", "x-sim-cached-tokens": "1000001"}),
    (CHAT, {"x-sim-input-tokens": "900", "x-sim-cache-write-tokens": "77", "x-sim-reasoning-tokens": "3"}),
    ({**CHAT, "service_tier": "flex"}, {"x-metertap-agent": "=cmd"}),
    (STREAM, {"x-sim-tool-calls": "2"}),
    (STREAM, {"x-sim-no-usage": "1"}),
    (STREAM, {"x-sim-cut-after": "2"}),
    (CHAT, {"x-sim-status": "500"}),
    ({**CHAT, "model": "no-price-model"}, {"x-sim-any-model": "1"}),
    ({**CHAT, "model": "audio-1"}, {}),
]
AUDIO_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "seconds": 12.5,
    "web_search_requests": 2,
    "prompt_tokens_details": {
        "audio_tokens": 60,
        "cached_tokens": 20,
        "cache_write_tokens": 5,
        "cached_tokens_details": {"audio_tokens": 10},
    },
    "completion_tokens_details": {"audio_tokens": 40},
}


class AudioUpstream(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "audio-1", "choices": [], "usage": AUDIO_USAGE}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def audio_upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), AudioUpstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, key: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    all_headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})}
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=all_headers)) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def focus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("metertap")
    with audio_upstream() as audio, serving("simulate", "--port", "0", env={}) as simulator:

        def configure(other_prices: str) -> None:
            text = CONFIG.format(audio=audio, simulator=simulator["base_url"], other_prices=other_prices)
            (folder / "metertap.yaml").write_text(text)

        configure("")
        settings = {
            "METERTAP_CONFIG": str(folder / "metertap.yaml"),
            "METERTAP_PORT": "0",
            "METERTAP_DATA_DIR": str(folder / "data"),
            "METERTAP_ADMIN_KEY": ADMIN_KEY,
            "METERTAP_LOG_LEVEL": "error",
        }
        with serving("serve", env=settings) as proxy:
            failed = []
            for body, headers in CALLS:
                try:
                    ask(f"{proxy['url']}/v1/chat/completions", "key-of-research-0001", body, headers)
                except (urllib.error.HTTPError, http.client.HTTPException, OSError):
                    failed.append(headers)
            assert failed == [{"x-sim-cut-after": "2"}, {"x-sim-status": "500"}]
        configure(NEW_PRICES)
        with serving("serve", env=settings) as proxy:  # a stop has settled every call
            order = {"start_time": "2020-01-01", "end_time": "2029-01-01", "reason": "new prices"}
            corrected = json.loads(ask(f"{proxy['url']}/api/v1/reprice", ADMIN_KEY, order))["corrected"]
            assert corrected > 4
        with sqlite3.connect(folder / "data" / "metertap.db") as ledger:  # as if the month of some had been closed before
            ledger.execute("UPDATE corrections SET period = '2029-02' WHERE rowid <= 2")
        with serving("serve", env=settings) as proxy:
            (folder / "focus.csv").write_bytes(ask(f"{proxy['url']}/api/v1/export?format=focus", ADMIN_KEY))
    return folder / "focus.csv"


@pytest.fixture(scope="module")
def findings(focus_file: Path) -> dict[str, dict[str, Any]]:
    spec = importlib.util.find_spec("focus_validator")
    assert spec is not None and spec.origin is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(spec.origin).parents[1])  # it reads its list of currencies from below the current folder
        validator = Validator(
            data_filename=str(focus_file),
            output_type="console",
            output_destination=None,
            focus_dataset="CostAndUsage",
            rules_version="1.2",
            rules_block_remote_download=True,
            applicability_criteria=",".join(CRITERIA),
        )
        return validator.validate().by_rule_id


def test_no_rule_of_focus_1_2_fails(findings: dict[str, dict[str, Any]]) -> None:
    failed = {rule for rule, found in findings.items() if not found["ok"] and not found["details"].get("skipped")}
    assert failed == NOT_TAKEN
    assert findings["InvoiceId-C-003-C"]["ok"]


def test_the_rules_have_been_run(findings: dict[str, dict[str, Any]]) -> None:
    passed = {rule for rule, found in findings.items() if found["ok"] and not found["details"].get("skipped")}
    assert len(passed) > 200
    for column in RUN:
        assert any(rule.startswith(f"{column}-C-") for rule in passed), f"no rule of {column} was run"


def test_the_file_has_calls_of_every_kind(focus_file: Path) -> None:
    text = focus_file.read_text()
    for status in (",priced,", ",unpriced,", ",missing_usage,"):
        assert status in text
    for meter in ("Cached Input Tokens", "Cache Write Tokens", "Audio Input Tokens", "Audio Output Tokens"):
        assert f",{meter}," in text
    for kind in (",Usage,Correction,Correction of a cost: ", ",Adjustment,,Correction of a cost: "):
        assert kind in text
    for meter in ("Audio Duration", "Web Searches", "Requests"):
        assert f",{meter}," in text
