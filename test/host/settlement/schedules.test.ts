import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENCE_MS, runSchedule } from './support/schedule.ts';
import { type PaidWorld, PRICE, paidWorld } from './support/world.ts';

let world: PaidWorld;

beforeAll(async () => {
  world = await paidWorld();
}, 120_000);
afterAll(() => world.stop());

const SCHEDULES = 30;

describe('whatever a node does, and whenever a host ends', () => {
  it.each(Array.from({ length: SCHEDULES }, (_, seed) => seed))(
    'what is owed is paid, once: schedule %i',
    async (seed) => {
      const { claimed, owed, credit, fulfilled, escrows, unknownCodes } = await runSchedule(world, { seed, steps: 6 });
      expect({ claimed, credit }).toEqual({ claimed: owed, credit: PRICE * BigInt(escrows.length) });
      expect([...fulfilled].sort()).toEqual([...escrows].sort());
      expect(unknownCodes).toEqual([]);
    },
    3 * PATIENCE_MS,
  );
});
