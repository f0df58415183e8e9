import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StartError } from '../../host/errors.ts';
import { priceListOf, readOffers } from '../../host/price-list.ts';
import { toHex } from '../../wire/bytes.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { decodePriceList, type PriceList } from '../../wire/message/price-list.ts';
import { temporaryFolder } from '../support/command.ts';
import { testConfiguration } from '../support/fake-log.ts';
import { testRelease } from '../support/fake-release.ts';
import { type Served, serve } from './support/served.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const offerOf = (modelId: string): object => ({
  format: 'proofmark levels v1',
  models: [
    {
      modelId,
      levels: [{ level: 'recomputed', operation: 'infer', unitPrice: '9', gas: 115_000, verifier: null }],
    },
  ],
});

describe('a price list of a host', () => {
  const release = testRelease([Uint8Array.of(1)]);
  const offers: PriceList = readOffers(folder.file('levels.json', JSON.stringify(offerOf(toHex(release.modelId)))));
  let served: Served;
  beforeAll(async () => {
    served = await serve({ releases: [release], offers });
  });
  afterAll(() => served.stop());

  it('says what the configuration says of attested answers, and what the operator offers beside', async () => {
    const response = await fetch(`${served.host.url}/v1/levels`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const list = decodePriceList(new Uint8Array(await response.arrayBuffer()));
    expect(list.models).toEqual([
      {
        modelId: release.modelId,
        levels: [
          { level: 'attested', operation: 'infer', unitPrice: 5n, gas: null, verifier: null },
          { level: 'recomputed', operation: 'infer', unitPrice: 9n, gas: 115_000, verifier: null },
        ],
      },
    ]);
  });

  it('is of what is served: no other model, and no price that the worker would not take', () => {
    const configuration = decodeConfiguration(testConfiguration());
    const other = testRelease([Uint8Array.of(2)]);
    const list = priceListOf([other], { ...configuration, prices: [] }, offers);
    expect(list.models).toEqual([{ modelId: other.modelId, levels: [] }]);
    const language = testRelease([Uint8Array.of(3)], { kind: 'text-generation' });
    const prices = [{ model: 'any', operation: 1, unitPrice: 2n }] as const;
    expect(priceListOf([language], { ...configuration, prices }, undefined).models[0]?.levels).toMatchObject([
      { level: 'attested', operation: 'chat', unitPrice: 2n },
    ]);
  });
});

describe('a file of offers', () => {
  it.each<[string, string]>([
    ['that is none', '{'],
    ['with a level of the hardware', JSON.stringify(offerOf('00'.repeat(32))).replace('recomputed', 'attested')],
  ])('%s keeps the host from starting', (_, content) => {
    const read = (): unknown => readOffers(folder.file('bad.json', content));
    expect(read).toThrow(StartError);
    expect(read).toThrow(/^levels_invalid/);
  });

  it('that is not there keeps it from starting, too', () => {
    expect(() => readOffers('/nowhere/levels.json')).toThrow(/^levels_invalid/);
  });
});
