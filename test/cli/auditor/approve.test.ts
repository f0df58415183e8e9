import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Approver, type ApproverOptions, createApprover } from '../../../cli/auditor/approve.ts';
import { ApprovalRefusal, refusals } from '../../../cli/auditor/errors.ts';
import { type AuditorKey, createAuditorKey } from '../../../cli/auditor/key.ts';
import type { ReleaseSource } from '../../../cli/auditor/release-source.ts';
import { type AuditorServer, serveAuditor } from '../../../cli/auditor/server.ts';
import { openFindingStore } from '../../../cli/auditor/store.ts';
import { thisMachine } from '../../../cli/replay/machine.ts';
import { runtime } from '../../../enclave/worker/runtime.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Archive, encodeArchive } from '../../../wire/message/archive.ts';
import { encodeRuntime } from '../../../wire/message/execution.ts';
import { policyFor } from '../../support/accept-answer.ts';
import { ANSWERED, type AnswerChanges, answer } from '../../support/answer.ts';
import { word } from '../../support/findings.ts';

const statement = { chainId: 5n, verifier: new Uint8Array(20).fill(1), escrow: word(2) };
const policy = policyFor({ runtimes: [toHex(sha256(encodeRuntime(runtime)))], models: 'any' });

let folder: string;
let key: AuditorKey;
let server: AuditorServer | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-approve-'));
  key = await createAuditorKey(join(folder, 'key.json'), 4);
});

afterEach(async () => {
  await server?.close();
  server = undefined;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** As a worker on this machine signs it. */
function here(changes: AnswerChanges = {}): Archive {
  const { engine, version, provider, optimisation, threads, ...cpu } = thisMachine();
  const own = { engine, version, provider, optimisation, threads };
  return answer({ ...changes, runtime: own, execution: { ...own, ...cpu, ...changes.execution } }).archive;
}

function approver(find: ReleaseSource['find'], changes: Partial<ApproverOptions> = {}): Approver {
  return createApprover({
    ...{ key, policy, directory: join(folder, 'approvals'), now: () => ANSWERED, deadlineMs: 20_000 },
    releases: { find, close: async () => undefined },
    ...changes,
  });
}

async function refusal(archive: Archive | Uint8Array, by: Approver = approver(async () => undefined)): Promise<string> {
  const bytes = archive instanceof Uint8Array ? archive : encodeArchive(archive);
  try {
    await by.approve(bytes, statement);
    return 'approved';
  } catch (error) {
    if (error instanceof ApprovalRefusal) return error.code;
    throw error;
  }
}

describe('an approver says why not:', () => {
  it.each<readonly [string, () => Archive | Uint8Array]>([
    ['release_unavailable', () => here()],
    ['archive_malformed', () => utf8('{}')],
    ['payload_missing', () => ({ ...here(), response: null })],
    ['archive_untrusted', () => ({ ...here(), signature: new Uint8Array(64).fill(1) })],
    ['archive_refused', () => here({ header: { flags: 0n } })],
    ['not_replayable', () => here({ receipt: { status: 4n } })],
    ['other_class', () => here({ execution: { cpuFamily: 'GenuineOther/6/1' } })],
  ])('%s', async (code, archive) => {
    expect(await refusal(archive())).toBe(code);
  });

  it('other_engine', async () => {
    const older = answer({ runtime: { version: '1.18.0' }, execution: { version: '1.18.0' } });
    const own = policyFor({ runtimes: [toHex(sha256(older.evidence.runtime))], models: 'any' });
    expect(
      await refusal(
        older.archive,
        approver(async () => undefined, { policy: own }),
      ),
    ).toBe('other_engine');
  });

  it('late, and computes on', async () => {
    let release = (): void => undefined;
    const asked = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const slow = approver(() => asked, { deadlineMs: 10 });
    expect(await refusal(here(), slow)).toBe('late');
    release();
    await slow.settled();
  });

  it('busy, while enough of them wait', async () => {
    let release = (): void => undefined;
    const asked = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const slow = approver(() => asked);
    const waiting = Array.from({ length: 16 }, () => refusal(here(), slow));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await refusal(here(), slow)).toBe('busy');
    release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['release_unavailable']));
    expect(await refusal(here(), slow)).toBe('release_unavailable');
  });
});

describe('the server of an auditor', () => {
  async function start(): Promise<string> {
    server = await serveAuditor({
      ...{ key, approver: approver(async () => Promise.reject(new TypeError('a bug'))), deadlineMs: 1_000 },
      store: openFindingStore(join(folder, 'state')),
      ...{ listen: { host: '127.0.0.1', port: 0 }, onAnswered: () => undefined },
    });
    return server.url;
  }

  const query = `chainId=5&verifier=${'01'.repeat(20)}&escrow=${'02'.repeat(32)}`;
  const post = (body: Uint8Array, type = 'application/octet-stream'): RequestInit => ({
    ...{ method: 'POST', headers: { 'content-type': type }, body: Uint8Array.from(body) },
  });

  it.each<readonly [string, string, () => RequestInit]>([
    ['statement_invalid', '/v1/approvals', () => post(word(1))],
    ['statement_invalid', `/v1/approvals?${query.replace('chainId=5', 'chainId=05')}`, () => post(word(1))],
    ['statement_invalid', `/v1/approvals?${query.slice(0, -2)}`, () => post(word(1))],
    ['body_invalid', `/v1/approvals?${query}`, () => post(word(1), 'text/plain')],
    ['archive_malformed', `/v1/approvals?${query}`, () => post(utf8('{}'))],
    ['internal', `/v1/approvals?${query}`, () => post(encodeArchive(here()))],
    ['method_not_allowed', `/v1/approvals?${query}`, () => ({})],
    ['method_not_allowed', '/v1/findings', () => post(word(1))],
    ['not_found', '/v1/other', () => ({})],
  ])('refuses by a code and its status: %s %s', async (code, path, init) => {
    const response = await fetch(`${await start()}${path}`, init());
    const body = (await response.json()) as { readonly code: keyof typeof refusals };
    expect([body.code, response.status]).toEqual([code, refusals[body.code].status]);
    // Nothing of what went wrong inside is told.
    expect(JSON.stringify(body)).not.toContain('a bug');
  });

  it('reads no more than a file may have', async () => {
    const url = await start();
    const length = String(2 ** 30);
    const { status } = await new Promise<{ status: number }>((resolve, reject) => {
      void import('node:http').then(({ request }) => {
        const sent = request(`${url}/v1/approvals?${query}`, {
          ...{ method: 'POST', headers: { 'content-type': 'application/octet-stream', 'content-length': length } },
        });
        sent.on('response', (answered) => {
          resolve({ status: answered.statusCode ?? 0 });
          sent.destroy();
        });
        sent.on('error', reject);
        sent.flushHeaders();
      });
    });
    expect(status).toBe(413);
  });
});
