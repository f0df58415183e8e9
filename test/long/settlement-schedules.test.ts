import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSchedule } from '../host/settlement/support/schedule.ts';
import { type PaidWorld, PRICE, paidWorld } from '../host/settlement/support/world.ts';

let world: PaidWorld;

beforeAll(async () => {
  world = await paidWorld();
});
afterAll(() => world.stop());

const SCHEDULES = 500;

describe('whatever a node does, and whenever a host ends', () => {
  it.each(Array.from({ length: SCHEDULES }, (_, seed) => 1_000 + seed))(
    'what is owed is paid, once: long schedule %i',
    async (seed) => {
      const { claimed, owed, credit, fulfilled, escrows, unknownCodes } = await runSchedule(world, { seed, steps: 12 });
      expect({ claimed, credit }).toEqual({ claimed: owed, credit: PRICE * BigInt(escrows.length) });
      expect([...fulfilled].sort()).toEqual([...escrows].sort());
      expect(unknownCodes).toEqual([]);
    },
  );
});
