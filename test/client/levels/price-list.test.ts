import { describe, expect, it } from 'vitest';
import { ClientError } from '../../../client/errors.ts';
import {
  askPriceList,
  type HostTransport,
  type JudgedModel,
  judgePriceList,
  type LevelsPolicy,
  offerProblems,
} from '../../../client/index.ts';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { encodePriceList, type LevelOffer } from '../../../wire/message/price-list.ts';
import { release, type TestRelease } from '../../enclave/worker/core/harness.ts';
import { createAuditor, naming, policyOf } from './evidence.ts';

const circuit = sha256(utf8('a circuit'));
const proving = release([Uint8Array.of(1)], { circuit });
const plain = release([Uint8Array.of(2)], { name: 'plain' });
const common = { operation: 'infer', unitPrice: 1n, gas: null, verifier: null } as const;
const proved = { level: 'proved', ...common, circuit, setup: 'ceremony', seconds: 3 } as const;
const [a, b] = [createAuditor(), createAuditor()];
const replayed = {
  level: 'replayed',
  ...common,
  auditors: { threshold: 1, named: [a, b].map(({ id }) => ({ key: id, url: 'https://auditor.example' })) },
} as const;

function hostWith(
  model: TestRelease,
  levels: readonly LevelOffer[],
  shown: TestRelease | undefined = model,
): HostTransport {
  const { signed } = shown;
  const list = encodePriceList({ format: 'proofmark levels v1', models: [{ modelId: model.modelId, levels }] });
  const answers = new Map([
    ['/v1/levels', list],
    [
      `/v1/releases/${toHex(model.modelId)}`,
      utf8(
        JSON.stringify({
          manifest: toBase64url(signed.manifest),
          owner: toBase64url(signed.owner),
          signature: toBase64url(signed.signature),
        }),
      ),
    ],
  ]);
  return {
    async get(path) {
      const answer = answers.get(path);
      if (answer === undefined) throw new ClientError('host_error', 'nothing', { reason: 'not_found' });
      return answer;
    },
    post: () => Promise.reject(new TypeError('nothing is posted')),
    stream: () => Promise.reject(new TypeError('nothing is streamed')),
  };
}

async function judged(
  levels: readonly LevelOffer[],
  policy: LevelsPolicy = policyOf(),
  model = proving,
  shown = model,
): Promise<JudgedModel> {
  const host = hostWith(model, levels, shown);
  const [one] = await judgePriceList(host, await askPriceList(host), { policy, suite: nodeSuite });
  return one as JudgedModel;
}

const problemsOf = async (...args: Parameters<typeof judged>): Promise<readonly string[]> =>
  (await judged(...args)).offers.flatMap(({ problems }) => problems);

describe('a price list', () => {
  it('is held against the releases that it is about', async () => {
    const one = await judged([proved]);
    expect(one.release?.manifest.name).toBe('demo');
    expect(one.offers).toMatchObject([{ circuit: 'matches', problems: [] }]);
    expect(await problemsOf([{ ...proved, circuit: sha256(utf8('another')) }])).toEqual(['circuit_mismatch']);
    expect(await problemsOf([proved], policyOf(), plain)).toEqual(['circuit_none']);
  });

  it('compares no circuit where another release is shown in the place of one', async () => {
    const one = await judged([proved], policyOf(), proving, plain);
    expect(one).toMatchObject({ release: undefined, offers: [{ circuit: 'not-looked-at' }] });
  });

  it('is held against whom the caller believes', async () => {
    expect(await problemsOf([{ ...proved, setup: 'dev' }])).toEqual(['setup_refused']);
    expect(await problemsOf([{ ...proved, setup: 'dev' }], policyOf({ setups: 'dev-too' }))).toEqual([]);
    expect(await problemsOf([proved], policyOf({ setups: 'none' }))).toEqual(['policy_none']);
    expect(await problemsOf([replayed])).toEqual(['policy_none']);
    expect(await problemsOf([replayed], policyOf(naming([a, b], 2)))).toEqual([]);
    expect(await problemsOf([replayed], policyOf(naming([a, createAuditor()], 2)))).toEqual(['auditors_unnamed']);
    expect(await problemsOf([{ level: 'recomputed', ...common }])).toEqual(['policy_none']);
    expect(await problemsOf([{ level: 'recomputed', ...common }], policyOf({ recomputations: 'any' }))).toEqual([]);
    expect(await problemsOf([{ level: 'attested', ...common }])).toEqual([]);
    expect(Object.keys(offerProblems)).toHaveLength(5);
  });

  it('that is none is the host’s fault', async () => {
    const host = { ...hostWith(plain, []), get: async () => utf8('[]') };
    await expect(askPriceList(host)).rejects.toMatchObject({ code: 'protocol_violated' });
  });
});
