import { bn254 } from '@noble/curves/bn254.js';
import { describe, expect, it } from 'vitest';
import { ProofError, type ProofErrorCode, proofErrorCodes } from '../../../client/proofs/errors.ts';
import { type OpenedKey, openCircuitKey, setupOf } from '../../../client/proofs/key.ts';
import { isProvenResult, verifyProof } from '../../../client/proofs/verify.ts';
import { FIELD } from '../../../wire/commitment/field.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { webSuite } from '../../../wire/crypto/web.ts';
import { type CircuitKey, encodeCircuitKey, type VerificationKey } from '../../../wire/message/circuit-key.ts';
import { encodeProof, type ProofFile } from '../../../wire/message/proof.ts';
import { readUint, uintWord } from '../../../wire/words.ts';
import {
  forgedProof,
  forgedProofFile,
  g1Words,
  g2Words,
  trapdoorKey,
  trapdoorKeyBytes,
} from '../../support/trapdoor.ts';

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const { Fp, Fp2 } = bn254.fields;
/** Of the coordinates; FIELD is that of the signals. */
const MODULUS = Fp.ORDER;
const zero = new Uint8Array(32);

const opened = await openCircuitKey(nodeSuite, trapdoorKeyBytes);
const proof = forgedProof([1_000n, 77n, 5n]);

async function refusalOf(run: () => unknown): Promise<{ code: ProofErrorCode; place: string } | 'accepted'> {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    if (error instanceof ProofError) return { code: error.code, place: error.place };
    throw error;
  }
}

const judged = (changes: Partial<ProofFile>, key: OpenedKey = opened): ReturnType<typeof refusalOf> =>
  refusalOf(() => verifyProof(key, encodeProof({ ...proof, ...changes })));

const openedWith = (changes: Partial<VerificationKey>): Promise<OpenedKey> => {
  const key: CircuitKey = { ...trapdoorKey, verification: { ...trapdoorKey.verification, ...changes } };
  return openCircuitKey(nodeSuite, encodeCircuitKey(key));
};

/** On the twisted curve, and not in the group: nearly every point is so, since the cofactor has 254 bits. */
function outsideSubgroup(): InstanceType<typeof G2> {
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.create({ c0, c1: 0n });
    try {
      const y = Fp2.sqrt(Fp2.add(Fp2.mul(Fp2.sqr(x), x), G2.CURVE().b));
      return G2.fromAffine({ x, y });
    } catch {
      // No square: no point has this x.
    }
  }
}

describe('a proof that holds', () => {
  it('says which circuit, which setup and which values', () => {
    const result = verifyProof(opened, encodeProof(proof));
    expect(result).toEqual({
      circuit: sha256(trapdoorKeyBytes),
      setup: { kind: 'ceremony', phase1: 3, phase2: 2 },
      form: 'evaluated',
      commitment: uintWord(1_000n),
      point: uintWord(5n),
      evaluation: uintWord(77n),
    });
    expect(isProvenResult(result)).toBe(true);
    expect(isProvenResult({ ...result })).toBe(false);
  });

  it('is private at the point zero', () => {
    expect(verifyProof(opened, forgedProofFile([1_000n, 0n, 0n])).form).toBe('private');
  });

  it('holds with signals of any size below the order', () => {
    const most = FIELD - 1n;
    expect(verifyProof(opened, forgedProofFile([most, most, most])).evaluation).toEqual(uintWord(most));
    expect(verifyProof(opened, forgedProofFile([0n, 0n, 0n])).commitment).toEqual(zero);
  });

  it('holds by WebCrypto’s digest, too', async () => {
    const key = await openCircuitKey(webSuite, trapdoorKeyBytes);
    expect(key.digest).toEqual(opened.digest);
    expect(isProvenResult(verifyProof(key, encodeProof(proof)))).toBe(true);
  });

  // Why nothing may be keyed by a proof's bytes: this is another proof, and it says the same.
  it('holds as well with a and b negated, and says the same facts', () => {
    const [a, b] = [G1.fromAffine(affine1(proof.a)), G2.fromAffine(affine2(proof.b))];
    const other = { ...proof, a: g1Words(a.negate()), b: g2Words(b.negate()) };
    expect(other.a).not.toEqual(proof.a);
    expect(verifyProof(opened, encodeProof(other))).toEqual(verifyProof(opened, encodeProof(proof)));
  });

  it('holds as well with a multiplied and b divided by the same number', () => {
    const [a, b] = [G1.fromAffine(affine1(proof.a)), G2.fromAffine(affine2(proof.b))];
    const other = { a: g1Words(a.multiply(3n)), b: g2Words(b.multiply(bn254.fields.Fr.inv(3n))) };
    expect(isProvenResult(verifyProof(opened, encodeProof({ ...proof, ...other })))).toBe(true);
  });

  it.each([
    [1, 1, 'dev'],
    [1, 9, 'dev'],
    [9, 1, 'dev'],
    [2, 2, 'ceremony'],
  ] as const)('has with %i and %i parties the setup of a %s', (phase1, phase2, kind) => {
    expect(setupOf({ phase1, phase2 })).toEqual({ kind, phase1, phase2 });
  });
});

