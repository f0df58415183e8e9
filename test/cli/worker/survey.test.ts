import { beforeEach, describe, expect, it } from 'vitest';
import { listOf } from '../../../cli/commands/worker.ts';
import type { Asker } from '../../../client/receipts/prove-worker.ts';
import { parseWorkerPolicy } from '../../../verifier/index.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { createWorld, type World } from '../../client/world.ts';
import { command } from '../../support/command.ts';

let world: World;
/** What the host says it has. */
let said: unknown;

beforeEach(async () => {
  world = await createWorld();
  said = [{ state: 'ready', log: toHex(world.log), models: ['ab'.repeat(32)] }];
});

async function listed(
  form: 'text' | 'json',
  rules: object = {},
): Promise<{ readonly code: number; readonly out: string }> {
  let out = '';
  const asker: Asker = {
    policy: parseWorkerPolicy({ ...world.rules, ...rules } as never),
    suite: nodeSuite,
    now: () => world.now,
    host: {
      ...world.host,
      async get(path, maxBytes) {
        if (path === '/v1/workers') return utf8(JSON.stringify(said));
        const challenge = /challenge=([0-9a-f]{64})/.exec(path)?.[1];
        if (challenge === undefined) return world.host.get(path, maxBytes);
        return encodeEvidence(world.evidence(Uint8Array.from(Buffer.from(challenge, 'hex'))));
      },
    },
  };
  const context = {
    args: [],
    style: { colours: false },
    write: (text: string) => {
      out += text;
    },
    warn: () => undefined,
    now: () => world.now,
    terminal: 'none',
    progress: 'none',
  } as const;
  const code = await listOf(context, asker, { values: { json: form === 'json' }, lists: {}, positionals: [] });
  return { code, out };
}

describe('proofmark worker list', () => {
  it('proves each worker by evidence of its own', async () => {
    const { code, out } = await listed('json');
    expect(code).toBe(0);
    const { workers } = JSON.parse(out) as { readonly workers: readonly object[] };
    expect(workers).toMatchObject([
      { log: toHex(world.log), state: 'ready', proven: true, code: null, level: 'simulated' },
    ]);
    expect((await listed('text')).out).toContain('simulated: nobody vouches for it');
  });

  it('says why one is not proven, and exits with 30', async () => {
    const { code, out } = await listed('json', { configurations: ['00'.repeat(32)] });
    expect(code).toBe(30);
    expect(JSON.parse(out)).toMatchObject({
      workers: [{ proven: false, code: expect.stringMatching(/^[a-z_]+$/) as string }],
    });
    said = [{ state: 'connecting' }];
    expect((await listed('json')).code).toBe(30);
    expect((await listed('text')).out).toContain('not proven: log_unknown');
    said = [];
    expect(await listed('text')).toEqual({ code: 30, out: 'the host names no worker\n' });
  });

  it('believes no list that is none', async () => {
    for (const lie of [{}, ['x'], [{ state: 'ready', log: 'zz' }], Array.from({ length: 10_000 }, () => ({}))]) {
      said = lie;
      await expect(listed('json')).rejects.toThrow('protocol_violated');
    }
  });

  it('is a wrong command line without a host or a policy', async () => {
    expect((await command('worker', 'list')).code).toBe(2);
    expect((await command('worker', 'list', 'http://127.0.0.1:1')).code).toBe(2);
    expect((await command('worker', 'show', 'http://127.0.0.1:1', 'x', '--policy', 'p')).code).toBe(2);
  });
});
