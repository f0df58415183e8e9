import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import {
  COSIGNED_CHALLENGE_BYTES,
  COSIGNED_HEAD_BYTES,
  challengeDateMessage,
  decodeCosignedChallenge,
  decodeCosignedHead,
  encodeCosigned,
  headDateMessage,
  isCosignedChallenge,
} from '../../../wire/message/anchor.ts';
import { tagWord, uintWord } from '../../../wire/words.ts';
import { cosignedChallenge, cosignedHead, cosignerOf } from '../../support/cosign.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [log, root, document, nonce] = [1, 2, 3, 4].map((value) => new Uint8Array(32).fill(value)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const headDate = { log, size: 6n, root, document, time: 1_900_000_000n };
const head = cosignedHead(privateKey, headDate).evidence;
const challenge = cosignedChallenge(privateKey, { time: 1_900_000_000n, nonce });

function refusal(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return `${error.code} ${error.place.field ?? error.place.offset ?? ''}`.trim();
    throw error;
  }
}

function withWord(bytes: Uint8Array, index: number, word: Uint8Array): Uint8Array {
  const out = Uint8Array.from(bytes);
  out.set(word, index * 32);
  return out;
}

describe('a cosigned head', () => {
  it('is a tag, five words, the key and the signature', () => {
    expect(headDateMessage(headDate)).toEqual(
      concatBytes(tagWord('proofmark anchor v1'), log, uintWord(6n), root, document, uintWord(1_900_000_000n)),
    );
    expect(head).toHaveLength(COSIGNED_HEAD_BYTES);
    expect(COSIGNED_HEAD_BYTES).toBe(320);
    const read = decodeCosignedHead(head);
    expect(read.statement).toEqual(headDate);
    expect(read.message).toEqual(headDateMessage(headDate));
    expect(read.cosigner).toEqual(cosignerOf(privateKey));
    expect(encodeCosigned(read)).toEqual(head);
  });

  it.each<readonly [string, () => unknown, string]>([
    ['short', () => decodeCosignedHead(head.subarray(1)), 'truncated 319'],
    ['long', () => decodeCosignedHead(concatBytes(head, Uint8Array.of(0))), 'trailing_bytes 320'],
    ['of another tag', () => decodeCosignedHead(withWord(head, 0, tagWord('proofmark head v1'))), 'tag_mismatch tag'],
    [
      'of a tree too large',
      () => decodeCosignedHead(withWord(head, 2, uintWord(1n << 48n))),
      'integer_out_of_range size',
    ],
    [
      'of a time that no calendar has',
      () => decodeCosignedHead(withWord(head, 5, uintWord(8_640_000_000_001n))),
      'integer_out_of_range time',
    ],
    [
      'of a time of more than 64 bits',
      () => decodeCosignedHead(withWord(head, 5, uintWord(1n << 64n))),
      'integer_out_of_range time',
    ],
    [
      'written with such a time',
      () => headDateMessage({ ...headDate, time: 8_640_000_000_001n }),
      'integer_out_of_range time',
    ],
    ['with a short key', () => encodeCosigned({ ...decodeCosignedHead(head), cosigner: log }), 'key_invalid'],
    [
      'with a short signature',
      () => encodeCosigned({ ...decodeCosignedHead(head), signature: log }),
      'signature_format',
    ],
  ])('is refused: %s', (_, work, expected) => {
    expect(refusal(work)).toBe(expected);
  });

  it('may be of the last second that a calendar has', () => {
    expect(refusal(() => headDateMessage({ ...headDate, time: 8_640_000_000_000n }))).toBe('accepted');
  });
});

describe('a cosigned challenge', () => {
  it('is a tag, two words, the key and the signature', () => {
    expect(challenge).toHaveLength(COSIGNED_CHALLENGE_BYTES);
    expect(COSIGNED_CHALLENGE_BYTES).toBe(224);
    const read = decodeCosignedChallenge(challenge);
    expect(read.statement).toEqual({ time: 1_900_000_000n, nonce });
    expect(read.message).toEqual(challengeDateMessage({ time: 1_900_000_000n, nonce }));
    expect(encodeCosigned(read)).toEqual(challenge);
  });

  it('is known by its tag alone, so that one in a wrong form is refused and not taken for something else', () => {
    expect(isCosignedChallenge(challenge)).toBe(true);
    expect(isCosignedChallenge(challenge.subarray(0, 40))).toBe(true);
    expect(isCosignedChallenge(challenge.subarray(0, 31))).toBe(false);
    expect(isCosignedChallenge(concatBytes(tagWord('proofmark challenge v1'), nonce))).toBe(false);
    expect(refusal(() => decodeCosignedChallenge(challenge.subarray(0, 223)))).toBe('truncated 223');
    expect(refusal(() => decodeCosignedChallenge(head))).toBe('trailing_bytes 224');
    expect(refusal(() => decodeCosignedChallenge(withWord(challenge, 0, tagWord('proofmark anchor v1'))))).toBe(
      'tag_mismatch tag',
    );
  });
});

it('any bytes are read in one way or refused by code', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .record({ at: fc.nat(319), value: fc.nat(255) })
      .map(({ at, value }) => Uint8Array.from(head, (byte, index) => (index === at ? value : byte))),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      for (const decode of [decodeCosignedHead, decodeCosignedChallenge]) {
        try {
          expect(encodeCosigned(decode(input))).toEqual(input);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }
    }),
  );
});
