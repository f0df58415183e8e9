import { toHex, utf8 } from '../../wire/bytes.ts';

/** Why a generation ended: at an end token or a stop string, or at a limit. */
export type FinishReason = 'stop' | 'length';

export interface LanguageUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface LanguageAnswer {
  readonly requestId: Uint8Array;
  /** The release, as `name:version`. */
  readonly model: string;
  readonly operation: 'chat' | 'completion';
  /** SHA-256 of the execution record. OpenAI's fingerprint of what computed an answer is made of its first bytes. */
  readonly execution: Uint8Array;
  /** Whether a stream ends with the counts. */
  readonly includeUsage: boolean;
}

/**
 * The bytes of one answer in OpenAI's form: `first`, pieces and `last` of a stream, each of them whole events, or all of
 * it at once. A receipt binds exactly these bytes, so nobody writes them again; the receipt itself and `[DONE]` follow
 * after them and are others' to write.
 */
export interface AnswerWriter {
  first(): Uint8Array;
  piece(text: string): Uint8Array;
  last(reason: FinishReason, usage: LanguageUsage): Uint8Array;
  whole(text: string, reason: FinishReason, usage: LanguageUsage): Uint8Array;
}

/** One choice of each form, around a text that is JSON already. */
interface Choices {
  readonly prefix: string;
  readonly object: string;
  readonly chunkObject: string;
  readonly first: string | null;
  readonly piece: (json: string) => string;
  readonly last: (reason: FinishReason) => string;
  readonly whole: (json: string, reason: FinishReason) => string;
}

const chat: Choices = {
  prefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  first: '{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}',
  piece: (json) => `{"index":0,"delta":{"content":${json}},"logprobs":null,"finish_reason":null}`,
  last: (reason) => `{"index":0,"delta":{},"logprobs":null,"finish_reason":"${reason}"}`,
  whole: (json, reason) =>
    `{"index":0,"message":{"role":"assistant","content":${json},"refusal":null},"logprobs":null,"finish_reason":"${reason}"}`,
};

const completion: Choices = {
  prefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  first: null,
  piece: (json) => `{"index":0,"text":${json},"logprobs":null,"finish_reason":null}`,
  last: (reason) => `{"index":0,"text":"","logprobs":null,"finish_reason":"${reason}"}`,
  whole: (json, reason) => `{"index":0,"text":${json},"logprobs":null,"finish_reason":"${reason}"}`,
};

export function createAnswerWriter(answer: LanguageAnswer): AnswerWriter {
  const choices = answer.operation === 'chat' ? chat : completion;
  const id = choices.prefix + toHex(answer.requestId.subarray(0, 12));
  // Written by hand, since it is written for every token: only the text costs. `created` is a time, and there is no
  // clock in the enclave; zero is the one that claims nothing.
  const open = (object: string): string =>
    `{"id":"${id}","object":"${object}","created":0,"model":${JSON.stringify(answer.model)},` +
    `"system_fingerprint":"${toHex(answer.execution.subarray(0, 8))}","choices":[`;
  const eventOpen = `data: ${open(choices.chunkObject)}`;
  // A null in every chunk says that the counts are still to come.
  const eventClose = `]${answer.includeUsage ? ',"usage":null' : ''}}\n\n`;
  const event = (choice: string): string => eventOpen + choice + eventClose;
  return {
    first: () => utf8(choices.first === null ? '' : event(choices.first)),
    piece: (text) => utf8(text === '' ? '' : event(choices.piece(JSON.stringify(text)))),
    last: (reason, usage) => {
      const counts = answer.includeUsage ? `${eventOpen}],"usage":${usageJson(usage)}}\n\n` : '';
      return utf8(event(choices.last(reason)) + counts);
    },
    whole: (text, reason, usage) =>
      utf8(`${open(choices.object)}${choices.whole(JSON.stringify(text), reason)}],"usage":${usageJson(usage)}}`),
  };
}

function usageJson({ promptTokens, completionTokens }: LanguageUsage): string {
  const total = promptTokens + completionTokens;
  return `{"prompt_tokens":${promptTokens},"completion_tokens":${completionTokens},"total_tokens":${total}}`;
}
