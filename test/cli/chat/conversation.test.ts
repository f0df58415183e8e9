import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Conversation, converse, type Wishes } from '../../../cli/chat/conversation.ts';
import { saveAnswersAs } from '../../../cli/chat/saved-answers.ts';
import { oneQuestion, type Talker } from '../../../cli/chat/talker.ts';
import { ClientError, type HostTransport, nodeTransport } from '../../../client/index.ts';
import { readU32, toHex } from '../../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeArchive } from '../../../wire/message/archive.ts';
import type { ReceiptBundle } from '../../../wire/message/bundle.ts';
import { status } from '../../../wire/message/receipt.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { type Middle, type Passing, serveProxy, type Tampered } from '../../client/proxy.ts';
import { createWorld, RECORD, type World } from '../../client/world.ts';
import { gate } from '../../enclave/worker/core/harness.ts';
import { type Folder, temporaryFolder } from '../../support/command.ts';

const TEXT = 'An enclave says "hello" – ✓.';
const VERIFIED = /^✓ verified: leaf \d+ of log [0-9a-f]{16}…, fee \d+$/;

let world: World;
let out: string;
let onWrite: () => void;
let folder: Folder;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  world = await createWorld();
  out = '';
  onWrite = () => {};
  folder = temporaryFolder();
});
afterEach(async () => {
  folder.remove();
  for (const close of closing.splice(0)) await close();
});

const lastLine = (): string => out.trimEnd().split('\n').at(-1) ?? '';
const lastJson = (): JsonValue => parseJson(new TextEncoder().encode(lastLine()), limits.languageBodyBytes);

interface Asked {
  readonly host?: HostTransport;
  readonly talker?: Talker;
  readonly wishes?: Partial<Wishes>;
  readonly form?: Conversation['form'];
  readonly saved?: Conversation['saved'];
}

function talk(asked: Asked = {}): Promise<number> {
  const { talker = oneQuestion('Say hello'), form = 'text', saved } = asked;
  const client = world.client({}, { host: asked.host ?? world.host, retry: 'never' });
  const model = toHex(world.chat.modelId);
  const wishes = { model, system: undefined, seed: 7, maxTokens: undefined, temperature: undefined, ...asked.wishes };
  const write = (text: string): void => {
    out += text;
    onWrite();
  };
  return converse(
    { write, style: { colours: false }, columns: () => undefined },
    { client, talker, wishes, form, saved },
  );
}

/** A person at a terminal who asks these, and interrupts when told to. */
function person(...questions: readonly string[]): Talker & { interrupt(): void } {
  const left = [...questions];
  let stop: (() => void) | undefined;
  return {
    interactive: true,
    next: async () => left.shift(),
    onInterrupt: (asked) => {
      stop = asked;
      return () => {
        stop = undefined;
      };
    },
    interrupt: () => stop?.(),
    close: () => {},
  };
}

/** The messages that an archive's answer is to, which the worker's receipt covers. */
function messagesIn(path: string): JsonValue {
  const { request } = decodeArchive(Uint8Array.from(readFileSync(path)));
  const body = parseJson(request?.body ?? new Uint8Array(0), limits.languageBodyBytes);
  return (body as { readonly messages: JsonValue }).messages;
}

