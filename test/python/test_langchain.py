import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from proxied_run import FAILING, INCOMPLETE, STEERING, Run, Used


def of_message(message) -> Used | None:
    usage = message.usage_metadata
    if usage is None:
        return None
    return Used(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["total_tokens"],
        usage["input_token_details"]["cache_read"],
        usage["output_token_details"]["reasoning"],
    )


def streamed(model: ChatOpenAI, prompt: str):
    chunks = iter(model.stream(prompt))
    whole = next(chunks)
    for chunk in chunks:
        whole += chunk
    return whole


def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sunny in {city}."


@pytest.mark.parametrize("use_responses_api", [False, True])
def test_calls(run: Run, use_responses_api: bool) -> None:
    names = run.example("langchain-python")
    settings = {
        "model": "gpt-5-mini",
        "use_responses_api": use_responses_api,
        "default_headers": names["named"]["default_headers"] | STEERING,
    }
    model = ChatOpenAI(**settings, stream_usage=True)
    plain = model.invoke("Say hello.")
    stream = streamed(model, "Say hello.")
    question = HumanMessage("What is the weather?")
    asking = model.bind_tools([weather]).invoke([question])
    results = [ToolMessage(weather(**call["args"]), tool_call_id=call["id"]) for call in asking.tool_calls]
    assert results
    told = model.bind_tools([weather]).invoke([question, asking, *results])
    run.must_be([of_message(message) for message in (names["answer"], plain, stream, asking, told)])


def test_a_chat_stream_without_stream_usage_shows_none_and_is_counted(run: Run) -> None:
    model = ChatOpenAI(model="gpt-5-mini", default_headers={"x-run-id": run.id} | STEERING)
    plain = of_message(model.invoke("Say hello."))
    assert of_message(streamed(model, "Say hello.")) is None
    run.must_be([plain, None])


def test_one_call_can_be_named(run: Run) -> None:
    model = ChatOpenAI(model="gpt-5-mini", stream_usage=True)
    named = {"extra_headers": {"x-run-id": run.id} | STEERING}
    plain = of_message(model.invoke("Say hello.", **named))
    *_, last = model.stream("Say hello.", **named)
    assert plain is not None
    run.must_be([plain, None])


def test_an_incomplete_response_is_counted(run: Run) -> None:
    headers = {"x-run-id": run.id} | INCOMPLETE
    model = ChatOpenAI(model="gpt-5-mini", use_responses_api=True, default_headers=headers)
    run.must_be([of_message(model.invoke("Say hello."))])


def test_a_retry_is_one_call_to_the_client_and_shown_by_the_run(run: Run) -> None:
    model = ChatOpenAI(model="gpt-5-mini", default_headers={"x-run-id": run.id} | FAILING)
    run.must_be([of_message(model.invoke("Say hello."))], failed=1, client_retries=1)
