import type { Cache } from './chain.ts';
import type { Verdict } from './verdict.ts';

/** Both verdicts, and what of the case a tolerance may ask about. */
export interface Pair {
  readonly typescript: Verdict;
  readonly contract: Verdict;
  readonly cache: Cache;
  /** The signature of a certificate that was registered before is replaced by one that does not hold, and nothing else. */
  readonly onlyKnownForged: boolean;
}

/** A difference that is meant, with the reason. Reports count how often each was made use of. */
export interface Tolerance {
  readonly name: string;
  readonly reason: string;
  readonly applies: (pair: Pair) => boolean;
}

const causesOf = (verdict: Verdict): readonly string[] => (verdict.accepted ? [] : verdict.causes);

export const tolerances: readonly Tolerance[] = [
  {
    name: 'another-order',
    reason:
      'several things are wrong, and each side stops at the one that it comes to first: the cause on chain is one that ' +
      "TypeScript's own parts find too",
    applies: ({ typescript, contract }) =>
      !contract.accepted && contract.causes.every((cause) => causesOf(typescript).includes(cause)),
  },
  {
    name: 'point-later',
    reason:
      'a contract finds that a key is no point of the curve when a signature is checked with it, and TypeScript when it ' +
      'reads the key: what is looked at in between may be named instead',
    applies: ({ typescript, contract }) => !contract.accepted && causesOf(typescript)[0] === 'certificate_key',
  },
  {
    name: 'many-fields',
    reason:
      'of more than sixteen fields in a payload a contract looks at the first sixteen: a field that is outside the ' +
      'specification is among them in any case, and a mandatory one behind them counts as left out',
    applies: ({ typescript, contract }) =>
      !contract.accepted &&
      contract.causes[0] === 'document_field_missing' &&
      causesOf(typescript).includes('field_unknown'),
  },
  {
    name: 'known-signature',
    reason:
      'a contract that has seen a certificate proven asks for no signature of it again, whatever stands in its place: ' +
      'the certificate that was signed is the same to the last byte',
    applies: ({ typescript, contract, cache, onlyKnownForged }) =>
      cache !== 'cold' &&
      contract.accepted &&
      onlyKnownForged &&
      causesOf(typescript).every((cause) => cause === 'certificate_signature'),
  },
];
