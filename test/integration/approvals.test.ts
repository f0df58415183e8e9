import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Approvals, askApprovals } from '../../client/approvals/ask.ts';
import { connect, nodeTransport } from '../../client/index.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { concatBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeApproval } from '../../wire/message/approval.ts';
import { type Archive, decodeArchive, encodeArchive } from '../../wire/message/archive.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { openTestAuditor, type TestAuditor } from '../support/auditors.ts';
import { LIE, type Lie } from '../support/lying-worker.ts';
import { demoCall, openTestStack, type TestStack } from '../support/stack.ts';

const building = vi.hoisted(() => ({ lie: 'answers' as Lie }));

vi.mock('../../enclave/worker/build/bundle.ts', async (original) => {
  const real = await original<typeof import('../../enclave/worker/build/bundle.ts')>();
  const { buildLying } = await import('../support/lying-worker.ts');
  const buildWorker: typeof real.buildWorker = (options) => buildLying(real.buildWorker, options, building.lie);
  return { ...real, buildWorker };
});

const statement = {
  chainId: 31_337n,
  verifier: new Uint8Array(20).fill(7),
  escrow: new Uint8Array(32).fill(8),
};

let folder: string;
/** One that lies when it is asked for it, and one that believes to be on another processor. */
let stack: TestStack;
let elsewhere: TestStack;
let auditor: TestAuditor;
let other: TestAuditor;
let narrow: TestAuditor;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-approvals-'));
  stack = await openTestStack();
  building.lie = 'processor';
  elsewhere = await openTestStack();
  building.lie = 'answers';
  auditor = await auditorOf('auditor', stack);
  other = await auditorOf('other', elsewhere);
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
  const policy = parseWorkerPolicy({ ...rules, models: [toHex(new Uint8Array(32))] });
  narrow = await auditorOf('narrow', { ...stack, policy });
}, 240_000);

afterAll(async () => {
  await auditor.stop();
  await other.stop();
  await narrow.stop();
  await stack.stop();
  await elsewhere.stop();
  await rm(folder, { recursive: true, force: true });
});

function auditorOf(name: string, { policy, files }: TestStack): Promise<TestAuditor> {
  return openTestAuditor({ directory: join(folder, name), policy, release: files.releaseDirectory });
}

async function answered({ url, policy, files }: TestStack, first: number): Promise<Archive> {
  const client = connect(url, { policy });
  return decodeArchive((await client.infer(demoCall({ files }, 1, first))).archive());
}

async function ask(archive: Archive, one: TestAuditor = auditor, about = statement): Promise<Approvals> {
  const host = nodeTransport({ url: one.server.url, timeoutMs: 60_000 });
  return askApprovals({
    auditors: [{ key: one.key.auditor, host }],
    ...{ archive: encodeArchive(archive), statement: about, suite: nodeSuite },
  });
}

async function reason(archive: Archive, one: TestAuditor = auditor): Promise<string> {
  const { approvals, refusals } = await ask(archive, one);
  return approvals.length > 0 ? 'approved' : (refusals[0]?.reason ?? 'nothing');
}

describe('an auditor that is asked to vouch for an answer', () => {
  it('signs the same bits for one payment, and gives the same bytes to whoever asks again', async () => {
    const archive = await answered(stack, 0.5);
    const { approvals, refusals } = await ask(archive);
    expect(refusals).toEqual([]);
    const [given] = approvals;
    if (given === undefined) throw new Error('an approval');
    const receipt = decodeReceipt(archive.receipt);
    expect(decodeApproval(given.words)).toEqual({
      ...statement,
      log: archive.head.slice(96, 128),
      modelId: receipt.modelId,
      inputHash: sha256(archive.request?.body as Uint8Array),
      outputHash: sha256(archive.response?.body as Uint8Array),
      execution: receipt.execution,
    });
    const point = concatBytes(Uint8Array.of(4), auditor.key.auditor);
    expect(await verifyLowS(nodeSuite, point, given.words, given.signature)).toBe(true);
    expect((await ask(archive)).approvals[0]?.signature).toEqual(given.signature);
    expect(await readdir(join(auditor.directory, 'approvals'))).toHaveLength(1);
    const twin = await ask(archive, auditor, { ...statement, chainId: 1n });
    expect(twin.approvals[0]?.words).not.toEqual(given.words);
  });

  it('signs nothing for a worker that is proven and lies', async () => {
    expect(await reason(await answered(stack, LIE))).toBe('other_bits');
  });

  it('has no opinion on what another class of processor computed', async () => {
    expect(await reason(await answered(elsewhere, 0.5), other)).toBe('other_class');
  });

  it('asks its policy before it computes anything', async () => {
    expect(await reason(await answered(stack, LIE), narrow)).toBe('archive_refused');
    expect(await reason(await answered(stack, LIE), other)).toBe('archive_untrusted');
    const { receipt, ...rest } = await answered(stack, 0.25);
    const dearer = Uint8Array.from(receipt);
    dearer[9 * 32 + 31] = 1;
    expect(await reason({ ...rest, receipt: dearer })).toBe('archive_untrusted');
  });
});
