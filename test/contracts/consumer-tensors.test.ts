import { readFileSync } from 'node:fs';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, hexToBytes } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeIntegers, encodeIntegers, type IntegerTensor } from '../../wire/message/integers.ts';
import { runs } from '../support/runs.ts';

const golden = new URL('../../attestations/vectors/wire/integers.json', import.meta.url);

let chain: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  harness = await artifact('TensorHarness', 'TestConsumer');
  at = await chain.deploy(harness);
});

afterAll(() => chain.stop());

async function call(functionName: string, argument: unknown): Promise<unknown> {
  const data = encodeFunctionData({ abi: harness.abi, functionName, args: [argument] });
  return decodeFunctionResult({ abi: harness.abi, functionName, data: await chain.call({ to: at, data }) });
}

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;

/** Null where the contract refuses the body. */
async function onChain(body: Uint8Array): Promise<unknown> {
  try {
    return await call('decode', hex(body));
  } catch (error) {
    if (error instanceof ChainError) return null;
    throw error;
  }
}

function here(body: Uint8Array): readonly IntegerTensor[] | null {
  try {
    return decodeIntegers(body);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

interface GoldenBody {
  readonly name: string;
  readonly body: string;
  readonly tensors: readonly {
    readonly decimals: number;
    readonly shape: readonly number[];
    readonly values: readonly string[];
  }[];
}

describe('integers on chain', () => {
  const { bodies } = JSON.parse(readFileSync(golden, 'utf8')) as { readonly bodies: readonly GoldenBody[] };

  it.each(bodies.map((each) => [each.name, each] as const))('read and write the golden body: %s', async (_, each) => {
    const tensors = each.tensors.map(({ values, ...rest }) => ({ ...rest, values: values.map(BigInt) }));
    expect(await call('decode', `0x${each.body}`)).toEqual(tensors);
    expect(await call('encode', tensors)).toBe(`0x${each.body}`);
  });

  it('refuse and read the same bodies as the worker does', { timeout: 120_000 }, async () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const counts = { read: 0, refused: 0 };
    for (let round = 0; round < runs(400); round++) {
      const body = mutated(encodeIntegers(tensors(random)), random);
      const expected = here(body);
      expect({ body: hex(body), read: await onChain(body) }).toEqual({ body: hex(body), read: expected });
      counts[expected === null ? 'refused' : 'read'] += 1;
    }
    expect(counts.read).toBeGreaterThan(50);
    expect(counts.refused).toBeGreaterThan(50);
  });
});

function tensors(random: (below: number) => number): readonly IntegerTensor[] {
  return Array.from({ length: random(3) }, () => {
    const shape = Array.from({ length: random(4) }, () => 1 + random(3));
    const count = shape.reduce((product, size) => product * size, 1);
    return { decimals: random(37), shape, values: Array.from({ length: count }, () => BigInt(random(9)) - 4n) };
  });
}

/** Now and then a word that claims more, a byte too few, or a word too many. */
function mutated(body: Uint8Array, random: (below: number) => number): Uint8Array {
  const words = [0n, 1n, 2n, 8n, 9n, 36n, 37n, 2n ** 32n, 2n ** 64n, 2n ** 128n, 2n ** 256n - 1n];
  const copy = Uint8Array.from(body);
  const choice = random(5);
  if (choice < 2 && body.length > 0) {
    const word = words[random(words.length)] as bigint;
    copy.set(hexToBytes(`0x${word.toString(16).padStart(64, '0')}`), 32 * random(body.length / 32));
  }
  if (choice === 2) return copy.subarray(0, Math.max(0, copy.length - 1 - random(40)));
  if (choice === 3) return Uint8Array.of(...copy, ...new Uint8Array(1 + random(64)));
  return copy;
}
