import { beforeEach, describe, expect, it } from 'vitest';
import { askWorkers } from '../../../../../host/console/page/fleet/hints.ts';
import { type Judgement, judgeWorker } from '../../../../../host/console/page/fleet/judge.ts';
import { askServedModels } from '../../../../../host/console/page/fleet/served-models.ts';
import { lifetimesOf } from '../../../../../host/console/page/views/workers/lifetimes.ts';
import { measurementRows } from '../../../../../host/console/page/views/workers/measurements.ts';
import { parseWorkerPolicy, type WorkerPolicy } from '../../../../../verifier/index.ts';
import { toHex, utf8 } from '../../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../../wire/codec/json.ts';
import { nodeSuite } from '../../../../../wire/crypto/node.ts';
import { encodeEvidence } from '../../../../../wire/message/evidence.ts';
import { createWorld, refusalOf, type World } from '../../../../client/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const policyWith = (changes: { readonly [rule: string]: JsonValue } = {}): WorkerPolicy =>
  parseWorkerPolicy({ ...world.rules, ...changes });

function judge(policy: WorkerPolicy | undefined, log: string | undefined = toHex(world.log)): Promise<Judgement> {
  return judgeWorker({ transport: world.host, suite: nodeSuite, now: () => world.now, policy }, log);
}

describe('a worker, as the console judges it', () => {
  it('is accepted where the user’s policy accepts it, and is simulated all the same', async () => {
    const judged = await judge(policyWith());
    expect(judged).toMatchObject({ verdict: 'accepted', code: undefined });
    expect(judged.report.level).toBe('simulated');
    expect(toHex(judged.proven?.log ?? new Uint8Array())).toBe(toHex(world.log));
    expect(judged.challenge).toMatch(/^[0-9a-f]{64}$/);
    expect((await judge(policyWith())).challenge).not.toBe(judged.challenge);
  });

  it('is undetermined without a policy where nothing is forged, whatever a survey would say', async () => {
    const judged = await judge(undefined);
    expect(judged.proven).toBeUndefined();
    expect([judged.verdict, judged.code]).not.toContain('accepted');
    expect(judged.report.trust.length).toBeGreaterThan(3);
  });

  it('is refused by name where its image is not the policy’s', async () => {
    const judged = await judge(policyWith({ images: [] }));
    expect(judged).toMatchObject({ verdict: 'refused', code: 'image_refused', proven: undefined });
  });

  it('is untrusted where the host shows a replayed document, or the evidence of another worker', async () => {
    const old = encodeEvidence(world.evidence(new Uint8Array(32).fill(9)));
    world.onGet = async (path, reply) => (path.startsWith('/v1/evidence') ? old : reply);
    const replayed = await judge(policyWith());
    expect(replayed.proven).toBeUndefined();
    expect(replayed.verdict).not.toBe('accepted');
    world.onGet = async (_path, reply) => reply;
    const other = await judge(policyWith(), 'ab'.repeat(32));
    expect(other).toMatchObject({ verdict: 'untrusted', code: 'evidence_of_other_log', proven: undefined });
  });

  it('has no evidence where the host sends something else', async () => {
    world.onGet = async () => utf8('{}');
    expect(await refusalOf(judge(policyWith()))).toMatch(/^protocol_violated\//);
  });
});

describe('measurements beside the policy', () => {
  it('are the same, or differ, or are not asked for', async () => {
    const { evidence } = await judge(undefined);
    const outcomes = (policy: WorkerPolicy | undefined): readonly string[] =>
      measurementRows(evidence, policy).map(({ name, outcome }) => `${name} ${outcome}`);
    const last = ['PCR3 not asked', 'PCR4 not asked', 'PCR8 not asked'];
    expect(outcomes(policyWith())).toEqual(['PCR0 same', 'PCR1 same', 'PCR2 same', ...last]);
    expect(outcomes(undefined)).toEqual(['PCR0 not asked', 'PCR1 not asked', 'PCR2 not asked', ...last]);
    expect(outcomes(policyWith({ images: [] }))).toEqual(['PCR0 differs', 'PCR1 differs', 'PCR2 differs', ...last]);
  });

  it('are held against the image that has most in common with them', async () => {
    const { evidence } = await judge(undefined);
    const [image] = world.rules['images'] as readonly [{ readonly [pcr: string]: string }];
    const zeros = '00'.repeat(48);
    const images = [
      { pcr0: zeros, pcr1: zeros, pcr2: zeros },
      { ...image, pcr1: zeros },
    ];
    const rows = measurementRows(evidence, policyWith({ images }));
    expect(rows.slice(0, 3)).toMatchObject([
      { outcome: 'same', wanted: [image['pcr0']] },
      { outcome: 'differs', wanted: [zeros], reported: image['pcr1'] },
      { outcome: 'same', wanted: [image['pcr2']] },
    ]);
  });

  it('of a machine with SEV-SNP are one', async () => {
    world = await createWorld({}, { tee: 'amd-sev-snp' });
    const { evidence } = await judge(undefined);
    expect(measurementRows(evidence, policyWith())).toMatchObject([{ name: 'launch measurement', outcome: 'same' }]);
    const other = policyWith({ measurements: ['11'.repeat(48)] });
    expect(measurementRows(evidence, other)).toMatchObject([{ outcome: 'differs', wanted: ['11'.repeat(48)] }]);
  });
});

describe('what of a worker ends', () => {
  it('is its acceptance, each certificate and the policy, the first first', async () => {
    const policy = policyWith();
    const { report, proven } = await judge(policy);
    const lifetimes = lifetimesOf(report, proven, policy);
    expect(lifetimes[0]).toMatchObject({ kind: 'key', until: proven?.acceptedUntil });
    expect(lifetimes.filter(({ kind }) => kind === 'certificate').length).toBeGreaterThan(2);
    expect(lifetimes.filter(({ kind }) => kind === 'policy')).toEqual([
      { what: 'policy client tests', until: Date.parse('2027-01-01T00:00:00Z'), kind: 'policy' },
    ]);
    const times = lifetimes.map(({ until }) => until);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});

describe('what a host says', () => {
  it('of its workers is a list of hints, with members that are not known yet', async () => {
    expect(await askWorkers(world.host)).toEqual([
      {
        state: 'ready',
        fault: undefined,
        log: toHex(world.log),
        models: world.models.map(({ modelId }) => toHex(modelId)),
      },
    ]);
    world.onGet = async () => utf8('[{"state":"unusable","fault":"journal_failed","more":1}]');
    expect(await askWorkers(world.host)).toEqual([
      { state: 'unusable', fault: 'journal_failed', log: undefined, models: [] },
    ]);
  });

  it('of its models is its word until a publisher of the policy has signed it', async () => {
    const standings = async (policy: WorkerPolicy | undefined): Promise<unknown> =>
      (await askServedModels(world.host, policy)).map(({ standing }) => standing);
    expect(await standings(undefined)).toEqual([{ kind: 'claimed' }, { kind: 'claimed' }]);
    expect(await standings(policyWith())).toEqual([{ kind: 'signed' }, { kind: 'signed' }]);
    const refused = { kind: 'refused', code: 'publisher_refused' };
    expect(await standings(policyWith({ publishers: ['11'.repeat(64)] }))).toEqual([refused, refused]);
  });
});