describe('a proof that does not hold', () => {
  const other = forgedProof([1_000n, 77n, 6n]);
  const moved = g1Words(G1.BASE.multiply(41n));

  it.each<readonly [string, Partial<ProofFile>]>([
    ['another commitment', { commitment: uintWord(1_001n) }],
    ['another evaluation', { evaluation: uintWord(78n) }],
    ['another point', { point: uintWord(6n) }],
    ['the private form of other facts', { point: zero, evaluation: zero }],
    ['commitment and evaluation exchanged', { commitment: proof.evaluation, evaluation: proof.commitment }],
    ['a and c exchanged', { a: proof.c, c: proof.a }],
    ['another a', { a: moved }],
    ['another b', { b: g2Words(G2.BASE.multiply(41n)) }],
    ['another c', { c: moved }],
    ['only a negated', { a: g1Words(G1.fromAffine(affine1(proof.a)).negate()) }],
    ['the c of another proof', { c: other.c }],
  ])('is refused with %s', async (_, changes) => {
    expect(await judged(changes)).toEqual({ code: 'proof_refused', place: '' });
  });

  it('is refused where it is another circuit’s, by its name', async () => {
    expect(await judged({ circuit: uintWord(1n) })).toEqual({ code: 'circuit_mismatch', place: 'circuit' });
  });

  it.each(['alpha', 'beta', 'gamma', 'delta', 'ic'] as const)('is refused with a key of another %s', async (name) => {
    const { verification } = trapdoorKey;
    const [first, ...rest] = verification.ic;
    const changed = {
      alpha: { alpha: moved },
      beta: { beta: g2Words(G2.BASE.multiply(43n)) },
      gamma: { gamma: g2Words(G2.BASE.multiply(43n)) },
      delta: { delta: g2Words(G2.BASE.multiply(43n)) },
      ic: { ic: [rest[0], first, rest[1], rest[2]] as unknown as VerificationKey['ic'] },
    }[name];
    const key = await openedWith(changed);
    expect(await judged({}, key)).toEqual({ code: 'circuit_mismatch', place: 'circuit' });
    expect(await judged({ circuit: key.digest }, key)).toEqual({ code: 'proof_refused', place: '' });
  });
});

