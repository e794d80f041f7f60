import asyncio
import os
import subprocess
import sys

import pytest
from openai import AsyncOpenAI, OpenAI
from openai_wire import MESSAGES, WEATHER, of_chat, of_response
from proxied_run import FAILING, INCOMPLETE, STEERING, Run, Used, snippet

PROGRAM = """
from openai import OpenAI
print(OpenAI().responses.create(model="gpt-5-mini", input="Hello").usage.total_tokens)
"""


def test_chat(run: Run) -> None:
    names = run.example("openai-python")
    chat = {"model": "gpt-5-mini", "messages": MESSAGES, "extra_headers": names["named"]["extra_headers"] | STEERING}
    create = names["client"].chat.completions.create
    asked = list(create(**chat, stream=True, stream_options={"include_usage": True}))
    not_asked = list(create(**chat, stream=True))
    assert all(chunk.choices for chunk in not_asked), "a client that did not ask must not see the usage event"
    plain = create(**chat)
    tools = create(**chat, tools=[{"type": "function", "function": WEATHER}])
    assert tools.choices[0].message.tool_calls
    run.must_be(
        [of_response(names["answer"].usage), of_chat(asked[-1].usage), None, of_chat(plain.usage), of_chat(tools.usage)]
    )


def test_responses(run: Run) -> None:
    names = run.example("openai-python")
    response = {"model": "gpt-5-mini", "input": "Hello", "extra_headers": names["named"]["extra_headers"] | STEERING}
    create = names["client"].responses.create
    streamed = list(create(**response, stream=True))
    plain = create(**response)
    tools = create(**response, tools=[{"type": "function", "strict": True, **WEATHER}])
    assert "function_call" in [item.type for item in tools.output]
    incomplete = create(**response | {"extra_headers": response["extra_headers"] | INCOMPLETE})
    answers = [names["answer"], streamed[-1].response, plain, tools, incomplete]
    run.must_be([of_response(answer.usage) for answer in answers])


def test_async(run: Run) -> None:
    async def calls() -> list[Used]:
        client = AsyncOpenAI().with_options(default_headers={"x-run-id": run.id} | STEERING)
        plain = await client.responses.create(model="gpt-5-mini", input="Hello")
        asked = {"stream": True, "stream_options": {"include_usage": True}}
        stream = await client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES, **asked)
        chunks = [chunk async for chunk in stream]
        return [of_response(plain.usage), of_chat(chunks[-1].usage)]

    run.must_be(asyncio.run(calls()))


def test_a_retry_is_one_call_to_the_client_and_shown_by_the_run(run: Run) -> None:
    headers = {"x-run-id": run.id} | FAILING
    answer = OpenAI().responses.create(model="gpt-5-mini", input="Hello", extra_headers=headers)
    run.must_be([of_response(answer.usage)], failed=1, client_retries=1)


@pytest.mark.parametrize("name", ["any-sdk", "base-url"])
def test_the_environment_names_the_run(run: Run, name: str) -> None:
    script = f'{snippet(name)}\nexec "{sys.executable}" -c "$PROGRAM"'
    env = os.environ | {"RUN_ID": run.id, "PROGRAM": PROGRAM}
    shell = subprocess.run(["sh", "-euc", script], env=env, capture_output=True, text=True, check=True)
    usage = run.metertap.run(run.id)["usage"]
    assert (usage["requests"], usage["total_tokens"]) == (1, int(shell.stdout))
