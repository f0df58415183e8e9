import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, concat, encodeFunctionData, type Hex, keccak256, pad, slice, toFunctionSelector } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, ChainError, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { CONTRACTS } from '../../contracts/tools/foundry.ts';
import { deployP384 } from './support/p384.ts';

let evm: Chain;
let harness: Artifact;
let at: Address;
let engine: Address;
let p384: Address;
let code: Hex;

beforeAll(async () => {
  evm = await startChain({ hardfork: 'osaka' });
  harness = await artifact('ChainHarness');
  at = await evm.deploy(harness);
  engine = await evm.deploy(await artifact('Sha384Engine'));
  p384 = (await deployP384(evm)).address;
  code = await evm.rpc<Hex>('eth_getCode', [p384, 'latest']);
});

afterAll(() => evm.stop());

/** The address that the contract complains about, if it does. */
async function unknownIn(
  functionName: 'checkSha384Engine' | 'checkP384Verifier',
  given: Address,
): Promise<Address | 'known'> {
  try {
    await evm.call({ to: at, data: encodeFunctionData({ abi: harness.abi, functionName, args: [given] }) });
    return 'known';
  } catch (error) {
    if (!(error instanceof ChainError) || error.data === undefined) throw error;
    expect(slice(error.data, 0, 4)).toBe(toFunctionSelector('UnknownCode(address)'));
    return slice(error.data, 16, 36);
  }
}

/** A contract of exactly this code, made without any constructor of ours. */
async function contractOf(runtime: Hex): Promise<Address> {
  const size = pad(`0x${(runtime.length / 2 - 1).toString(16)}`, { size: 2 });
  // PUSH2 size, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN
  const data = concat(['0x61', size, '0x80600a5f395ff3', runtime]);
  const { contractAddress } = await evm.send({ data });
  return contractAddress as Address;
}

interface References {
  readonly deployedBytecode: {
    readonly object: Hex;
    readonly immutableReferences?: Readonly<Record<string, readonly { readonly start: number }[]>>;
  };
}

function compiled(name: string): References['deployedBytecode'] {
  const text = readFileSync(join(CONTRACTS, 'out', `${name}.sol`, `${name}.json`), 'utf8');
  return (JSON.parse(text) as References).deployedBytecode;
}

function withWordAt(place: number, word: Hex): Hex {
  const start = 2 + 2 * place;
  return `${code.slice(0, start)}${pad(word).slice(2)}${code.slice(start + 64)}` as Hex;
}

describe('KnownCode', () => {
  const source = readFileSync(join(CONTRACTS, 'src/chain/KnownCode.sol'), 'utf8');
  const constant = (name: string): string | undefined => new RegExp(`constant ${name} = (\\w+);`).exec(source)?.[1];

  it('holds what the compiler makes of Sha384Engine and P384Verifier', () => {
    expect(constant('SHA384_ENGINE')).toBe(keccak256(compiled('Sha384Engine').object));
    const { object, immutableReferences = {} } = compiled('P384Verifier');
    expect(constant('P384_VERIFIER')).toBe(keccak256(object));
    expect(Number(constant('P384_BYTES'))).toBe(object.length / 2 - 1);
    const [low, high] = Object.values(immutableReferences).map((places) => places.map(({ start }) => start));
    expect([constant('LOW'), constant('LOW_AGAIN')].map(Number)).toEqual(low);
    expect([constant('HIGH'), constant('HIGH_AGAIN')].map(Number)).toEqual(high);
  });

  it('knows the genuine contracts, and a copy of them', async () => {
    expect(await unknownIn('checkSha384Engine', engine)).toBe('known');
    expect(await unknownIn('checkP384Verifier', p384)).toBe('known');
    expect(await unknownIn('checkP384Verifier', await contractOf(code))).toBe('known');
  });

  it('refuses others, and addresses without code', async () => {
    const nobody = pad('0x1234', { size: 20 });
    for (const address of [nobody, at, p384])
      expect(await unknownIn('checkSha384Engine', address)).toBe(address.toLowerCase());
    for (const address of [nobody, at, engine])
      expect(await unknownIn('checkP384Verifier', address)).toBe(address.toLowerCase());
  });

  it('refuses the code of P384Verifier with one byte changed, or over other tables', async () => {
    const changed = await contractOf(concat([slice(code, 0, -1), code.endsWith('00') ? '0x01' : '0x00']));
    expect(await unknownIn('checkP384Verifier', changed)).toBe(changed);
    const references = Object.values(compiled('P384Verifier').immutableReferences ?? {});
    expect(references.flat()).toHaveLength(4);
    for (const places of references) {
      for (const { start } of places) {
        const mixed = await contractOf(withWordAt(start, engine));
        expect(await unknownIn('checkP384Verifier', mixed)).toBe(mixed);
        const dirty = await contractOf(
          withWordAt(start, `0x01${'00'.repeat(11)}${code.slice(2 + 2 * start + 24, 2 + 2 * start + 64)}`),
        );
        expect(await unknownIn('checkP384Verifier', dirty)).toBe(dirty);
      }
      const [first, second] = places as readonly [{ start: number }, { start: number }];
      const both = withWordAt(first.start, engine);
      const cut = 2 + 2 * second.start;
      const swapped = `${both.slice(0, cut)}${pad(engine).slice(2)}${both.slice(cut + 64)}` as Hex;
      expect(await unknownIn('checkP384Verifier', await contractOf(swapped))).toBe(engine.toLowerCase());
    }
  });
});
