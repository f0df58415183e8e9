import { toHex, utf8 } from '../bytes.ts';
import {
  array,
  decimal,
  hexBytes,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
} from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * Which levels of DESIGN section 6 a host offers for which model, and at what price. It is the host's word: nobody signs it.
 * An operator writes offers in a file, and the host adds what its configuration says of the level `attested`. The published
 * schema is attestations/schemas/proofmark-levels.schema.json.
 */
export interface PriceList {
  readonly format: 'proofmark levels v1';
  readonly models: readonly PricedModel[];
}

export interface PricedModel {
  readonly modelId: Uint8Array;
  readonly levels: readonly LevelOffer[];
}

export type PricedOperation = 'infer' | 'chat' | 'completion';

interface Offered {
  readonly operation: PricedOperation;
  readonly unitPrice: bigint;
  /** What settling one answer on chain takes, as the operator expects it; null where it says nothing. */
  readonly gas: number | null;
}

export type LevelOffer = AttestedOffer | ReplayedOffer | RecomputedOffer | ProvedOffer;

export interface AttestedOffer extends Offered {
  readonly level: 'attested';
  readonly verifier: OfferedVerifier | null;
}

export interface ReplayedOffer extends Offered {
  readonly level: 'replayed';
  readonly verifier: OfferedVerifier | null;
  readonly auditors: OfferedAuditors;
}

export interface RecomputedOffer extends Offered {
  readonly level: 'recomputed';
  readonly verifier: OfferedVerifier | null;
}

export interface ProvedOffer extends Offered {
  readonly level: 'proved';
  readonly verifier: OfferedVerifier | null;
  readonly circuit: Uint8Array;
  readonly setup: 'dev' | 'ceremony';
  /** How long the operator expects a proof to take; null where it says nothing. */
  readonly seconds: number | null;
}

/** The contract that an escrow names as its result verifier. */
export interface OfferedVerifier {
  readonly chainId: bigint;
  readonly address: Uint8Array;
  /** keccak-256 of its code, as chains have it. */
  readonly codeHash: Uint8Array;
}

export interface OfferedAuditors {
  readonly threshold: number;
  readonly named: readonly OfferedAuditor[];
}

export interface OfferedAuditor {
  /** x || y. */
  readonly key: Uint8Array;
  readonly url: string;
}

const operations = oneOf(['infer', 'chat', 'completion']);
const gas = nullable(integer({ min: 0, max: 100_000_000 }));
const verifier = nullable(
  object<OfferedVerifier>({ chainId: decimal(256), address: hexBytes(20), codeHash: hexBytes(32) }),
);
const common = { operation: operations, unitPrice: decimal(128), gas, verifier } as const;

const auditors: Reader<OfferedAuditors> = (value, path) => {
  const read = object<OfferedAuditors>({
    threshold: integer({ min: 1, max: limits.levelAuditors }),
    named: array(
      object<OfferedAuditor>({ key: hexBytes(64), url: text({ min: 1, max: 2_048, pattern: /^https?:\/\/.+$/ }) }),
      { min: 1, max: limits.levelAuditors },
    ),
  })(value, path);
  const distinct = new Set(read.named.map(({ key }) => toHex(key))).size;
  if (distinct < read.named.length) throw invalid('an auditor is named twice', `${path}.named`);
  if (read.threshold > distinct) throw invalid('more than are named', `${path}.threshold`);
  return read;
};

const readers: { readonly [L in LevelOffer['level']]: Reader<Extract<LevelOffer, { readonly level: L }>> } = {
  attested: object<AttestedOffer>({ level: literal('attested'), ...common }),
  replayed: object<ReplayedOffer>({ level: literal('replayed'), ...common, auditors }),
  recomputed: object<RecomputedOffer>({ level: literal('recomputed'), ...common }),
  proved: object<ProvedOffer>({
    level: literal('proved'),
    ...common,
    circuit: hexBytes(32),
    setup: oneOf(['dev', 'ceremony']),
    seconds: nullable(integer({ min: 0, max: 86_400 })),
  }),
};

const offer: Reader<LevelOffer> = (value, path) => {
  const level = (value as { readonly level?: unknown } | null)?.level;
  if (typeof level !== 'string' || !Object.hasOwn(readers, level)) {
    throw invalid(`must be one of ${Object.keys(readers).join(', ')}`, `${path}.level`);
  }
  return readers[level as LevelOffer['level']](value, path);
};

const list: Reader<PriceList> = object<PriceList>({
  format: literal('proofmark levels v1'),
  models: array(
    object<PricedModel>({
      modelId: hexBytes(32),
      levels: array(offer, { min: 0, max: limits.levelOffers }),
    }),
    { min: 0, max: limits.configurationModels },
  ),
});

export function decodePriceList(encoded: Uint8Array): PriceList {
  const read = list(parseJson(encoded, limits.priceListBytes), 'levels');
  const distinct = new Set(read.models.map(({ modelId }) => toHex(modelId))).size;
  if (distinct < read.models.length) throw invalid('a model is listed twice', 'levels.models');
  return read;
}

/** An operator's file: without `attested`, whose price the worker's configuration has, so that it is not said twice. */
export function decodeOffers(encoded: Uint8Array): PriceList {
  const read = decodePriceList(encoded);
  read.models.forEach(({ levels }, model) => {
    const at = levels.findIndex(({ level }) => level === 'attested');
    if (at >= 0) throw invalid('the configuration says it', `levels.models[${model}].levels[${at}].level`);
  });
  return read;
}

export function encodePriceList(value: PriceList): Uint8Array {
  return utf8(JSON.stringify(value, (_name, member: unknown) => plain(member)));
}

function plain(member: unknown): unknown {
  if (member instanceof Uint8Array) return toHex(member);
  return typeof member === 'bigint' ? String(member) : member;
}

function invalid(detail: string, field: string): WireError {
  return new WireError('field_invalid', detail, { field });
}
