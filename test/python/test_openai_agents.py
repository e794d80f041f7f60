import asyncio
from collections.abc import Iterator
from dataclasses import replace

import agents
import pytest
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, Runner, function_tool
from agents.tracing.processors import BackendSpanExporter
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from proxied_run import FAILING, INCOMPLETE, STEERING, Run, Used

MODELS = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}


@pytest.fixture(autouse=True)
def _fresh(run: Run) -> Iterator[None]:
    """The SDK keeps one client and one tracing set-up for the whole process; each test begins anew."""
    agents.set_default_openai_client(AsyncOpenAI())
    agents.set_tracing_disabled(False)
    agents.set_trace_processors([])
    yield
    agents.set_tracing_disabled(True)


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sunny in {city}."


def of_calls(result) -> list[Used]:
    """What the SDK says of each call of a run; its sums must be those of its entries."""
    usage = result.context_wrapper.usage
    entries = [of_one(entry) for entry in usage.request_usage_entries]
    assert usage.requests == len(entries)
    assert of_one(usage) == sum(entries, Used(0, 0, 0, 0, 0))
    return entries


def of_one(usage) -> Used:
    return Used(
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
    )


def with_headers(config: RunConfig, headers: dict[str, str], **settings) -> RunConfig:
    known = config.model_settings
    return replace(
        config, model_settings=replace(known, extra_headers={**known.extra_headers, **headers}, **settings)
    )


@pytest.mark.parametrize("api", MODELS)
def test_runs(run: Run, api: str) -> None:
    names = run.example("agents-python")
    config = with_headers(names["named"], STEERING)

    async def calls() -> list[Used]:
        model = MODELS[api]("gpt-5-mini", AsyncOpenAI())
        specialist = Agent(name="specialist", instructions="Be exact.", model=model, tools=[weather])
        greeter = Agent(name="greeter", instructions="Be brief.", model=model, handoffs=[specialist])
        plain = await Runner.run(greeter, "What is the weather?", run_config=config)
        assert plain.last_agent is specialist
        streamed = Runner.run_streamed(greeter, "What is the weather?", run_config=config)
        async for _ in streamed.stream_events():
            pass
        assert of_calls(streamed) == of_calls(plain)
        return of_calls(plain) + of_calls(streamed)

    run.must_be(of_calls(names["result"]) + asyncio.run(calls()))


def test_a_chat_stream_without_include_usage_shows_zero_and_is_counted(run: Run) -> None:
    names = run.example("agents-python")

    async def calls() -> list[Used | None]:
        agent = Agent(name="greeter", model=OpenAIChatCompletionsModel("gpt-5-mini", AsyncOpenAI()))
        plain = await Runner.run(agent, "Say hello.", run_config=names["named"])
        not_asking = with_headers(names["named"], {}, include_usage=None)
        streamed = Runner.run_streamed(agent, "Say hello.", run_config=not_asking)
        async for _ in streamed.stream_events():
            pass
        assert streamed.context_wrapper.usage.total_tokens == 0
        return [*of_calls(plain), None]

    run.must_be(of_calls(names["result"]) + asyncio.run(calls()))


def test_an_incomplete_response_is_billed_and_not_counted_by_the_sdk(run: Run) -> None:
    names = run.example("agents-python")

    async def stream() -> int:
        agent = Agent(name="greeter", model=OpenAIResponsesModel("gpt-5-mini", AsyncOpenAI()))
        config = with_headers(names["named"], INCOMPLETE)
        streamed = Runner.run_streamed(agent, "Say hello.", run_config=config)
        with pytest.raises(Exception, match="incomplete"):
            async for _ in streamed.stream_events():
                pass
        return streamed.context_wrapper.usage.total_tokens

    assert asyncio.run(stream()) == 0
    run.must_be([*of_calls(names["result"]), None])


def test_a_retry_is_one_call_to_the_client_and_shown_by_the_run(run: Run) -> None:
    settings = agents.ModelSettings(extra_headers={"x-run-id": run.id} | FAILING)
    agent = Agent(name="greeter", model="gpt-5-mini", model_settings=settings)
    run.must_be(of_calls(Runner.run_sync(agent, "Say hello.")), failed=1, client_retries=1)


def test_a_trace_is_a_run(run: Run) -> None:
    name_the_run = run.example("agents-python-automatic")["name_the_run"]

    async def calls() -> tuple[str, list[Used]]:
        hooked = agents_client(name_the_run)
        specialist = Agent(name="specialist", model=OpenAIChatCompletionsModel("gpt-5-mini", hooked))
        tool = specialist.as_tool(tool_name="specialist", tool_description="Knows.")
        greeter = Agent(name="greeter", model=OpenAIResponsesModel("gpt-5-mini", hooked), tools=[tool])
        with agents.trace("one trace, two agents") as trace:
            result = await Runner.run(greeter, "Say hello.")
        return trace.trace_id, of_calls(result)

    trace_id, told = asyncio.run(calls())
    assert len(told) == 3
    usage = run.metertap.run(trace_id)["usage"]
    assert usage["requests"] == 3
    assert usage["total_tokens"] == sum(call.total for call in told)


def agents_client(hook) -> AsyncOpenAI:
    return AsyncOpenAI(http_client=DefaultAsyncHttpx2Client(event_hooks={"request": [hook]}))


def test_use_for_tracing_does_not_keep_the_key_from_the_exporter(run: Run) -> None:
    agents.set_default_openai_client(AsyncOpenAI(), use_for_tracing=False)
    assert BackendSpanExporter().api_key == "sk-test-of-clients"
