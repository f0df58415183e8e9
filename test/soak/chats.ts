import { openTextCodec } from '../../enclave/worker/model/language/text-codec.ts';
import { openTokenEngine } from '../../enclave/worker/model/language/token-engine.ts';
import { utf8 } from '../../wire/bytes.ts';
import { flag, format, operation } from '../../wire/message/request.ts';
import { entryOf, testDecoder } from '../models/decoder.ts';
import {
  judgePlain,
  openSealedLine,
  type Prepared,
  rememberingSuite,
  type SealedLine,
} from '../support/attested-calls.ts';
import type { HttpAnswer } from '../support/http-bytes.ts';
import type { LanguageFiles } from '../support/language-release.ts';
import { type Caller, type CallOptions, isTurnedAway, requireOk } from './calls.ts';

/** The language model of a soak, small enough that a chat costs as much as a few tensor calls. */
export const soakDecoder: LanguageFiles = {
  name: 'soak-lm',
  entry: entryOf({ layout: 'optimum' }),
  files: testDecoder({ layout: 'optimum' }),
};

const TOKENS = 16;
const CHATS = 16;

interface Chat {
  readonly body: Uint8Array;
  readonly streamed: Uint8Array;
  /** What the model says when it runs in this process, alone. */
  readonly expected: string;
}

async function makeChats(): Promise<readonly Chat[]> {
  const { files, entry } = soakDecoder;
  const codec = openTextCodec(files);
  const { endTokens } = codec;
  const engine = await openTokenEngine(files, { entry, optimisation: 'all', threads: 1, endTokens, capacity: 1 });
  const chats: Chat[] = [];
  for (let at = 0; at < CHATS; at++) {
    const messages = [{ role: 'user', content: `what does the ${at} o'clock tide bring` }] as const;
    const text = codec.openStream([]);
    const greedy = { maxTokens: TOKENS, temperature: 0, topP: 1, seed: new Uint8Array(32) };
    engine.start(at, codec.encodeChat(messages), greedy);
    let expected = '';
    while (engine.running > 0) {
      for (const event of await engine.step()) if (event.kind === 'token') expected += text.push(event.token).text;
    }
    expected += text.end();
    const asked = { model: soakDecoder.name, messages, max_tokens: TOKENS, temperature: 0 };
    const streamed = utf8(JSON.stringify({ ...asked, stream: true }));
    chats.push({ body: utf8(JSON.stringify(asked)), streamed, expected });
  }
  return chats;
}

/** Chats that are streamed in the clear, and whole ones that are sealed. */
export async function chatCallers({ url, worker, modelId, post }: CallOptions): Promise<readonly Caller[]> {
  const chats = await makeChats();
  const suite = rememberingSuite();
  const line: SealedLine = await openSealedLine(url, worker, suite);
  let turn = 0;
  const next = (): Chat => chats[turn++ % chats.length] as Chat;
  return [
    {
      name: 'streamed chat',
      async call() {
        const chat = next();
        const { answer, arrived } = await post('/v1/chat/completions', chat.streamed, {
          'content-type': 'application/json',
        });
        if (isTurnedAway(answer)) return { kind: 'turned-away', arrived };
        const { body, header, receipt } = splitStream(requireOk(answer));
        const headers = new Map([
          ['proofmark-request', header],
          ['proofmark-receipt', receipt],
        ]);
        const judged = await judgePlain(worker, chat.streamed, { status: 200, headers, body }, suite);
        requireText(chat, textOfEvents(body));
        return { kind: 'answer', arrived, judged };
      },
    },
    {
      name: 'sealed chat',
      async call() {
        const chat = next();
        const prepared: Prepared = await line.prepare(modelId, {
          ...{ body: chat.body, jsonLength: chat.body.length },
          ...{ operation: operation.chat, format: format.json, flags: flag.sealed },
        });
        const { answer, arrived } = await post(line.path, prepared.payload);
        if (isTurnedAway(answer)) return { kind: 'turned-away', arrived };
        const judged = await line.judge(prepared, requireOk(answer).body);
        const { choices } = JSON.parse(Buffer.from(judged.response.body).toString()) as {
          readonly choices: readonly { readonly message: { readonly content: string } }[];
        };
        requireText(chat, choices[0]?.message.content);
        return { kind: 'answer', arrived, judged };
      },
    },
  ];
}

function requireText({ expected }: Chat, text: string | undefined): void {
  if (text !== expected)
    throw new Error(`the chat says ${JSON.stringify(text)}, the model ${JSON.stringify(expected)}`);
}

const EVENT = 'data: ';

/** What the receipt is about is everything before the event that holds it. */
function splitStream(answer: HttpAnswer): {
  readonly body: Uint8Array;
  readonly header: string;
  readonly receipt: string;
} {
  const text = Buffer.from(answer.body);
  const done = text.lastIndexOf(`${EVENT}[DONE]`);
  const last = text.lastIndexOf(EVENT, done - 1);
  if (done < 0 || last < 0) throw new Error('a stream without an end');
  const { proofmark } = JSON.parse(text.toString('utf8', last + EVENT.length, done)) as {
    readonly proofmark: { readonly request: string; readonly receipt: string };
  };
  return { body: Uint8Array.from(text.subarray(0, last)), header: proofmark.request, receipt: proofmark.receipt };
}

function textOfEvents(body: Uint8Array): string {
  const events = Buffer.from(body)
    .toString()
    .split('\n\n')
    .filter((part) => part.startsWith(EVENT));
  const deltas = events.map((event) => {
    const { choices } = JSON.parse(event.slice(EVENT.length)) as {
      readonly choices: readonly { readonly delta?: { readonly content?: string } }[];
    };
    return choices[0]?.delta?.content ?? '';
  });
  return deltas.join('');
}
