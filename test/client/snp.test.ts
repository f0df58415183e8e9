import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyArchive, type WorkerPolicy } from '../../verifier/index.ts';
import { parseWorkerPolicy } from '../../verifier/policy/worker-policy.ts';
import { toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { type Archive, decodeArchive, encodeArchive } from '../../wire/message/archive.ts';
import { decodeEvidence, encodeEvidence } from '../../wire/message/evidence.ts';
import { cosignedChallenge, cosignedHead, cosignerOf, dateOf } from '../support/cosign.ts';
import { createWorld, EVIDENCE, refusalOf, type World } from './world.ts';

const { privateKey: witness } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let world: World;

beforeAll(async () => {
  world = await createWorld({}, { tee: 'amd-sev-snp' });
});

describe('a client of a worker on SEV-SNP', () => {
  it('proves it by its own challenge, calls it sealed, and says what was proven', async () => {
    const client = world.client();
    const { worker, receipt, checks } = await client.infer(world.call);
    expect(worker.tee).toBe('amd-sev-snp');
    expect(worker.acceptedUntil).toBe(world.now + 600_000);
    expect(receipt.log).toEqual(worker.log);
    expect(receipt.sealed).toBe(true);
    expect(checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(checks.find(({ id }) => id === 'S20')?.outcome).toBe('passed');
  });

  it('proves it anew once the report is older than the policy allows', async () => {
    const client = world.client({}, { renewMarginMs: 0 });
    await client.infer(world.call);
    const before = world.calls.filter((call) => call === EVIDENCE).length;
    world.now += 600_000;
    await client.infer(world.call);
    expect(world.calls.filter((call) => call === EVIDENCE)).toHaveLength(before);
    world.now += 1;
    await client.infer(world.call);
    expect(world.calls.filter((call) => call === EVIDENCE)).toHaveLength(before + 1);
  });

  it('does not take a report that was made for another challenge', async () => {
    let recorded: Uint8Array | undefined;
    world.onGet = async (path, reply) => {
      if (!path.startsWith('/v1/evidence')) return reply;
      recorded ??= reply;
      return recorded;
    };
    await world.client().worker();
    expect(await refusalOf(world.client().worker())).toBe('evidence_refused/challenge_mismatch');
    world.onGet = async (_, reply) => reply;
  });

  it('does not take the evidence of other hardware, whatever name is on it', async () => {
    const nitro = await createWorld();
    nitro.onGet = async (path, reply) =>
      path.startsWith('/v1/evidence') ? world.host.get(path, Number.MAX_SAFE_INTEGER) : reply;
    expect(await refusalOf(nitro.client().worker())).toBe('evidence_refused/tee_not_trusted');
    world.onGet = async (path, reply) =>
      path.startsWith('/v1/evidence') ? encodeEvidence({ ...decodeEvidence(reply), tee: 'aws-nitro' }) : reply;
    expect(await refusalOf(world.client().worker())).toBe('evidence_refused/tee_not_trusted');
    world.onGet = async (_, reply) => reply;
  });
});

describe('what the client keeps', () => {
  const judged = (archive: Archive, policy: WorkerPolicy, now: number | 'then'): Promise<string> =>
    verifyArchive(archive, {
      policy,
      purpose: now === 'then' ? { kind: 'archive' } : { kind: 'live', now },
      suite: nodeSuite,
      cache: 'none',
    }).then((verdict) => (verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`));

  const policyWith = (changes: { readonly [rule: string]: JsonValue }): WorkerPolicy =>
    parseWorkerPolicy({ ...world.rules, ...changes });

  const trusting = { anchors: { cosigners: [toHex(cosignerOf(witness))], maxKeyAgeSeconds: 3_600 } };

  it('with a random challenge is good while somebody remembers when it was drawn, and never as an archive', async () => {
    const archive = decodeArchive((await world.client().infer(world.call)).archive());
    expect(archive.challenge.preimage).toBe(null);
    expect(await judged(archive, policyWith({ maxAgeSeconds: 'any' }), world.now)).toBe('accepted');
    expect(await judged(archive, policyWith({}), world.now)).toBe('refused report_undated');
    const anchors = [cosignedHead(witness, dateOf(archive, world.now))];
    expect(await judged({ ...archive, anchors }, policyWith(trusting), 'then')).toBe('undetermined challenge_undated');
  });

  it('with a challenge that a cosigner dated is accepted as an archive, once the head is dated too', async () => {
    const asked: Uint8Array[] = [];
    const moments = async (nonce: Uint8Array): Promise<Uint8Array> => {
      asked.push(nonce);
      return cosignedChallenge(witness, { time: BigInt(Math.floor(world.now / 1_000)), nonce });
    };
    const client = world.client({}, { moments });
    const result = await client.infer(world.call);
    const archive = decodeArchive(result.archive());
    expect(asked).toHaveLength(1);
    expect(nodeSuite.sha256(archive.challenge.preimage as Uint8Array)).toEqual(archive.challenge.value);
    expect(await judged(archive, policyWith(trusting), world.now)).toBe('accepted');
    expect(await judged(archive, policyWith(trusting), 'then')).toBe('undetermined not_anchored');
    const anchors = [cosignedHead(witness, dateOf(archive, world.now + 60_000))];
    const kept = decodeArchive(encodeArchive({ ...archive, anchors }));
    expect(await judged(kept, policyWith(trusting), 'then')).toBe('accepted');
  });

  it('is nothing where the cosigner dated another nonce, or gave no cosignature', async () => {
    const of = (nonce: Uint8Array) => async () => cosignedChallenge(witness, { time: 1n, nonce });
    const another = world.client({}, { moments: of(new Uint8Array(32)) });
    expect(await refusalOf(another.worker())).toBe('protocol_violated/protocol_violated');
    const nonsense = world.client({}, { moments: async () => Uint8Array.of(1, 2, 3) });
    expect(await refusalOf(nonsense.worker())).toBe('protocol_violated/truncated');
  });
});
