import { afterAll, beforeAll, expect, it } from 'vitest';
import { p384Statement, proveP384 } from '../../contracts/prover/p384/index.ts';
import { snapshotOf } from './support/gas.ts';
import { numbers, type P384World, p384World, randomSignature } from './support/p384.ts';

let world: P384World;

beforeAll(async () => {
  world = await p384World();
});

afterAll(() => world.chain.stop());

const SIGNATURES = 20;

it('verifies a signature for what the snapshot says, below 750,000 gas in a transaction of its own', async () => {
  const next = numbers('gas');
  const used: number[] = [];
  for (let index = 0; index < SIGNATURES; index++) {
    const signature = randomSignature(next);
    const data = world.callData(p384Statement(signature), proveP384(signature));
    const { status, gasUsed } = await world.chain.send({ to: world.address, data });
    expect(status).toBe('success');
    used.push(Number(gasUsed));
  }
  const average = Math.round(used.reduce((sum, gas) => sum + gas, 0) / SIGNATURES);
  console.log(`osaka.p384.verify: ${average} gas on average, ${Math.min(...used)} to ${Math.max(...used)}`);
  expect(Math.max(...used)).toBeLessThan(750_000);
  expect(average).toBe(snapshotOf('osaka.p384.verify', average));
});
