// The official Node client against one model: does what each scene says, and prints what came of it
// as one JSON object, scene → {value} or {error}. Arguments: base URL, key, model, scenes.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, apiKey, model, ...scenes] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const says = (content) => ({ model, messages: [{ role: "user", content }] });
const Weather = z.object({ city: z.enum(["Paris", "Rome"]), degrees: z.number().int() });
const tool = {
  type: "function",
  function: {
    name: "weather",
    parameters: {
      type: "object",
      properties: { city: { enum: ["Paris", "Rome"] } },
      required: ["city"],
      additionalProperties: false,
    },
    strict: true,
  },
};

const once = { tool_choice: "required", parallel_tool_calls: false };

async function deltas(stream) {
  const parts = [];
  let usage = null;
  for await (const chunk of stream) {
    parts.push(chunk.choices[0]?.delta.content ?? "");
    usage = chunk.usage ?? usage;
  }
  return { text: parts.join(""), usage };
}

const play = {
  async chat() {
    const { data, response, request_id } = await client.chat.completions
      .create(says("hello"))
      .withResponse();
    return {
      text: data.choices[0].message.content,
      finish_reason: data.choices[0].finish_reason,
      usage: data.usage,
      policy: response.headers.get("x-guardtune-policy"),
      request_id,
    };
  },
  async stream() {
    const options = { stream: true, stream_options: { include_usage: true } };
    return deltas(await client.chat.completions.create({ ...says("hello"), ...options }));
  },
  async tools() {
    const asked = { ...says("What is the weather in Paris?"), tools: [tool] };
    const answer = await client.chat.completions.create({ ...asked, ...once });
    const message = answer.choices[0].message;
    const [call] = message.tool_calls;
    const result = { role: "tool", tool_call_id: call.id, content: "21 degrees" };
    const told = await client.chat.completions.create({
      ...asked,
      messages: [...asked.messages, message, result],
    });
    const { name, arguments: given } = call.function;
    return { name, arguments: given, told: told.choices[0].message.content };
  },
  async streamed_tools() {
    const asked = { ...says("Weather in Rome?"), tools: [tool], ...once };
    const stream = client.chat.completions.stream(asked);
    const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    return { name: call.function.name, arguments: call.function.arguments };
  },
  async structured() {
    const response_format = zodResponseFormat(Weather, "weather");
    const asked = { ...says("The weather in Paris."), response_format, max_tokens: 40 };
    const whole = await client.chat.completions.parse(asked);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    return [whole, streamed].map((answer) => answer.choices[0].message.parsed);
  },
  async no_messages() {
    return client.chat.completions.create({ model, messages: [] });
  },
  async no_model() {
    return client.chat.completions.create({ ...says("hello"), model: `${model}x` });
  },
  async wrong_key() {
    return client.withOptions({ apiKey: "sk-other" }).models.list();
  },
  async busy() {
    return client.chat.completions.create(says("status 429"));
  },
  async broken() {
    return deltas(await client.chat.completions.create({ ...says("break"), stream: true }));
  },
  async timeout() {
    return client.chat.completions.create(says("wait"), { timeout: 300 });
  },
  async abort() {
    const controller = new AbortController();
    const options = { signal: controller.signal };
    setTimeout(() => controller.abort(), 300);
    return client.chat.completions.create(says("wait"), options);
  },
  async abort_stream() {
    const asked = { ...says("hold"), stream: true, max_tokens: 400 };
    const stream = await client.chat.completions.create(asked);
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    return stream.controller.signal.aborted;
  },
  async others() {
    const completion = await client.completions.create({ model, prompt: "a" });
    const response = await client.responses.create({ model, input: "a" });
    const streamed = await client.responses.stream({ model, input: "a" }).finalResponse();
    const vectors = await client.embeddings.create({
      model,
      input: "a",
      encoding_format: "float",
    });
    return {
      completion: completion.choices[0].text,
      response: response.output_text,
      streamed: streamed.output_text,
      embedding: vectors.data[0].embedding,
    };
  },
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    return names;
  },
};

const outcomes = {};
for (const scene of scenes) {
  try {
    outcomes[scene] = { value: await play[scene]() };
  } catch (error) {
    const { status, code, param, message, requestID } = error;
    outcomes[scene] = {
      error: { name: error.constructor.name, status, code, param, message, requestID },
    };
  }
}
process.stdout.write(JSON.stringify(outcomes));
