import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../wire/bytes.ts';
import { verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { WireError } from '../../../wire/errors.ts';
import { APPROVAL_BYTES, decodeApproval, encodeApproval } from '../../../wire/message/approval.ts';
import type { Execution } from '../../../wire/message/execution.ts';
import {
  AUDITOR_ASK_BYTES,
  auditorAskMessage,
  blindedFinding,
  type ComputingClass,
  classPreimage,
  decodeAuditorAsk,
  decodeFinding,
  encodeFinding,
  FINDING_BYTES,
  type Finding,
  findingVerdict,
  findingVerdictName,
} from '../../../wire/message/finding.ts';
import { tagWord } from '../../../wire/words.ts';
import { auditorVectors } from '../../vectors/golden/auditors.ts';

const word = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const zero = word(0);

const finding: Finding = {
  ...{ auditorX: word(1), auditorY: word(2), log: word(3), headSize: 6n, headRoot: word(4), seed: word(5) },
  ...{ index: 5n, leaf: word(6), verdict: findingVerdict.same, answer: word(7), class: word(8) },
  intermediates: word(9),
};

function refusal(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return `${error.code} ${error.place.field ?? ''}`.trim();
    throw error;
  }
}

describe('a finding', () => {
  it('is thirteen words that read back', () => {
    const encoded = encodeFinding(finding);
    expect(encoded).toHaveLength(FINDING_BYTES);
    expect(encoded.subarray(0, 32)).toEqual(tagWord('proofmark finding v1'));
    expect(decodeFinding(encoded)).toEqual(finding);
  });

  it.each<readonly [string, Partial<Finding>, string]>([
    ['a verdict that nobody knows', { verdict: 5n }, 'field_invalid verdict'],
    ['no verdict', { verdict: 0n }, 'field_invalid verdict'],
    ['bits compared with nothing', { answer: zero }, 'field_invalid answer'],
    ['an answer made of missing bytes', { verdict: findingVerdict.missing }, 'field_invalid answer'],
    ['a leaf behind the head', { index: 6n }, 'field_invalid index'],
  ])('is none with %s', (_, change, code) => {
    expect(refusal(() => encodeFinding({ ...finding, ...change }))).toBe(code);
  });

  it('is none under another tag, or with a word more or less', () => {
    const encoded = encodeFinding(finding);
    expect(refusal(() => decodeFinding(Uint8Array.of(...encoded.map((byte, i) => (i === 0 ? 0 : byte)))))).toBe(
      'tag_mismatch tag',
    );
    expect(refusal(() => decodeFinding(encoded.subarray(32)))).toBe('truncated');
    expect(refusal(() => decodeFinding(Uint8Array.of(...encoded, ...zero)))).toBe('trailing_bytes');
    expect(refusal(() => blindedFinding(encoded.subarray(32), word(1)))).toBe('word_invalid');
  });

  it('names its four verdicts', () => {
    expect([1n, 2n, 3n, 4n].map(findingVerdictName)).toEqual(['same', 'other', 'missing', 'unreplayable']);
  });
});

describe('a class', () => {
  const machine: ComputingClass = {
    ...{ engine: 'onnxruntime', version: '1.30.0', provider: 'cpu', optimisation: 'all', threads: 1 },
    ...{ cpuFamily: 'GenuineExample/6/85', cpuIsa: 'avx2' },
  };

  it('is the machine without how one request was fed to it', () => {
    const fed: Execution = { ...machine, layout: 'release', schedule: 'rows', generation: null };
    expect(classPreimage(fed)).toEqual(classPreimage(machine));
  });

  it.each(Object.keys(machine))('is another with another %s', (name) => {
    expect(classPreimage({ ...machine, [name]: name === 'threads' ? 2 : 'basic' })).not.toEqual(classPreimage(machine));
  });
});

describe('an approval', () => {
  const approval = {
    ...{ chainId: 31_337n, verifier: new Uint8Array(20).fill(1), escrow: word(2), log: word(3), modelId: word(4) },
    ...{ inputHash: word(5), outputHash: word(6), execution: word(7) },
  };

  it('is nine words that read back', () => {
    const encoded = encodeApproval(approval);
    expect(encoded).toHaveLength(APPROVAL_BYTES);
    expect(decodeApproval(encoded)).toEqual(approval);
    encoded[0] = 0;
    expect(refusal(() => decodeApproval(encoded))).toBe('tag_mismatch tag');
  });
});

describe('a question of an auditor', () => {
  it('reads back, and is none under another tag or past the largest tree', () => {
    const ask = {
      ...{ auditorX: word(1), auditorY: word(2), host: word(3), log: word(4), index: 7n, time: 1_900_000_000n },
      nonce: word(5),
    };
    const encoded = auditorAskMessage(ask);
    expect(encoded).toHaveLength(AUDITOR_ASK_BYTES);
    expect(decodeAuditorAsk(encoded)).toEqual(ask);
    const far = Uint8Array.from(encoded);
    far.fill(0xff, 5 * 32 + 24, 6 * 32);
    expect(refusal(() => decodeAuditorAsk(far))).toBe('integer_out_of_range index');
    encoded[0] = 0;
    expect(refusal(() => decodeAuditorAsk(encoded))).toBe('tag_mismatch tag');
  });
});

describe('the golden words of auditors', () => {
  const vectors = auditorVectors() as Record<string, Record<string, string>>;

  it.each(['finding', 'commit', 'reveal', 'approval', 'ask'])(
    'carry signatures that every suite verifies: %s',
    async (name) => {
      const point = fromHex(vectors['auditor']?.['publicKey'] as string);
      const { words = '', signature = '' } = vectors[name] ?? {};
      for (const suite of [nodeSuite, webSuite]) {
        expect(await verifyLowS(suite, point, fromHex(words), fromHex(signature))).toBe(true);
      }
    },
  );

  it('end a chain of hashes in its anchor', () => {
    const { values } = vectors['chain'] as unknown as { values: readonly string[] };
    values.slice(1).forEach((value, place) => {
      expect(toHex(sha256(fromHex(values[place] as string)))).toBe(value);
    });
  });
});
