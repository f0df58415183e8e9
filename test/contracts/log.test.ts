import { type Hex, toFunctionSelector } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeReceipt, encodeTreeHead, leafPreimage, type Receipt } from '../../wire/message/receipt.ts';
import { encodeRequestHeader, requestPreimage, responsePreimage } from '../../wire/message/request.ts';
import { filler, sign, testKey } from '../vectors/golden/keys.ts';
import { naiveTree, testLeaves } from '../wire/tree/rfc6962.ts';
import { bytesOf, type Deployed, deployed, hex } from './support/settlement.ts';

const RECEIPT_INVALID = toFunctionSelector('ReceiptInvalid()');

let chain: Chain;
let log: Deployed;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  log = await deployed(chain, 'LogHarness');
}, 300_000);

afterAll(() => chain.stop());

const receipt: Receipt = {
  requestId: filler('request'),
  channel: filler('channel'),
  modelId: filler('model'),
  requestHash: filler('request hash'),
  responseHash: filler('response hash'),
  commitment: filler('commitment'),
  execution: filler('execution'),
  flags: 7n,
  status: 4n,
  fee: 2n ** 128n - 1n,
  cumulativeFee: 2n ** 128n - 2n,
  deadline: 2n ** 64n - 1n,
  index: 2n ** 48n - 1n,
};

const words = (record: object): object =>
  Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, typeof value === 'bigint' ? value : hex(value)]),
  );

describe('Receipts', () => {
  it('hashes the leaf that workers hash', async () => {
    const leaf = sha256(leafPreimage(encodeReceipt(receipt)));
    expect(await log.view('leaf', [words(receipt)])).toBe(hex(leaf));
  });

  it.each([
    ['flags', 3],
    ['fee', 128],
    ['cumulativeFee', 128],
    ['deadline', 64],
    ['index', 48],
  ] as const)('refuses a bit above the width of %s', async (name, bits) => {
    for (const bit of [bits, bits + 1, 200, 255]) {
      const dirty = { ...receipt, [name]: receipt[name] | (1n << BigInt(bit)) };
      await expect(log.view('leaf', [words(dirty)])).rejects.toMatchObject({ data: RECEIPT_INVALID });
    }
  });

  it('refuses statuses that TypeScript does not know', async () => {
    for (const status of [5n, 255n, 2n ** 255n]) {
      await expect(log.view('leaf', [words({ ...receipt, status })])).rejects.toMatchObject({ data: RECEIPT_INVALID });
    }
  });
});

describe('Requests', () => {
  it('hashes requests and answers as workers do', async () => {
    const header = {
      requestId: filler('request'),
      modelId: filler('model'),
      operation: 0n,
      format: 2n,
      jsonLength: 0n,
      flags: 1n,
      salt: filler('salt'),
      channel: filler('channel'),
      unitPrice: 2n ** 127n,
      maxFee: 2n ** 128n - 1n,
      deadline: 2n ** 64n - 1n,
      seed: filler('seed'),
    };
    const body = filler('body');
    const request = sha256(requestPreimage(encodeRequestHeader(header), body));
    expect(await log.view('requestHash', [words(header), hex(body)])).toBe(hex(request));
    const facts = { salt: filler('salt'), status: 0n, format: 2n, jsonLength: 77n };
    const response = sha256(responsePreimage({ ...facts, bodyHash: body }));
    expect(await log.view('responseHash', [words(facts), hex(body)])).toBe(hex(response));
  });
});

describe('TreeHeads', () => {
  const key = testKey('worker signer');
  const settlement: Hex = `0x${'5e'.repeat(20)}`;
  const [x, y] = [hex(key.point.slice(1, 33)), hex(key.point.slice(33))];

  async function verdict(size: number, signedSize: number): Promise<boolean> {
    const chainId = BigInt(await chain.rpc<Hex>('eth_chainId'));
    const head = { chainId, settlement: bytesOf(settlement), log: filler('log'), root: filler('root') };
    const signature = sign(key, encodeTreeHead({ ...head, size: signedSize }));
    const [r, s] = [hex(signature.slice(0, 32)), hex(signature.slice(32))];
    const signed = { log: hex(head.log), size: BigInt(size), root: hex(head.root), r, s };
    return log.view('isSigned', [signed, settlement, x, y]);
  }

  it('verifies what workers sign, to the largest size', async () => {
    expect(await verdict(5, 5)).toBe(true);
    expect(await verdict(2 ** 48 - 1, 2 ** 48 - 1)).toBe(true);
    expect(await verdict(5, 6)).toBe(false);
    expect(await verdict(2 ** 48, 5)).toBe(false);
  });
});

describe('Subtree', () => {
  const LARGEST = 20;
  const tree = naiveTree(testLeaves(0, LARGEST));

  const isIn = (index: number, size: number, path: readonly Uint8Array[], ofSize = size): Promise<boolean> =>
    log.view('isIn', [
      0n,
      BigInt(index),
      hex(tree.hash(index, index + 1)),
      path.map(hex),
      BigInt(size),
      hex(root(ofSize)),
    ]);
  const root = (size: number): Uint8Array => tree.hash(0, size);

  it(`proves every leaf of every tree to ${LARGEST} leaves`, async () => {
    for (let size = 1; size <= LARGEST; size++) {
      const verdicts = await Promise.all(Array.from({ length: size }, (_, i) => isIn(i, size, tree.path(i, size))));
      expect(verdicts.filter(Boolean).length).toBe(size);
    }
  });

  it('proves no leaf by the path of another index, the size of another tree, or another number of hashes', async () => {
    const size = 11;
    for (let index = 0; index < size; index++) {
      const path = tree.path(index, size);
      for (let other = 0; other <= size; other++) {
        if (other !== index) expect(await isInWith(index, other, size, path)).toBe(false);
      }
      for (const other of [1, 5, 10, 12, 16]) {
        if (index < other) expect(await isIn(index, other, path)).toBe(false);
      }
      expect(await isIn(index, size, path.slice(1))).toBe(false);
      expect(await isIn(index, size, path.slice(0, -1))).toBe(false);
      expect(await isIn(index, size, [...path, filler('more')])).toBe(false);
    }
  });

  /** The leaf of `index` with the path it has, said to be at another index; also at the size, where no leaf is. */
  function isInWith(index: number, other: number, size: number, path: readonly Uint8Array[]): Promise<boolean> {
    const leaf = hex(tree.hash(index, index + 1));
    return log.view('isIn', [0n, BigInt(other), leaf, path.map(hex), BigInt(size), hex(root(size))]);
  }

  it('proves nothing about trees and levels that are too large to be', async () => {
    const leaf = hex(tree.hash(0, 1));
    for (const [level, index, size] of [
      [0n, 0n, 2n ** 48n + 1n],
      [0n, 0n, 2n ** 255n],
      [49n, 0n, 1n],
      [256n, 0n, 1n],
      [2n ** 255n, 0n, 1n],
      [0n, 2n ** 256n - 1n, 1n],
      [0n, 0n, 0n],
      [0n, 1n, 1n],
      [1n, 0n, 1n],
    ] as const) {
      expect(await log.view('isIn', [level, index, leaf, [], size, leaf])).toBe(false);
    }
    expect(await log.view('isIn', [0n, 0n, leaf, [], 1n, leaf])).toBe(true);
  });
});
