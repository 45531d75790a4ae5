"""Uses a server as an application does, through the official client.

    python openai_client.py URL KEY MODEL

Prints one JSON object with what came; a wrong answer ends it with an assertion. Checked with openai 2 and 3.
"""

import json
import sys

import openai


def main():
    url, key, model = sys.argv[1:]
    client = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
    messages = [{"role": "system", "content": "Write Python."}, {"role": "user", "content": "read a file"}]
    asked = dict(model=model, messages=messages, temperature=0, max_tokens=12)

    whole = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2)
    text = whole.choices[0].message.content
    assert whole.choices[0].finish_reason == "length", whole
    assert len(whole.choices[0].logprobs.content) == 12, whole

    pieces, usage = [], None
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        pieces += [choice.delta.content or "" for choice in chunk.choices]
        usage = chunk.usage or usage
    assert "".join(pieces) == text, (pieces, text)
    assert usage.completion_tokens == 12, usage

    plain = client.completions.create(model=model, prompt=["def add(a, b):", "import os\n"], max_tokens=4, n=2)
    assert [choice.index for choice in plain.choices] == [0, 1, 2, 3], plain

    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}
    bound = client.chat.completions.create(
        model=model, messages=messages, max_tokens=60, temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "number", "schema": schema}})
    if bound.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(bound.choices[0].message.content)["n"], int), bound

    errors = []
    for wrong in (dict(max_tokens=100_000), dict(model="other"), dict(temperature=-1)):
        try:
            client.chat.completions.create(**{**asked, **wrong})
        except openai.APIStatusError as refused:
            errors.append([refused.status_code, type(refused).__name__, refused.code])
    try:
        openai.OpenAI(base_url=url, api_key="another-key", max_retries=0).models.list()
    except openai.AuthenticationError as refused:
        errors.append([refused.status_code, type(refused).__name__, refused.code])

    print(json.dumps({"text": text, "models": [one.id for one in client.models.list()], "errors": errors}))


if __name__ == "__main__":
    main()
