import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { exitCodeOfClientError } from '../../cli/commands/infer.ts';
import { ClientError } from '../../client/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { encodeEvidence } from '../../wire/message/evidence.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { plain } from '../support/answer.ts';
import { command, temporaryFolder } from '../support/command.ts';

const folder = temporaryFolder();
const servers: Server[] = [];
afterAll(() => {
  folder.remove();
  for (const server of servers) server.close();
});

const policyFile = (changes: Readonly<Record<string, JsonValue>> = {}): string =>
  folder.file('policy.json', JSON.stringify(answerPolicy(changes)));

/** A host that gives one answer to everything; without one, a port where nothing listens. */
async function hostWith(body: Uint8Array | null, status = 200): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status, { connection: 'close' }).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (body === null) await new Promise((resolve) => server.close(resolve));
  else servers.push(server);
  return `http://127.0.0.1:${port}`;
}

const ONE_LINE = /^proofmark: [^\n]+\n$/;

describe('proofmark infer', () => {
  it('ends with 1 and one line where nothing listens', async () => {
    const { code, out, err } = await command('infer', await hostWith(null), '--policy', policyFile());
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain('host_unreachable');
  });

  it('ends with 1 where the host has an error, with a word of it at most', async () => {
    const body = new TextEncoder().encode('{"code":"worker_lost","detail":"\\u001b[2J"}');
    const { code, err } = await command('infer', await hostWith(body, 503), '--policy', policyFile());
    expect(code).toBe(1);
    expect(err).toMatch(/^proofmark: host_error: [^\n]*worker_lost\n$/);
  });

  it('ends with 20 where the host sends no evidence', async () => {
    const { code, out, err } = await command('infer', await hostWith(Uint8Array.of(1)), '--policy', policyFile());
    expect(code).toBe(20);
    expect(out).toBe('');
    expect(err).toMatch(ONE_LINE);
  });

  it('ends with the code of the verdict where the evidence is refused, and sends nothing', async () => {
    const host = await hostWith(encodeEvidence(plain.evidence));
    const recorded = await command('infer', host, '--policy', policyFile());
    expect(recorded.code).not.toBe(0);
    expect(recorded.err).toMatch(/^proofmark: evidence_refused: [^\n]+\n$/);
    expect(recorded.out).toBe('');
  });

  it.each([
    ['no policy', ['http://127.0.0.1:1'], 2],
    ['no URL', ['--policy', policyFile()], 2],
    ['a model that is no hash', ['http://127.0.0.1:1', '--policy', policyFile(), '--model', 'demo'], 2],
    ['a model in capitals', ['http://127.0.0.1:1', '--policy', policyFile(), '--model', 'AB'.repeat(32)], 2],
    ['a policy that is not there', ['http://127.0.0.1:1', '--policy', folder.path('absent')], 1],
    ['an input that is not there', ['http://127.0.0.1:1', '--policy', policyFile(), '--input', folder.path('no')], 1],
    [
      'an input that is no request',
      ['http://127.0.0.1:1', '--policy', policyFile(), '--input', folder.file('in.json', '{"inputs":1}')],
      1,
    ],
    ['something that is no URL', ['nonsense', '--policy', policyFile()], 1],
  ] as const)('ends with one line for %s', async (_, args, expected) => {
    const { code, out, err } = await command('infer', ...args);
    expect(code).toBe(expected);
    expect(out).toBe('');
    expect(err).toMatch(ONE_LINE);
  });

  it('asks for a model where the policy does not name exactly one', async () => {
    for (const models of ['any', [], ['00'.repeat(32), '11'.repeat(32)]]) {
      const { code, err } = await command('infer', 'http://127.0.0.1:1', '--policy', policyFile({ models }));
      expect(code).toBe(2);
      expect(err).toContain('--model');
    }
  });
});

describe('the exit code of a refusal', () => {
  it.each([
    ['malformed', 10],
    ['untrusted', 20],
    ['refused', 30],
  ])('is that of the verdict: %s', (verdict, expected) => {
    const error = new ClientError('receipt_refused', 'no', { reason: 'x', verdict: { verdict } });
    expect(exitCodeOfClientError(error)).toBe(expected);
  });

  it('is that of untrusted evidence where a host or a worker lied, and 1 otherwise', () => {
    const codeOf = (code: ConstructorParameters<typeof ClientError>[0]): number =>
      exitCodeOfClientError(new ClientError(code, 'no'));
    expect(codeOf('protocol_violated')).toBe(20);
    expect(codeOf('log_forked')).toBe(20);
    for (const code of ['host_unreachable', 'host_error', 'host_timeout', 'session_lost', 'answer_refused'] as const) {
      expect(codeOf(code)).toBe(1);
    }
  });
});
