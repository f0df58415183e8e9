import { fromBase64url } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { CorpusCase } from '../vectors/corpus/case.ts';
import { caseById, judge, nitroCases, nitroPolicies } from './corpus.ts';
import { loadSwitchedVerifier, type Patch, type SwitchedVerifier } from './removal-bundle.ts';

/** What taking a check out means where its id is not enough. */
interface Special {
  /** Codes of the CBOR scan that this check stands for. */
  readonly wireCodes?: readonly string[];
  readonly patch?: Patch;
  /** A case whose refusal is reported under another check's id. */
  readonly witness?: string;
}

const specials: { readonly [id: string]: Special } = {
  N1: {
    patch: {
      file: 'verifier/codec/cose.ts',
      from: 'document[0] === TAG_18 ? 1 : 0',
      to: "document[0] === TAG_18 || (isOff('N1') && (document[0] ?? 0) >> 5 === 6) ? 1 : 0",
    },
    witness: 'nitro-message-tag-17',
  },
  N8: { wireCodes: ['cbor_not_minimal', 'cbor_utf8', 'cbor_type'] },
  X1: { wireCodes: ['too_large'] },
  N5: { wireCodes: ['too_large'] },
  X2: { wireCodes: ['cbor_depth', 'cbor_items'] },
  // cbor-x refuses a second item by itself, so a reader that takes only the first stands in for one that never looked.
  X3: {
    wireCodes: ['trailing_bytes'],
    patch: {
      file: 'wire/codec/cbor.ts',
      from: 'decoder.decode(view) as CborValue',
      to: "(isOff('X3') ? (decoder.decodeMultiple(view) as unknown[])[0] : decoder.decode(view)) as CborValue",
    },
  },
  X4: { wireCodes: ['cbor_duplicate_key'] },
  A2: { witness: 'nitro-path-simulated-under-hardware' },
  N26: { witness: 'nitro-path-root-not-pinned' },
};

/** A check behind which others stand that refuse the same evidence. */
export interface Backed {
  /** With these gone as well, the check is all that is left. */
  readonly by: readonly string[];
  readonly reason: string;
}

/** The checks that no case can show alone. They and their second lines stay: a second line is there to be one. */
export const backed: { readonly [id: string]: Backed } = {
  X1: { by: ['X3'], reason: 'a document is this long only with something after it' },
  N5: { by: ['X3'], reason: 'a payload is this long only with something after the map' },
  N6: { by: ['N7'], reason: 'no signature of another length verifies' },
  N12: { by: ['N20'], reason: 'no such timestamp is inside the validity of a leaf' },
  C5: {
    by: ['C18'],
    reason: 'every key of the chain verifies a signature, and the platform refuses one off its curve',
  },
  C16: { by: ['N26'], reason: 'the policy names roots once more' },
  N26: { by: ['C16'], reason: "only a vendor's own signature gets past the list of roots to this rule" },
  A2: { by: ['C16', 'N26'], reason: "only a vendor's own signature gets past the list of roots to this rule" },
};

export interface RemovalReport {
  readonly id: string;
  /** With the check gone, and nothing else: `accepted`, or the verdict and its code. */
  readonly alone: string;
  /** With only its second lines gone; null where it has none. */
  readonly guarded: string | null;
  /** With both gone; null where it has none. */
  readonly bare: string | null;
  /** The case that shows it. */
  readonly witness: string | null;
}

export async function loadForRemoval(): Promise<SwitchedVerifier> {
  return loadSwitchedVerifier(Object.values(specials).flatMap(({ patch }) => (patch === undefined ? [] : [patch])));
}

/** Every id of the checklist, as an accepted verdict lists them. */
export async function checklist(verifier: SwitchedVerifier): Promise<readonly string[]> {
  const entry = caseById('nitro-ok-definite');
  const { checks } = await verifier.verifyNitroDocument(fromBase64url(entry.document), {
    policy: verifier.parsePolicy(nitroPolicies[entry.policy] as JsonValue),
    now: Date.parse(entry.at),
    challenge: fromBase64url(entry.challenge),
    suite: nodeSuite,
    cache: 'none',
  });
  return checks.map(({ id }) => id);
}

/** Takes a check out and judges what it refuses, until evidence passes that should not. */
export async function removeCheck(verifier: SwitchedVerifier, id: string): Promise<RemovalReport> {
  const second = backed[id]?.by;
  let report: RemovalReport = { id, alone: 'no case fails it', guarded: null, bare: null, witness: null };
  for (const entry of casesFor(id)) {
    const alone = await rulingWithout(verifier, [id], entry);
    const guarded = second === undefined ? null : await rulingWithout(verifier, second, entry);
    const bare = second === undefined ? null : await rulingWithout(verifier, [id, ...second], entry);
    report = { id, alone, guarded, bare, witness: entry.id };
    if (alone === 'accepted' || bare === 'accepted') break;
  }
  return report;
}

/** Whether some case passes that should not, once nothing is left of the check and of what stands behind it. */
export function isMissed({ alone, guarded, bare }: RemovalReport): boolean {
  return alone === 'accepted' || (guarded !== 'accepted' && bare === 'accepted');
}

function casesFor(id: string): readonly CorpusCase[] {
  const named = specials[id]?.witness;
  if (named !== undefined) return [caseById(named)];
  return nitroCases.filter(({ expect: { check } }) => check === id);
}

async function rulingWithout(verifier: SwitchedVerifier, ids: readonly string[], entry: CorpusCase): Promise<string> {
  verifier.removal.ids = ids;
  verifier.removal.wireCodes = ids.flatMap((id) => specials[id]?.wireCodes ?? []);
  try {
    const { verdict, code } = await judge(verifier, entry);
    return code === null ? verdict : `${verdict} ${code}`;
  } catch (error) {
    // A parser that goes on after what it should have refused may stumble later: that is no acceptance.
    return `an exception: ${(error as Error).name}`;
  } finally {
    verifier.removal.ids = [];
    verifier.removal.wireCodes = [];
  }
}
