"""OpenAI's SDK for Python. Told where the gateway is and the client's key, and nothing else."""

import os
import sys

import openai

from signals import more, seen

client = openai.OpenAI(
    api_key=os.environ["API_KEY"],
    base_url=os.environ["BASE_URL"],
    # A second try would hide a failed call.
    max_retries=0,
)
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Grüß Gott"}]}


def calls():
    print("models", *(model.id for model in client.models.list()))
    raw = client.chat.completions.with_raw_response.create(**QUESTION)
    completion = raw.parse()
    print("completion", completion.choices[0].message.content, completion.usage.total_tokens)
    print("proxy-status", raw.headers["proxy-status"])
    print(completion, raw.headers, raw.text)


def stream():
    for number, chunk in enumerate(client.chat.completions.create(**QUESTION, stream=True)):
        choice = chunk.choices[0]
        print("event", choice.delta.content, choice.finish_reason, flush=True)
        seen(number)


def series():
    count = 0
    while more():
        assert client.chat.completions.create(**QUESTION).choices[0].finish_reason == "stop"
        count += 1
    print("calls", count)


def denied():
    try:
        client.models.list()
    except openai.AuthenticationError as error:
        print(type(error).__name__, error.status_code, error.response.headers["proxy-status"])
        print(repr(error), error.code, error.body, error.response.headers)


{"calls": calls, "stream": stream, "series": series, "denied": denied}[sys.argv[1]]()
