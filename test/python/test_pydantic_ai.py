import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from proxied_run import INCOMPLETE, STEERING, Run, Used, of_block
from pydantic_ai import Agent


def of_run(usage) -> Used:
    """Pydantic AI sums the calls of a run; reasoning is among its details."""
    return Used(
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.cache_read_tokens,
        usage.details.get("reasoning_tokens", 0),
    )


@pytest.mark.parametrize("model", ["openai-chat:gpt-5-mini", "openai-responses:gpt-5-mini"])
def test_runs(run: Run, model: str) -> None:
    names = run.example("pydantic-ai")
    settings = {"extra_headers": names["named"]["extra_headers"] | STEERING}
    agent = Agent(model, instructions="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"Sunny in {city}."

    async def calls() -> list:
        plain = await agent.run("What is the weather?", model_settings=settings)
        async with agent.run_stream("What is the weather?", model_settings=settings) as streamed:
            await streamed.get_output()
        incomplete = {"extra_headers": settings["extra_headers"] | INCOMPLETE}
        cut_short = await Agent(model).run("Hello", model_settings=incomplete)
        return [plain.usage, streamed.usage, cut_short.usage]

    told = [names["result"].usage, *asyncio.run(calls())]
    usage = run.metertap.run(run.id)["usage"]
    assert usage["requests"] == sum(each.requests for each in told) == 6
    assert usage["tool_calls"] == sum(each.tool_calls for each in told) == 2
    assert of_block(usage) == sum((of_run(each) for each in told), Used(0, 0, 0, 0, 0))


def test_the_run_id_that_it_makes_itself(run: Run) -> None:
    result = run.example("pydantic-ai-automatic")["result"]
    run.of(result.run_id).must_be([of_run(result.usage)])


@pytest.fixture
def _instrumented() -> Iterator[None]:
    yield
    HTTPX2ClientInstrumentor().uninstrument()
    Agent.instrument_all(False)


@pytest.mark.usefixtures("_instrumented")
def test_the_baggage_of_opentelemetry(run: Run) -> None:
    result = run.example("pydantic-ai-opentelemetry")["result"]
    run.of(result.run_id).must_be([of_run(result.usage)])
    entry = run.metertap.run(result.run_id)["usage"]["request_usage_entries"][0]
    assert entry["agent"] == "greeter"
