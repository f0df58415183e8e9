import { type ReleaseFacts, type Verified, verifyRelease } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { base64urlBytes, object, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import type { SignedRelease } from '../../wire/message/manifest.ts';
import { decodePriceList, type LevelOffer, type PricedModel, type PriceList } from '../../wire/message/price-list.ts';
import { ClientError } from '../errors.ts';
import type { HostTransport } from '../transport.ts';
import { violation } from '../violation.ts';
import type { LevelsPolicy } from './policy.ts';

/** What speaks against an offer, by what can be known without asking anybody else. */
export type OfferProblem =
  /** The release names no circuit. */
  | 'circuit_none'
  /** The offer's circuit is not the one that the release names. */
  | 'circuit_mismatch'
  /** A setup of one party, or any setup, that the caller's policy does not accept. */
  | 'setup_refused'
  /** Of the auditors offered, the caller's policy names fewer than it wants. */
  | 'auditors_unnamed'
  /** The policy accepts nobody for this level. */
  | 'policy_none';

export const offerProblems: Readonly<Record<OfferProblem, string>> = {
  circuit_none: 'the release names no circuit',
  circuit_mismatch: 'the release names another circuit',
  setup_refused: 'your levels policy does not accept the setup',
  auditors_unnamed: 'too few of these auditors are in your levels policy',
  policy_none: 'your levels policy accepts nobody for this level',
};

/** One model with its offers, and what can be said of each. */
export interface JudgedModel {
  /** Undefined where the host does not show the release, so that no circuit can be compared. */
  readonly release: Verified<ReleaseFacts> | undefined;
  readonly modelId: Uint8Array;
  readonly offers: readonly JudgedOffer[];
}

export interface JudgedOffer {
  readonly offer: LevelOffer;
  /** Of what was asked. That nothing is wrong proves nothing: it is the host's word. */
  readonly problems: readonly OfferProblem[];
  /** Whether the circuit was held against the manifest of the release, which hashes to the model id. */
  readonly circuit: 'matches' | 'differs' | 'not-looked-at';
}

/** Nobody signs a price list: what comes back is what the host says. */
export async function askPriceList(host: HostTransport): Promise<PriceList> {
  const answer = await host.get('/v1/levels', limits.priceListBytes);
  return violation(() => decodePriceList(answer));
}

export interface JudgeOffersOptions {
  readonly policy: LevelsPolicy;
  readonly suite: Suite;
}

/** Holds the offers against the releases that they are about, and against whom the caller believes. */
export async function judgePriceList(
  host: HostTransport,
  list: PriceList,
  { policy, suite }: JudgeOffersOptions,
): Promise<readonly JudgedModel[]> {
  return Promise.all(
    list.models.map(async (model) => judgeModel(model, await shownRelease(host, model.modelId, suite), policy)),
  );
}

/** The same for one model whose release is known already. */
export function judgeModel(
  { modelId, levels }: PricedModel,
  release: Verified<ReleaseFacts> | undefined,
  policy: LevelsPolicy,
): JudgedModel {
  return { release, modelId, offers: levels.map((offer) => judgeOffer(offer, release, policy)) };
}

function judgeOffer(offer: LevelOffer, release: Verified<ReleaseFacts> | undefined, policy: LevelsPolicy): JudgedOffer {
  const circuit = circuitOf(offer, release);
  switch (offer.level) {
    case 'attested':
      return { offer, circuit, problems: [] };
    case 'replayed':
      return { offer, circuit, problems: ofAuditors(offer.auditors.named, policy) };
    case 'recomputed':
      return { offer, circuit, problems: policy.recomputations === 'none' ? ['policy_none'] : [] };
    case 'proved': {
      const ofCircuit: readonly OfferProblem[] =
        release?.manifest.circuit === null ? ['circuit_none'] : circuit === 'differs' ? ['circuit_mismatch'] : [];
      const isRefused = policy.setups === 'ceremony' && offer.setup === 'dev';
      const ofSetup: readonly OfferProblem[] =
        policy.setups === 'none' ? ['policy_none'] : isRefused ? ['setup_refused'] : [];
      return { offer, circuit, problems: [...ofCircuit, ...ofSetup] };
    }
  }
}

function circuitOf(offer: LevelOffer, release: Verified<ReleaseFacts> | undefined): JudgedOffer['circuit'] {
  if (offer.level !== 'proved' || release === undefined) return 'not-looked-at';
  const { circuit } = release.manifest;
  return circuit !== null && equalBytes(circuit, offer.circuit) ? 'matches' : 'differs';
}

function ofAuditors(
  named: readonly { readonly key: Uint8Array }[],
  { auditors }: LevelsPolicy,
): readonly OfferProblem[] {
  if (auditors === 'none') return ['policy_none'];
  const mine = auditors.keys.filter((key) => named.some((other) => equalBytes(other.key, key)));
  return mine.length < auditors.threshold ? ['auditors_unnamed'] : [];
}

const releaseReader: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

/** Of whichever publisher: its manifest hashes to the model id, and so names the circuit. */
async function shownRelease(
  host: HostTransport,
  modelId: Uint8Array,
  suite: Suite,
): Promise<Verified<ReleaseFacts> | undefined> {
  try {
    const served = await host.get(`/v1/releases/${toHex(modelId)}`, 2 * limits.manifestBytes);
    const signed = violation(() => releaseReader(parseJson(served, 2 * limits.manifestBytes), 'release'));
    const verdict = await verifyRelease(signed, { modelId, publishers: 'any', suite });
    return verdict.verdict === 'accepted' ? verdict.proven : undefined;
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error') return undefined;
    throw error;
  }
}
