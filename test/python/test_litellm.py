import litellm
from openai_wire import MESSAGES, WEATHER, of_chat, of_response
from proxied_run import FAILING, INCOMPLETE, STEERING, Run


def test_completion(run: Run) -> None:
    names = run.example("litellm-python")
    headers = names["named"]["extra_headers"] | STEERING
    chat = {"model": "openai/gpt-5-mini", "messages": MESSAGES, "extra_headers": headers}
    asked = [*litellm.completion(**chat, stream=True, stream_options={"include_usage": True})]
    not_asked = [*litellm.completion(**chat, stream=True)]
    assert not any(getattr(chunk, "usage", None) for chunk in not_asked)
    plain = litellm.completion(**chat)
    tools = litellm.completion(**chat, tools=[{"type": "function", "function": WEATHER}])
    assert tools.choices[0].message.tool_calls
    told = [names["answer"].usage, asked[-1].usage, None, plain.usage, tools.usage]
    run.must_be([usage and of_chat(usage) for usage in told])


def test_responses(run: Run) -> None:
    call = {"model": "openai/gpt-5-mini", "input": "Hello", "extra_headers": {"x-run-id": run.id} | STEERING}
    plain = litellm.responses(**call)
    streamed = [*litellm.responses(**call, stream=True)]
    tools = litellm.responses(**call, tools=[{"type": "function", "strict": True, **WEATHER}])
    incomplete = litellm.responses(**call | {"extra_headers": call["extra_headers"] | INCOMPLETE})
    run.must_be([of_response(answer.usage) for answer in (plain, streamed[-1].response, tools, incomplete)])


def test_a_retry_is_one_call_to_the_client_and_shown_by_the_run(run: Run) -> None:
    headers = {"x-run-id": run.id} | FAILING
    answer = litellm.completion(model="openai/gpt-5-mini", messages=MESSAGES, extra_headers=headers)
    run.must_be([of_chat(answer.usage)], failed=1, client_retries=1)