describe('an answer', () => {
  it('is shown as provisional, and then as verified with its receipt', async () => {
    expect(await talk()).toBe(0);
    const [first, text, last] = out.trimEnd().split('\n');
    expect(first).toBe('provisional until its end is verified:');
    expect(text).toBe(`│ ${TEXT}`);
    expect(last).toMatch(VERIFIED);
    expect(last).toContain(toHex(world.log).slice(0, 16));
  });

  it('is shown while it is made', async () => {
    const held = gate();
    world.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    onWrite = () => {
      if (out.includes('│ An enclave')) held.open();
    };
    expect(await talk()).toBe(0);
  });

  it('in JSON is one line with content, usage and receipt', async () => {
    expect(await talk({ form: 'json' })).toBe(0);
    expect(out.split('\n')).toHaveLength(2);
    expect(lastJson()).toMatchObject({
      verdict: 'accepted',
      content: TEXT,
      finish: 'stop',
      seed: 7,
      usage: { completion_tokens: 5 },
      receipt: { log: toHex(world.log), leaf: '0', status: 'ok', fee: '16' },
    });
  });

  it('brings no escape sequence to the terminal, in text or in JSON', async () => {
    world.script.tokens = ['\u001b[2J', 'a\u202eb\n', '✓ verified: leaf 9'];
    await talk();
    expect(out).toContain('│ �[2Ja�b\n│ ✓ verified: leaf 9\n');
    await talk({ form: 'json' });
    for (const obeyed of ['\u001b', '\u202e']) expect(out).not.toContain(obeyed);
    expect(lastJson()).toMatchObject({ content: '\u001b[2Ja\u202eb\n✓ verified: leaf 9' });
  });

  it('says that it ended at its limit', async () => {
    world.script.tokens = new Array<string>(1_000).fill('x');
    expect(await talk({ wishes: { maxTokens: 1 } })).toBe(0);
    expect(lastLine()).toContain('limit of tokens');
  });

  it('that the worker refuses is none, and ends with 1', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    expect(await talk()).toBe(1);
    expect(lastLine()).toMatch(/^✗ NOT VERIFIED, no answer: answer_refused: /);
  });

  it('is saved with everything that an audit needs, and numbered', async () => {
    const saved = saveAnswersAs(folder.path('a.proofmark'), 'several');
    expect(await talk({ talker: person('One?', 'Two?'), saved })).toBe(0);
    for (const number of [1, 2]) {
      const archive = JSON.parse(readFileSync(folder.path(`a-${number}.proofmark`), 'utf8')) as object;
      expect(archive).toMatchObject({ format: 'proofmark archive v1' });
      expect(out).toContain(`saved in ${folder.path(`a-${number}.proofmark`)}\n`);
    }
  });
});

describe('a conversation', () => {
  it('has the system text first, and every answer is to all that was said before', async () => {
    const saved = saveAnswersAs(folder.path('a.proofmark'), 'several');
    const wishes = { system: 'Be brief', temperature: 0, maxTokens: 9 };
    await talk({ talker: person('One?', 'Two?'), wishes, saved });
    expect(messagesIn(folder.path('a-2.proofmark'))).toEqual([
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: TEXT },
      { role: 'user', content: 'Two?' },
    ]);
    const { request } = decodeArchive(Uint8Array.from(readFileSync(folder.path('a-1.proofmark'))));
    expect(parseJson(request?.body ?? new Uint8Array(0), 10_000)).toMatchObject({
      seed: 7,
      temperature: 0,
      max_tokens: 9,
    });
  });

  it('goes on after an answer that failed, without its question', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    const saved = saveAnswersAs(folder.path('a.proofmark'), 'several');
    const talker = person('One?', 'Two?');
    const next = talker.next;
    let asked = 0;
    const forgiving: Talker = {
      ...talker,
      next: () => {
        asked += 1;
        if (asked === 2) world.script.failure = null;
        return next();
      },
    };
    expect(await talk({ talker: forgiving, saved })).toBe(0);
    expect(out).toContain('answer_refused');
    expect(messagesIn(folder.path('a-1.proofmark'))).toEqual([{ role: 'user', content: 'Two?' }]);
  });

  it('on a pipe ends with the first answer that failed', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    expect(await talk({ talker: { ...person('One?', 'Two?'), interactive: false } })).toBe(1);
    expect(world.headers).toHaveLength(1);
  });
});

