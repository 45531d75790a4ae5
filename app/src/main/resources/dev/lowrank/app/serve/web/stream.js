// What the server is asked, and the stream of its answers.

export class Refusal extends Error {
  constructor(status, error) {
    super(error.message ?? `The server answered with status ${status}.`);
    this.status = status;
    this.parameter = error.param ?? null;
  }
}

function headers(key) {
  return key ? {"Content-Type": "application/json", Authorization: `Bearer ${key}`} : {"Content-Type": "application/json"};
}

async function refusal(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // No JSON: the status says it all.
  }
  return new Refusal(response.status, error);
}

export async function models(key) {
  const response = await fetch("v1/models", {headers: headers(key)});
  if (!response.ok) {
    throw await refusal(response);
  }
  return (await response.json()).data;
}

// Each document of a stream of server-sent events. A line may come in pieces, and so may a letter.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {done, value} = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data === "[DONE]") {
        return;
      }
      if (data) {
        yield JSON.parse(data);
      }
    }
    if (done) {
      throw new Error("The answer broke off.");
    }
  }
}

async function* answer(path, body, key, signal) {
  const response = await fetch(path, {
    method: "POST",
    headers: headers(key),
    body: JSON.stringify({...body, stream: true, stream_options: {include_usage: true}}),
    signal,
  });
  if (!response.ok) {
    throw await refusal(response);
  }
  for await (const event of events(response)) {
    if (event.error) {
      throw new Refusal(response.status, event.error);
    }
    const choice = event.choices?.[0];
    yield {
      text: choice?.delta?.content ?? choice?.text ?? "",
      reason: choice?.finish_reason ?? null,
      usage: event.usage ?? null,
      timings: event.timings ?? null,
    };
  }
}

// Models that cannot talk, which the server says once: they continue texts.
const writers = new Set();

export const onlyContinues = (model) => writers.has(model);

// A conversation goes to the chat endpoint; a model without a chat template continues its last text.
export async function* talk(model, messages, settings, key, signal) {
  const common = {model, temperature: settings.temperature, max_tokens: settings.tokens};
  if (!writers.has(model)) {
    try {
      yield* answer("v1/chat/completions", {...common, messages}, key, signal);
      return;
    } catch (failure) {
      if (!(failure instanceof Refusal) || failure.status !== 400 || failure.parameter !== "model") {
        throw failure;
      }
      writers.add(model);
    }
  }
  yield* answer("v1/completions", {...common, prompt: messages.at(-1).content}, key, signal);
}
