import { beforeEach, describe, expect, it } from 'vitest';
import { ClientError } from '../../../client/index.ts';
import { growthOf, type SeenHeads } from '../../../client/receipts/growth.ts';
import { inclusionPath } from '../../../client/receipts/path.ts';
import { type ProvenWorker, proveWorker } from '../../../client/receipts/prove-worker.ts';
import { parseWorkerPolicy } from '../../../verifier/index.ts';
import { equalBytes } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import type { ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeTreeHead } from '../../../wire/message/receipt.ts';
import { createWorld, refusalOf, type World } from '../world.ts';
import { type ShownReceipts, showReceipts } from './shown-receipts.ts';

let world: World;
let shown: ShownReceipts;
let proven: ProvenWorker;
const bundle = (at: number): ReceiptBundle => shown.bundles[at] as ReceiptBundle;
const growth = (seen: Partial<SeenHeads>) =>
  growthOf({ host: shown.host, suite: nodeSuite }, proven.worker, { signed: [], posted: [], ...seen });

beforeEach(async () => {
  world = await createWorld();
  shown = showReceipts(world);
  await shown.ask(5);
  const asker = { host: shown.host, policy: parseWorkerPolicy(world.rules), suite: nodeSuite, now: () => world.now };
  proven = await proveWorker(asker, world.log);
});

describe('a log since a head that was seen', () => {
  it('is one history with it, with every head that was seen, and with those of a chain', async () => {
    const { root } = decodeTreeHead(bundle(3).head);
    const { newest, joined } = await growth({ signed: [bundle(1), bundle(4)], posted: [{ size: 4, root }] });
    expect(newest.size).toBe(5);
    expect(joined.map(({ first, second }) => [first, second])).toEqual([
      [2, 5],
      [5, 5],
      [4, 5],
    ]);
    expect(joined[0]?.hashes).toBeGreaterThan(0);
  });

  it('is forked where two roots are of one size: with the evidence, signed or on chain', async () => {
    const { size } = decodeTreeHead(bundle(4).head);
    const other = { size, root: new Uint8Array(32).fill(9) };
    const failure = await growth({ posted: [other] }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'log_forked', action: 'stop-trusting' });
    expect((failure as ClientError).evidence?.call.contract).toBe('settlement');
    const before = bundle(4);
    world.fork();
    const fork = showReceipts(world);
    await fork.ask(5);
    shown = fork;
    const forked = await growth({ signed: [before] }).catch((error: unknown) => error);
    expect(forked).toMatchObject({ code: 'log_forked', evidence: { call: { contract: 'registry' } } });
  });

  it('is withheld where no proof holds', async () => {
    expect(await refusalOf(growth({ posted: [{ size: 3, root: new Uint8Array(32) }] }))).toBe(
      'log_withheld/consistency_proof',
    );
    shown.onGet = (path, pass) => {
      if (path.startsWith('/v1/log/consistency')) throw new ClientError('host_error', '', { reason: 'size_unknown' });
      return pass();
    };
    expect(await refusalOf(growth({ signed: [bundle(0)] }))).toBe('log_withheld/size_unknown');
  });

  it('takes no head that the worker did not sign', async () => {
    const signature = bundle(0).signature.map((byte, at) => (at === 9 ? byte ^ 1 : byte));
    expect(await refusalOf(growth({ signed: [{ ...bundle(0), signature }] }))).toBe('protocol_violated/head_signature');
  });
});

describe('the way from a receipt to the root', () => {
  it('ends at the signed root, from any leaf of any size', async () => {
    for (const one of shown.bundles) {
      const { leaf, steps, end, size } = await inclusionPath(one, nodeSuite);
      expect(end).toEqual(decodeTreeHead(one.head).root);
      expect(steps.length).toBe(one.proof.length);
      expect(size === 1 ? end : steps[0]?.node).not.toEqual(size === 1 ? undefined : leaf);
    }
  });

  it('ends elsewhere for a changed receipt or proof, and where the proof is cut short', async () => {
    const one = bundle(4);
    const { root } = decodeTreeHead(one.head);
    const receipt = one.receipt.map((byte, at) => (at === 40 ? byte ^ 1 : byte));
    expect(equalBytes((await inclusionPath({ ...one, receipt }, nodeSuite)).end, root)).toBe(false);
    const cut = await inclusionPath({ ...one, proof: [] }, nodeSuite);
    expect([cut.steps.length, equalBytes(cut.end, root)]).toEqual([0, false]);
  });
});