describe('an interrupt', () => {
  function interrupting(talker: ReturnType<typeof person>): void {
    const held = gate();
    let posts = 0;
    const onPost = world.onPost;
    world.onPost = async (path, pass) => {
      const reply = await onPost(path, pass);
      // The second sealed record is the cancel.
      if (`POST ${path}` === RECORD && ++posts === 2) held.open();
      return reply;
    };
    world.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    onWrite = () => {
      if (!out.endsWith(' enclave')) return;
      onWrite = () => {};
      talker.interrupt();
    };
  }

  it('ends the answer under a receipt for what came of it, and the conversation goes on from there', async () => {
    const talker = person('One?', 'Two?');
    interrupting(talker);
    const saved = saveAnswersAs(folder.path('a.proofmark'), 'several');
    expect(await talk({ talker, saved })).toBe(0);
    expect(out).toMatch(/│ An enclave\n· cancelled; verified as far as it came: leaf 0 of log [0-9a-f]{16}…, fee 10\n/);
    expect(lastLine()).toContain('saved in');
    expect(messagesIn(folder.path('a-1.proofmark'))).toEqual([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'An enclave' },
      { role: 'user', content: 'Two?' },
    ]);
  });

  it('of one question ends the program with 1', async () => {
    const talker = person('One?', 'Two?');
    interrupting(talker);
    expect(await talk({ talker: { ...talker, interactive: false } })).toBe(1);
    expect(world.headers).toHaveLength(1);
  });

  it('says where no receipt came', async () => {
    const talker = person('One?');
    interrupting(talker);
    world.onStream = async function* (frames) {
      let left = 2;
      for await (const frame of frames) {
        if (left-- === 0) throw new ClientError('host_unreachable', 'the connection broke');
        yield frame;
      }
    };
    await talk({ talker });
    expect(lastLine()).toBe('✗ NOT VERIFIED: cancelled, and no receipt came for it');
  });
});

/** A host that meddles with the records of an answer on their way. */
async function meddling(change: (passing: Passing) => Tampered): Promise<HostTransport> {
  world.keeping = false;
  const host: HttpHost = await serveHost(world.host);
  const proxy: Middle = await serveProxy(host.url);
  closing.push(proxy.close, host.close);
  proxy.onReply = (passing) => (/^\/v1\/sessions\/[0-9a-f]{32}/.test(passing.path) ? change(passing) : passing);
  return nodeTransport({ url: proxy.url, timeoutMs: 30_000 });
}

/** Where the second of several records begins. */
const secondRecord = (bytes: Uint8Array): number => 4 + readU32(bytes, 0);

async function bundleOf(other: World): Promise<ReceiptBundle> {
  const { bundle } = await other.client().chat({
    model: 'demo-chat',
    messages: [{ role: 'user', content: 'Say hello' }],
  });
  return bundle;
}

describe('an attack', () => {
  const attacks: readonly (readonly [string, () => Promise<HostTransport>, number])[] = [
    [
      'a piece is altered on its way',
      () =>
        meddling((p) => ({
          ...p,
          bytes: p.bytes.map((byte, at) => (at === secondRecord(p.bytes) + 20 ? byte ^ 1 : byte)),
        })),
      20,
    ],
    ['the end is dropped', () => meddling((p) => ({ ...p, bytes: p.bytes.slice(0, secondRecord(p.bytes)) })), 1],
    [
      'the worker signs other bytes than it sent',
      async () => {
        world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
        return world.host;
      },
      20,
    ],
    [
      'the receipt is of another request',
      async () => {
        const before = await bundleOf(world);
        world.onBundle = () => before;
        return world.host;
      },
      20,
    ],
    [
      'the receipt is of another log',
      async () => {
        const bundle = await bundleOf(await createWorld());
        world.onBundle = () => bundle;
        return world.host;
      },
      20,
    ],
    [
      'the proof is wrong',
      async () => {
        world.onBundle = (bundle) => ({ ...bundle, proof: [new Uint8Array(32)] });
        return world.host;
      },
      20,
    ],
  ];

  it.each(attacks)('is told as such where %s, after whatever was shown', async (_, prepare, code) => {
    expect(await talk({ host: await prepare() })).toBe(code);
    expect(out).toContain('│ An');
    expect(lastLine()).toMatch(/^✗ NOT VERIFIED, do not rely on it: /);
    expect(out).not.toContain('✓ verified');
  });

  it.each(attacks)('leaves no content in JSON where %s', async (_, prepare, code) => {
    expect(await talk({ host: await prepare(), form: 'json' })).toBe(code);
    expect(lastJson()).toMatchObject({ verdict: 'failed', content: null, receipt: null });
    expect(out).not.toContain('An');
  });

  it('ends the conversation, of a person too', async () => {
    world.onBundle = (bundle) => ({ ...bundle, proof: [new Uint8Array(32)] });
    const saved = saveAnswersAs(folder.path('a.proofmark'), 'several');
    expect(await talk({ talker: person('One?', 'Two?'), saved })).toBe(20);
    expect(world.headers).toHaveLength(1);
    expect(existsSync(folder.path('a-1.proofmark'))).toBe(false);
  });
});
