import { readFileSync } from 'node:fs';
import { encodeFunctionData, type Hex } from 'viem';
import type { Chain } from '../../../contracts/tools/anvil.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { gasOf, type Measured } from './measurement.ts';

const ZERO_BYTE_GAS = 4;

/** The execution of one block more, without its calldata. */
export async function measureSha384(chain: Chain): Promise<Measured> {
  const engine = await chain.deploy(await artifact('Sha384Engine'));
  const zeros = (blocks: number): Hex => `0x${'00'.repeat(128 * blocks)}`;
  const few = gasOf(await chain.send({ to: engine, data: zeros(9) }));
  const many = gasOf(await chain.send({ to: engine, data: zeros(109) }));
  return { 'sha384.block': Math.round((many - few) / 100) - 128 * ZERO_BYTE_GAS };
}

/** One signature in a transaction of its own, with its 21,000, calldata and all. */
export async function measureRsaPss(chain: Chain): Promise<Measured> {
  const { modulus, message, signature } = JSON.parse(
    readFileSync(new URL('rsa-pss.json', import.meta.url), 'utf8'),
  ) as Readonly<Record<'modulus' | 'message' | 'signature', string>>;
  const one = await chain.deploy(await artifact('Sha384Engine'));
  const two = await chain.deploy(await artifact('Sha384PairEngine'));
  const harness = await artifact('RsaPssHarness');
  const to = await chain.deploy(harness, [one, two]);
  const args = [`0x${modulus}`, `0x${message}`, `0x${signature}`];
  const data = encodeFunctionData({ abi: harness.abi, functionName: 'verify', args });
  if (BigInt(await chain.call({ to, data })) !== 1n) throw new Error('the measured signature is not valid');
  return { 'rsaPss.verify': gasOf(await chain.send({ to, data })) };
}
