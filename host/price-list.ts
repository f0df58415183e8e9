import { readFileSync } from 'node:fs';
import { equalBytes } from '../wire/bytes.ts';
import { limits } from '../wire/limits.ts';
import { type Configuration, unitPriceOf } from '../wire/message/configuration.ts';
import {
  type AttestedOffer,
  decodeOffers,
  type PricedModel,
  type PricedOperation,
  type PriceList,
} from '../wire/message/price-list.ts';
import { operation } from '../wire/message/request.ts';
import { StartError } from './errors.ts';
import type { Release } from './releases.ts';

/** What the operator offers beyond the hardware's level. */
export function readOffers(path: string): PriceList {
  try {
    const bytes = Uint8Array.from(readFileSync(path));
    if (bytes.length > limits.priceListBytes) throw new StartError('levels_invalid', 'too large');
    return decodeOffers(bytes);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('levels_invalid', path, { cause });
  }
}

const operationsOf = (kind: Release['manifest']['kind']): readonly PricedOperation[] =>
  kind === 'tensor' ? ['infer'] : ['chat', 'completion'];

/** Of what is served now. A price for `attested` stands where the worker reads it, and nowhere else. */
export function priceListOf(
  releases: readonly Release[],
  configuration: Configuration,
  offers: PriceList | undefined,
): PriceList {
  const models = releases.map(({ modelId, manifest }): PricedModel => {
    const attested = operationsOf(manifest.kind).flatMap((name): AttestedOffer[] => {
      const unitPrice = unitPriceOf(configuration, modelId, operation[name]);
      return unitPrice === undefined
        ? []
        : [{ level: 'attested', operation: name, unitPrice, gas: null, verifier: null }];
    });
    const offered = offers?.models.find((model) => equalBytes(model.modelId, modelId))?.levels ?? [];
    return { modelId, levels: [...attested, ...offered] };
  });
  return { format: 'proofmark levels v1', models };
}
