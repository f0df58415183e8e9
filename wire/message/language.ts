import { utf8 } from '../bytes.ts';
import {
  array,
  boolean,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  optional,
  type Reader,
  record,
  text,
} from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export type LanguageInput =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'completion'; readonly prompt: string };

/** What an OpenAI style body asks for. Null: not said. */
export interface LanguageRequest {
  /** As the caller wrote it: the header's modelId decides (DESIGN section 4). */
  readonly model: string | null;
  readonly input: LanguageInput;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  /** As the caller wrote it: the worker takes the header's seed only (DESIGN section 4). */
  readonly seed: number | null;
}

/** OpenAI's published schema lets most fields be null as well as absent. */
function said<T>(reader: Reader<T>): Reader<T | null> {
  return optional(nullable(reader));
}

/** A field that is not offered, in the spellings that change nothing; any other is refused by the field's name. */
function neutral(...values: readonly (string | number | boolean)[]): Reader<null> {
  return said((value, path) => {
    if (!values.some((allowed) => Object.is(value, allowed))) throw notOffered(values, path);
    return null;
  });
}

const emptyList: Reader<null> = said((value, path) => {
  if (!Array.isArray(value) || value.length !== 0) throw notOffered([[]], path);
  return null;
});

const emptyObject: Reader<null> = said((value, path) => {
  if (typeof value !== 'object' || Array.isArray(value) || Object.keys(value as object).length !== 0) {
    throw notOffered([{}], path);
  }
  return null;
});

function notOffered(values: readonly unknown[], field: string): WireError {
  const allowed = ['null', ...values.map((value) => JSON.stringify(value))].join(' or ');
  return refusal(`not offered: may only be ${allowed}`, field);
}

function refusal(detail: string, field: string): WireError {
  return new WireError('field_invalid', detail, { field });
}

/** Names that callers give for their own books; they change no answer. */
const label: Reader<string | null> = said(text({ min: 0, max: 512 }));

/** With at most six decimals a number has one short decimal text, which the execution record binds. */
function fraction(accepts: (value: number) => boolean, range: string): Reader<number> {
  return (value, path) => {
    if (typeof value !== 'number' || Object.is(value, -0) || !accepts(value)) throw refusal(`must be ${range}`, path);
    if (!SIX_DECIMALS.test(String(value))) throw refusal('at most six decimals', path);
    return value;
  };
}

const SIX_DECIMALS = /^(?:0|[1-9][0-9]*)(?:\.[0-9]{1,6})?$/;

/** How a fraction of a request stands in the execution record (`Generation.temperature` and `topP`). */
export function decimalText(value: number): string {
  const decimal = String(value);
  if (Object.is(value, -0) || !SIX_DECIMALS.test(decimal)) {
    throw new WireError('field_invalid', `${decimal} is not a decimal number of at most six decimals`);
  }
  return decimal;
}

/** As many bytes as that many characters may have, which is what the execution record takes. */
const stopBytes = text({ min: 1, max: 4 * limits.stopCharacters });

const stopString: Reader<string> = (value, path) => {
  const stop = stopBytes(value, path);
  const characters = Array.from(stop).length;
  if (characters > limits.stopCharacters) {
    throw refusal(`${characters} characters where ${limits.stopCharacters} are allowed`, path);
  }
  return stop;
};

const stopList = array(stopString, { min: 0, max: limits.stopStrings });

const stopStrings: Reader<readonly string[]> = (value, path) =>
  typeof value === 'string' ? [stopString(value, path)] : stopList(value, path);

const tokenCount = integer({ min: 1, max: limits.generatedTokens });

/** The fields of both operations. What is read for its refusals alone comes after the blank line. */
const common = {
  model: said(text({ min: 1, max: 512 })),
  stream: said(boolean()),
  stream_options: said(object({ include_usage: said(boolean()), include_obfuscation: neutral(false) })),
  temperature: said(fraction((value) => value === 0 || (value >= 0.01 && value <= 2), '0, or 0.01 to 2')),
  top_p: said(fraction((value) => value > 0 && value <= 1, 'above 0 and at most 1')),
  max_tokens: said(tokenCount),
  stop: said(stopStrings),
  seed: said(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),

  n: neutral(1),
  frequency_penalty: neutral(0),
  presence_penalty: neutral(0),
  logit_bias: emptyObject,
  user: label,
};

const promptText = text({ min: 0, max: limits.promptBytes });

/** The kinds of a part that OpenAI's schema has beside text, named in the refusal. */
const otherParts: readonly unknown[] = ['image_url', 'input_audio', 'file', 'refusal'];

const partType: Reader<'text'> = (value, path) => {
  if (value === 'text') return value;
  throw refusal(otherParts.includes(value) ? `${String(value)} is not offered` : 'not offered: only text is', path);
};

const textPart = object({ type: partType, text: promptText });

