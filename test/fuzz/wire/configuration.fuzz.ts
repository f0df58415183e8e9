import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  unitPriceOf,
} from '../../../wire/message/configuration.ts';
import { golden } from '../golden.ts';
import { type Check, exact, unlessRefused } from '../refused.ts';

const roundTrip: Check = exact(decodeConfiguration, encodeConfiguration);

/** The attested hash is of these bytes, so a configuration has one spelling; and what it offers has one price. */
export function fuzz(data: Uint8Array): void {
  roundTrip(data);
  const value = unlessRefused(() => decodeConfiguration(data));
  if (value === undefined) return;
  for (const { model, operation } of value.prices) {
    const offered = unitPriceOf(value, model === 'any' ? new Uint8Array(32) : model, BigInt(operation));
    if (offered === undefined) throw new Error('a price that is listed and not offered');
  }
}

const usual: Configuration = decodeConfiguration(golden.configuration);

export const seeds: readonly Uint8Array[] = [
  golden.configuration,
  encodeConfiguration({ ...usual, models: [new Uint8Array(32).fill(1)], telemetry: 'none' }),
];
