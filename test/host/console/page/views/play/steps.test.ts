import { beforeAll, describe, expect, it } from 'vitest';
import type { InferResult, LanguageResult } from '../../../../../../client/index.ts';
import type { ProofStep, Proven } from '../../../../../../host/console/page/views/play/proof/step.ts';
import { proveSteps } from '../../../../../../host/console/page/views/play/proof/steps.ts';
import { toHex } from '../../../../../../wire/bytes.ts';
import { nodeSuite } from '../../../../../../wire/crypto/node.ts';
import { type Archive, decodeArchive, encodeArchive } from '../../../../../../wire/message/archive.ts';
import { createWorld, type World } from '../../../../../client/world.ts';

let world: World;
let result: InferResult;
let said: LanguageResult;
beforeAll(async () => {
  world = await createWorld();
  const client = world.client();
  for (let call = 0; call < 4; call++) await client.infer(world.call);
  result = await client.infer(world.call);
  said = await client.chat({ model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] });
});

/** The answer as a file that somebody has changed would show it. */
function changed(change: (archive: Archive) => Partial<Archive>): Proven {
  const archive = decodeArchive(result.archive());
  return { ...result, archive: () => encodeArchive({ ...archive, ...change(archive) }) };
}

const flipped = (bytes: Uint8Array, at = 5): Uint8Array => bytes.with(at, (bytes[at] as number) ^ 1);

async function broken(proven: Proven): Promise<readonly string[]> {
  const { steps } = await proveSteps(proven, nodeSuite);
  return steps.filter(({ comparisons }) => comparisons.some(({ holds }) => !holds)).map(({ id }) => id);
}

describe('the steps of a proof', () => {
  it('lead from the hardware to the answer, and each of them holds', async () => {
    const { steps, path } = await proveSteps(result, nodeSuite);
    expect(steps.map(({ id }) => id)).toEqual([
      'evidence',
      'session',
      'release',
      'request',
      'response',
      'execution',
      'leaf',
      'path',
      'head',
      'fee',
    ]);
    expect(await broken(result)).toEqual([]);
    expect(path).toHaveLength(1);
    expect(toHex(path.at(-1)?.node as Uint8Array)).toBe(toHex(result.receipt.head.root));
  });

  it('have every check of the verifier in one of them', async () => {
    const { steps } = await proveSteps(result, nodeSuite);
    const shown = steps.flatMap(({ checks }) => checks.map(({ id }) => id));
    expect([...shown].sort()).toEqual(result.checks.map(({ id }) => id).sort());
  });

  it.each<readonly [string, (archive: Archive) => Partial<Archive>, readonly string[]]>([
    ['challenge', ({ challenge }) => ({ challenge: { ...challenge, value: flipped(challenge.value) } }), ['evidence']],
    [
      'configuration',
      ({ evidence }) => ({ evidence: { ...evidence, configuration: flipped(evidence.configuration) } }),
      ['evidence'],
    ],
    ['runtime', ({ evidence }) => ({ evidence: { ...evidence, runtime: flipped(evidence.runtime) } }), ['evidence']],
    [
      'identity',
      ({ evidence }) => ({ evidence: { ...evidence, identity: flipped(evidence.identity, 70) } }),
      ['evidence'],
    ],
    ['manifest', ({ release }) => ({ release: { ...release, manifest: flipped(release.manifest) } }), ['release']],
    ['owner', ({ release }) => ({ release: { ...release, owner: flipped(release.owner) } }), ['release']],
    [
      'request body',
      ({ request }) => ({ request: request && { ...request, body: flipped(request.body as Uint8Array) } }),
      ['request'],
    ],
    [
      'answer',
      ({ response }) => ({ response: response && { ...response, body: flipped(response.body as Uint8Array) } }),
      ['response'],
    ],
    ['execution', ({ execution }) => ({ execution: flipped(execution) }), ['execution']],
    ['neighbour', ({ proof }) => ({ proof: [flipped(proof[0] as Uint8Array)] }), ['path']],
    ['path that is too short', () => ({ proof: [] }), ['path']],
    ['root', ({ head }) => ({ head: flipped(head, 180) }), ['path', 'head']],
    ['signature', ({ signature }) => ({ signature: flipped(signature, 40) }), ['head']],
    ['fee', ({ receipt }) => ({ receipt: flipped(receipt, 10 * 32 - 1) }), ['path', 'fee']],
  ])('show a changed %s', async (_, change, steps) => {
    expect(await broken(changed(change))).toEqual(steps);
  });

  it('count the units of a conversation by its fee', async () => {
    const { steps } = await proveSteps(said, nodeSuite);
    const fee = steps.find(({ id }) => id === 'fee') as ProofStep;
    // Three tokens of the prompt, five of the answer, at two each.
    expect(fee.comparisons[0]).toMatchObject({ value: '16', statedValue: '16', holds: true });
    expect(fee.facts[0]).toEqual({ label: 'units', value: '8' });
    expect(steps.find(({ id }) => id === 'execution')?.facts.some(({ label }) => label === 'sampling')).toBe(true);
  });

  it('say of a simulated worker that no hardware vouches for it', async () => {
    const { steps } = await proveSteps(result, nodeSuite);
    expect(steps[0]?.settles).toMatch(/^A simulator signed/);
  });
});