const part: Reader<string> = (value, path) => {
  // Before the other fields: those of another type would be refused in its place.
  if (isObject(value) && 'type' in value) partType(value['type'], `${path}.type`);
  return textPart(value, path).text;
};

const parts = array(part, { min: 1, max: limits.languageValues });

/** Several parts of one message are paragraphs of it: so do the servers that models are tuned with read them. */
const content: Reader<string> = (value, path) =>
  Array.isArray(value) ? parts(value, path).join('\n') : promptText(value, path);

const anyRole = oneOf(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

const role: Reader<ChatMessage['role']> = (value, path) => {
  const given = anyRole(value, path);
  if (given === 'tool' || given === 'function') throw refusal(`messages of a ${given} are not offered`, path);
  // What OpenAI calls a newer model's system message.
  return given === 'developer' ? 'system' : given;
};

/** The fields after the blank line are those that an answer has, so that it can be sent back as it came. */
const messageFields = object({
  role,
  content,
  name: label,

  refusal: neutral(),
  annotations: emptyList,
  audio: neutral(),
  tool_calls: emptyList,
  function_call: neutral(),
});

const message: Reader<ChatMessage> = (value, path) => {
  // First, like the type of a part.
  if (isObject(value) && 'role' in value) role(value['role'], `${path}.role`);
  const fields = messageFields(value, path);
  return { role: fields.role, content: fields.content };
};

/** `response_format`: text is what an answer is anyway. */
const textFormat = object({ type: literal('text') });

const chatBody = object({
  ...common,
  messages: array(message, { min: 1, max: limits.chatMessages }),
  max_completion_tokens: said(tokenCount),

  logprobs: neutral(false),
  top_logprobs: neutral(),
  tools: emptyList,
  tool_choice: neutral('none'),
  functions: emptyList,
  function_call: neutral('none'),
  parallel_tool_calls: said(boolean()),
  response_format: said(textFormat),
  modalities: said(array(oneOf(['text']), { min: 1, max: 1 })),
  audio: neutral(),
  prediction: neutral(),
  reasoning_effort: neutral(),
  verbosity: neutral(),
  web_search_options: neutral(),
  store: neutral(false),
  service_tier: neutral('auto', 'default'),
  metadata: said(record(/[\s\S]{0,64}/u, text({ min: 0, max: 2_048 }), { min: 0, max: 16 })),
  safety_identifier: label,
  prompt_cache_key: label,
});

const prompt: Reader<string> = (value, path) => {
  if (!Array.isArray(value)) return promptText(value, path);
  const [only] = value as readonly unknown[];
  if (value.length === 1 && typeof only === 'string') return promptText(only, `${path}[0]`);
  throw refusal('one prompt to a call, as text: tokens and lists of prompts are not offered', path);
};

const completionBody = object({
  ...common,
  prompt,

  best_of: neutral(1),
  echo: neutral(false),
  logprobs: neutral(false),
  suffix: neutral(''),
});

/**
 * Reads the body of a chat or a completion. What would change the answer and is not done is refused by its name, and so
 * is every unknown field: a caller must never take an answer for one to something else. Throws nothing but `WireError`.
 */
export function decodeLanguageRequest(body: Uint8Array, operation: 'chat' | 'completion'): LanguageRequest {
  const value = parseJson(body, { maxBytes: limits.languageBodyBytes, maxValues: limits.languageValues });
  if (operation === 'completion') {
    const fields = completionBody(value, '');
    return request(fields, { kind: 'completion', prompt: fields.prompt }, fields.max_tokens);
  }
  const fields = chatBody(value, '');
  const bytes = fields.messages.reduce((sum, { content }) => sum + utf8(content).length, 0);
  if (bytes > limits.promptBytes) throw refusal(`${bytes} bytes where ${limits.promptBytes} are allowed`, 'messages');
  const { max_tokens: older, max_completion_tokens: newer } = fields;
  if (older !== null && newer !== null && older !== newer)
    throw refusal('differs from max_tokens', 'max_completion_tokens');
  return request(fields, { kind: 'chat', messages: fields.messages }, newer ?? older);
}

interface CommonFields extends Pick<LanguageRequest, 'model' | 'temperature' | 'seed'> {
  readonly stream: boolean | null;
  readonly stream_options: { readonly include_usage: boolean | null } | null;
  readonly top_p: number | null;
  readonly stop: readonly string[] | null;
}

function request(fields: CommonFields, input: LanguageInput, maxTokens: number | null): LanguageRequest {
  const stream = fields.stream ?? false;
  if (fields.stream_options !== null && !stream) throw refusal('only where stream is true', 'stream_options');
  return {
    model: fields.model,
    input,
    stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    temperature: fields.temperature,
    topP: fields.top_p,
    maxTokens,
    stop: fields.stop ?? [],
    seed: fields.seed,
  };
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
