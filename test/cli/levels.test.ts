import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOffers } from '../../host/price-list.ts';
import { toHex } from '../../wire/bytes.ts';
import { type Served, serve } from '../host/support/served.ts';
import { command, temporaryFolder } from '../support/command.ts';
import { testRelease } from '../support/fake-release.ts';

const folder = temporaryFolder();
const release = testRelease([Uint8Array.of(1)]);
const key = 'ab'.repeat(64);
const common = { operation: 'infer', unitPrice: '9', gas: 190_000 };
const offers = folder.file(
  'levels.json',
  JSON.stringify({
    format: 'proofmark levels v1',
    models: [
      {
        modelId: toHex(release.modelId),
        levels: [
          {
            ...{ level: 'replayed', ...common },
            verifier: { chainId: '31337', address: 'cd'.repeat(20), codeHash: 'ef'.repeat(32) },
            auditors: { threshold: 1, named: [{ key, url: 'https://auditor.example' }] },
          },
          {
            ...{ level: 'proved', ...common, verifier: null },
            ...{ circuit: '12'.repeat(32), setup: 'ceremony', seconds: 3 },
          },
        ],
      },
    ],
  }),
);
const policy = folder.file(
  'policy.json',
  JSON.stringify({
    ...{ format: 'proofmark levels policy v1', name: 'mine', setups: 'ceremony', recomputations: 'none' },
    auditors: { keys: [key], threshold: 1 },
  }),
);

let served: Served;
beforeAll(async () => {
  served = await serve({ releases: [release], offers: readOffers(offers) });
});
afterAll(async () => {
  await served.stop();
  folder.remove();
});

describe('proofmark levels', () => {
  it('tells what is offered, by whom, and that it is the host’s word', async () => {
    const { code, out } = await command('levels', served.host.url, '--levels-policy', policy);
    expect(code).toBe(0);
    expect(out).toContain('attested    infer       5 a unit');
    expect(out).toContain('replayed    infer       9 a unit, 190,000 gas');
    expect(out).toContain(`contract 31337:${'cd'.repeat(20)}, code ${'ef'.repeat(32)}`);
    expect(out).toContain(`auditor ${key} at https://auditor.example`);
    expect(out).toContain('not held against the release, which is not shown; ceremony setup, some 3 s to prove');
    expect(out).toContain('Nobody signs this list.');
  });

  it('says what speaks against an offer, and ends with that', async () => {
    const { code, out } = await command('levels', served.host.url);
    expect(code).toBe(30);
    expect(out).toContain('✗ policy_none: your levels policy accepts nobody for this level');
  });

  it('says it to programs', async () => {
    const { out } = await command('levels', served.host.url, '--json', '--levels-policy', policy);
    expect(JSON.parse(out)).toMatchObject({
      models: [
        {
          modelId: toHex(release.modelId),
          levels: [
            { offer: { level: 'attested', unitPrice: '5' }, problems: [], circuit: 'not-looked-at' },
            { offer: { level: 'replayed', gas: 190_000 }, problems: [] },
            { offer: { level: 'proved', seconds: 3 } },
          ],
        },
      ],
    });
  });

  it.each<[string, readonly string[], number, string]>([
    ['without a host', [], 2, 'name one host URL'],
    ['of two hosts', ['http://127.0.0.1:1', 'http://127.0.0.1:1'], 2, 'name one host URL'],
    ['by a policy that is none', ['http://127.0.0.1:1', '--levels-policy', offers], 1, 'argument_invalid'],
    ['where nothing listens', ['http://127.0.0.1:1'], 1, 'host_unreachable'],
  ])('%s ends with one line', async (_, args, code, words) => {
    const outcome = await command('levels', ...args);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toContain(words);
  });
});
