// Uses a server as applications do, through three npm packages: openai, @langchain/openai and
// @ai-sdk/openai-compatible (with ai). A wrong answer ends it with an assertion.
//
//   node clients.mjs URL KEY MODEL
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const [url, key, model] = process.argv.slice(2);
const messages = [
  { role: "system", content: "Write Python." },
  { role: "user", content: "read a file" },
];

const openai = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 });
const whole = await openai.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12 });
const text = whole.choices[0].message.content;
assert.equal(whole.choices[0].finish_reason, "length");
assert.equal(whole.usage.completion_tokens, 12);

let streamed = "";
const stream = await openai.chat.completions.create({ model, messages, temperature: 0, max_tokens: 12, stream: true });
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
}
assert.equal(streamed, text);
await assert.rejects(
  openai.chat.completions.create({ model, messages, max_tokens: 100000 }),
  (error) => error.status === 400 && error.code === "context_length_exceeded",
);
await assert.rejects(openai.models.retrieve("other"), (error) => error.status === 404);

const chat = new ChatOpenAI({
  model,
  apiKey: key,
  temperature: 0,
  maxTokens: 12,
  maxRetries: 0,
  configuration: { baseURL: url },
});
assert.equal((await chat.invoke(messages)).content, text);
let pieces = "";
for await (const piece of await chat.stream(messages)) {
  pieces += piece.content;
}
assert.equal(pieces, text);

const provider = createOpenAICompatible({ name: "lowrank", baseURL: url, apiKey: key, includeUsage: true });
const asked = {
  model: provider(model),
  system: "Write Python.",
  prompt: "read a file",
  temperature: 0,
  maxOutputTokens: 12,
  maxRetries: 0,
};
const made = await generateText(asked);
assert.equal(made.text, text);
assert.equal(made.usage.outputTokens, 12);
let parts = "";
for await (const part of streamText(asked).textStream) {
  parts += part;
}
assert.equal(parts, text);

console.log(JSON.stringify({ text }));
