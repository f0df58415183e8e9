import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProofError } from '../../../client/proofs/errors.ts';
import { openCircuitKey } from '../../../client/proofs/key.ts';
import { verifyProof } from '../../../client/proofs/verify.ts';
import { type Chain, ChainError, startChain } from '../../../contracts/tools/anvil.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { FIELD } from '../../../wire/commitment/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { encodeProof } from '../../../wire/message/proof.ts';
import { readUint, uintWord } from '../../../wire/words.ts';
import { type Draw, drawFrom } from '../../support/integer-models.ts';
import { type Deployed, deployed, hex } from '../support/settlement.ts';
import { negated, outsideSubgroup, type ProofWords, type Signals, trapdoor } from '../support/trapdoor.ts';

const BASE = 21_888_242_871_839_275_222_246_405_745_257_275_088_696_311_157_297_823_662_689_037_894_645_226_208_583n;
const MOST = 2n ** 256n;
const row = { bits: 8, signed: false, count: 16 };
const setup = trapdoor({
  input: row,
  output: { bits: 32, signed: true, count: 1 },
  phase1: 2,
  phase2: 2,
  label: 'parity',
});
const opened = await openCircuitKey(nodeSuite, setup.key);
const signals: Signals = { commitment: 11n, evaluation: 12n, point: 13n };
const proof = setup.prove(signals);

let chain: Chain;
let harness: Deployed;
let keys: Deployed;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  harness = await deployed(chain, 'ProvedHarness', [hex(setup.key)]);
  keys = await deployed(chain, 'RowsHarness', [], 'ProvedHarness');
}, 240_000);

afterAll(() => chain.stop());

async function onChain({ commitment, evaluation, point }: Signals, words: ProofWords): Promise<boolean> {
  const [aX, aY, bX1, bX0, bY1, bY0, cX, cY] = words;
  return harness.view<boolean>('verify', [commitment, evaluation, point, { aX, aY, bX1, bX0, bY1, bY0, cX, cY }]);
}

function offChain({ commitment, evaluation, point }: Signals, words: ProofWords): boolean {
  const word = (at: number): Uint8Array => uintWord(words[at] as bigint);
  const file = encodeProof({
    ...{ circuit: opened.digest, commitment: uintWord(commitment), evaluation: uintWord(evaluation) },
    ...{ point: uintWord(point), a: [word(0), word(1)], c: [word(6), word(7)] },
    b: [
      [word(2), word(3)],
      [word(4), word(5)],
    ],
  });
  return held(() => verifyProof(opened, file));
}

function held(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof ProofError) return false;
    throw error;
  }
}

const outside = outsideSubgroup();
const byHand: readonly (readonly [string, Signals, ProofWords, boolean])[] = [
  ['what is proved', signals, proof, true],
  ['what somebody made of it', signals, negated(proof, 'a', 'b'), true],
  ['a alone negated', signals, negated(proof, 'a'), false],
  ['c negated', signals, negated(proof, 'c'), false],
  ['another evaluation', { ...signals, evaluation: 14n }, proof, false],
  ['a second spelling of a signal', { ...signals, point: 13n + FIELD }, proof, false],
  ['a second spelling of a coordinate', signals, proof.with(6, (proof[6] as bigint) + BASE), false],
  ['a at infinity', signals, [0n, 0n, ...proof.slice(2)], false],
  ['b at infinity', signals, [...proof.slice(0, 2), 0n, 0n, 0n, 0n, ...proof.slice(6)], false],
  ['c at infinity', signals, [...proof.slice(0, 6), 0n, 0n], false],
  ['b outside its group', signals, [...proof.slice(0, 2), ...outside, ...proof.slice(6)], false],
  ['the parts of b in another order', signals, [0, 1, 3, 2, 5, 4, 6, 7].map((at) => proof[at] as bigint), false],
];

/** A word changed as hostile ones would: by a bit, to an edge, or to another word of the proof. */
function changed(draw: Draw): ProofWords {
  const at = draw.between(0, 7);
  const word = proof[at] as bigint;
  const other = proof[draw.between(0, 7)] as bigint;
  const edges = [0n, 1n, BASE - 1n, BASE, BASE + 1n, FIELD, MOST - 1n, BASE - word, (word + BASE) % MOST, other];
  return proof.with(at, draw.between(0, 1) === 0 ? word ^ (1n << BigInt(draw.between(0, 255))) : draw.oneOf(edges));
}

describe('a proof on chain and off', () => {
  it.each(byHand)('has one verdict: %s', async (_, about, words, verdict) => {
    expect(offChain(about, words)).toBe(verdict);
    expect(await onChain(about, words)).toBe(verdict);
  });

  it('has one verdict however it was changed', async () => {
    const draw = drawFrom(77);
    for (let times = 0; times < 60; times++) {
      const words = changed(draw);
      expect(await onChain(signals, words), words.join()).toBe(offChain(signals, words));
    }
  });
});

describe('a circuit key on chain and off', () => {
  async function readOnChain(key: Uint8Array): Promise<boolean> {
    try {
      await keys.view('readKey', [hex(key)]);
      return true;
    } catch (error) {
      if (error instanceof ChainError) return false;
      throw error;
    }
  }

  async function readOffChain(key: Uint8Array): Promise<boolean> {
    try {
      await openCircuitKey(nodeSuite, key);
      return true;
    } catch (error) {
      if (error instanceof ProofError) return false;
      throw error;
    }
  }

  const wordOf = (at: number): Uint8Array => setup.key.slice(32 * at, 32 * (at + 1));
  const withWords = (at: number, ...words: readonly Uint8Array[]): Uint8Array =>
    concatBytes(setup.key.slice(0, 32 * at), ...words, setup.key.slice(32 * (at + words.length)));

  it('is read, or is not, by both', async () => {
    const numbers = [0n, 1n, 2n, 7n, 8n, 16n, 64n, 65n, 4_096n, 4_097n, 2n ** 32n - 1n, 2n ** 32n, BASE, MOST - 1n];
    const cases = [
      setup.key,
      setup.key.slice(0, -32),
      concatBytes(setup.key, new Uint8Array(32)),
      // gamma where delta is, and its negative.
      withWords(21, ...[17, 18, 19, 20].map(wordOf)),
      withWords(21, wordOf(17), wordOf(18), ...[19, 20].map((at) => uintWord(BASE - readUint(wordOf(at))))),
      ...Array.from({ length: 33 }, (_, at) => numbers.map((number) => withWords(at, uintWord(number)))).flat(),
    ];
    let read = 0;
    for (const key of cases) {
      const here = await readOffChain(key);
      expect(await readOnChain(key), hex(key)).toBe(here);
      if (here) read += 1;
    }
    // Whatever hashes, counts and widths there may be: not a file of none.
    expect(read).toBeGreaterThan(40);
  }, 120_000);
});
