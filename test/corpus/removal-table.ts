import type { CorpusCase } from './corpus.ts';
import type { Patch } from './removal-bundle.ts';

/** What taking a check out means where its id is not enough. */
export interface Special {
  /** Codes of the CBOR scan that this check stands for. */
  readonly wireCodes?: readonly string[];
  readonly patch?: Patch;
  /** A case whose refusal is reported under another check's id. */
  readonly witness?: string;
}

/** A check behind which others stand that refuse the same evidence. */
export interface Backed {
  /** With these gone as well, the check is all that is left. */
  readonly by: readonly string[];
  readonly reason: string;
}

type Tables<Entry> = { readonly [tee in CorpusCase['tee']]: { readonly [id: string]: Entry } };

export const specials: Tables<Special> = {
  'aws-nitro': {
    N1: {
      patch: {
        file: 'verifier/codec/cose.ts',
        from: 'document[0] === TAG_18 ? 1 : 0',
        to: "document[0] === TAG_18 || (isOff('N1') && (document[0] ?? 0) >> 5 === 6) ? 1 : 0",
      },
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
  },
  'amd-sev-snp': {
    // It chooses where each certificate stands, so without it the first of two that fit is taken.
    C17: {
      patch: {
        file: 'verifier/snp/roles.ts',
        from: 'if (otherLeaves.length > 0)',
        to: "if (!isOff('C17') && otherLeaves.length > 0)",
      },
      witness: 'snp-certificate-two-leaves',
    },
    A2: { witness: 'snp-certificate-simulated-under-hardware' },
    'S16.root': { witness: 'snp-certificate-root-not-pinned' },
  },
};

const VENDOR_ONLY = "only a vendor's own signature gets past the list of roots to this rule";

/** The checks that no case can show alone. They and their second lines stay: a second line is there to be one. */
export const backed: Tables<Backed> = {
  'aws-nitro': {
    X1: { by: ['X3'], reason: 'a document is this long only with something after it' },
    N5: { by: ['X3'], reason: 'a payload is this long only with something after the map' },
    N6: { by: ['N7'], reason: 'no signature of another length verifies' },
    N12: { by: ['N20'], reason: 'no such timestamp is inside the validity of a leaf' },
    C5: { by: ['C18'], reason: 'every key of the chain verifies a signature, and none does off its curve' },
    C16: { by: ['N26'], reason: 'the policy names roots once more' },
    N26: { by: ['C16'], reason: VENDOR_ONLY },
    A2: { by: ['C16', 'N26'], reason: VENDOR_ONLY },
  },
  'amd-sev-snp': {
    S2: { by: ['S2.policy'], reason: 'the policy names versions once more' },
    'S5.form': { by: ['S5', 'S28'], reason: 'a kind without a name is no kind that a certificate or a policy has' },
    C5: { by: ['S6'], reason: "the leaf's key verifies the report, and none does off its curve" },
    C16: { by: ['S16.root'], reason: 'the policy names roots once more' },
    'S16.root': { by: ['C16'], reason: VENDOR_ONLY },
    A2: { by: ['C16', 'S16.root'], reason: VENDOR_ONLY },
  },
};