describe('what is no proof or no key', () => {
  const [x, y] = proof.a;
  const [bx, by] = proof.b;
  const beyond = (word: Uint8Array): Uint8Array => uintWord(readUint(word) + MODULUS);

  it.each<readonly [ProofErrorCode, string, string, Partial<ProofFile>]>([
    ['signal_range', 'commitment', 'a commitment of the order more', { commitment: uintWord(1_000n + FIELD) }],
    ['signal_range', 'evaluation', 'the order as evaluation', { evaluation: uintWord(FIELD) }],
    ['signal_range', 'point', 'a point of the order more', { point: uintWord(5n + FIELD) }],
    ['coordinate_range', 'proof.a', 'another spelling of a', { a: [beyond(x), y] }],
    ['coordinate_range', 'proof.a', 'the modulus as a coordinate', { a: [uintWord(MODULUS), y] }],
    ['coordinate_range', 'proof.b', 'another spelling of b', { b: [bx, [beyond(by[0]), by[1]]] }],
    ['coordinate_range', 'proof.c', 'another spelling of c', { c: [proof.c[0], beyond(proof.c[1])] }],
    ['point_infinite', 'proof.a', 'a at infinity', { a: [zero, zero] }],
    [
      'point_infinite',
      'proof.b',
      'b at infinity',
      {
        b: [
          [zero, zero],
          [zero, zero],
        ],
      },
    ],
    ['point_infinite', 'proof.c', 'c at infinity', { c: [zero, zero] }],
    ['point_off_curve', 'proof.a', 'a off the curve', { a: [y, x] }],
    ['point_off_curve', 'proof.a', 'half of a at infinity', { a: [zero, y] }],
    [
      'point_off_curve',
      'proof.b',
      'b with its parts exchanged',
      {
        b: [
          [bx[1], bx[0]],
          [by[1], by[0]],
        ],
      },
    ],
    ['point_off_curve', 'proof.b', 'b with its coordinates exchanged', { b: [by, bx] }],
    ['point_off_curve', 'proof.c', 'c off the curve', { c: [proof.c[0], uintWord(readUint(proof.c[1]) ^ 1n)] }],
    ['point_outside_subgroup', 'proof.b', 'b on the curve and in no group', { b: g2Words(outsideSubgroup()) }],
  ])('%s in %s: %s', async (code, place, _, changes) => {
    expect(await judged(changes)).toEqual({ code, place });
  });

  it.each<readonly [ProofErrorCode, string, Partial<VerificationKey>]>([
    ['coordinate_range', 'key.alpha', { alpha: [uintWord(MODULUS), y] }],
    [
      'point_infinite',
      'key.delta',
      {
        delta: [
          [zero, zero],
          [zero, zero],
        ],
      },
    ],
    ['point_infinite', 'key.ic[3]', { ic: [x, x, x, x].map((_, i) => (i < 3 ? proof.a : [zero, zero])) as never }],
    ['point_off_curve', 'key.beta', { beta: [by, bx] }],
    ['point_outside_subgroup', 'key.gamma', { gamma: g2Words(outsideSubgroup()) }],
    ['key_degenerate', 'key.delta', { delta: trapdoorKey.verification.gamma }],
    [
      'key_degenerate',
      'key.delta',
      { delta: g2Words(G2.fromAffine(affine2(trapdoorKey.verification.gamma)).negate()) },
    ],
  ])('%s in %s', async (code, place, changes) => {
    expect(await refusalOf(() => openedWith(changes))).toEqual({ code, place });
  });

  it('key_malformed and proof_malformed', async () => {
    const short = trapdoorKeyBytes.subarray(1);
    expect(await refusalOf(() => openCircuitKey(nodeSuite, short))).toEqual({ code: 'key_malformed', place: 'key' });
    const text = encodeProof(proof).subarray(1);
    expect(await refusalOf(() => verifyProof(opened, text))).toEqual({ code: 'proof_malformed', place: 'proof' });
  });

  it('key_malformed: a key that only looks like one that was opened', async () => {
    expect(await judged({}, { ...opened })).toEqual({ code: 'key_malformed', place: 'key' });
  });

  it('has a code for each of these, and no other', () => {
    expect([...proofErrorCodes].sort()).toEqual([
      'circuit_mismatch',
      'coordinate_range',
      'key_degenerate',
      'key_malformed',
      'point_infinite',
      'point_off_curve',
      'point_outside_subgroup',
      'proof_malformed',
      'proof_refused',
      'signal_range',
    ]);
  });
});

function affine1([x, y]: ProofFile['a']): { x: bigint; y: bigint } {
  return { x: readUint(x), y: readUint(y) };
}

function affine2([x, y]: ProofFile['b']): { x: ReturnType<typeof Fp2.create>; y: ReturnType<typeof Fp2.create> } {
  const part = ([c1, c0]: ProofFile['b'][0]): ReturnType<typeof Fp2.create> =>
    Fp2.create({ c0: readUint(c0), c1: readUint(c1) });
  return { x: part(x), y: part(y) };
}
