import { describe, expect, it } from 'vitest';
import { createClaims } from '../../../host/settlement/claims.ts';
import { decodeBundle } from '../../../wire/message/bundle.ts';
import { createFakeLog, random } from '../../support/fake-log.ts';

const DAY = 86_400;

/** A log that is owed something by two channels, as a contract and a journal say it. */
function owed(key: { readonly expiresAt: number; readonly revokedAt: number }, claimedOf: () => bigint = () => 3n) {
  const log = createFakeLog();
  const channels: readonly Uint8Array[] = [random(32), random(32)];
  const { bundles } = log.grow(channels.map((channel, index) => ({ channel, cumulativeFee: BigInt(10 + index) })));
  const answers: Readonly<Record<string, unknown>> = {
    channelOf: { balance: 100n, closesAt: 0 },
    rootOf: `0x${'00'.repeat(32)}`,
    headKeyOf: key,
  };
  const sent: string[] = [];
  const lost: unknown[] = [];
  const moment = { block: 9n, now: 0 };
  const claims = createClaims({
    chain: {
      block: async () => ({ number: moment.block, timestamp: BigInt(10 * DAY) }),
      read: async ({ functionName }: { readonly functionName: string }) =>
        functionName === 'claimedOf' ? claimedOf() : answers[functionName],
      send: async ({ functionName }: { readonly functionName: string }) => sent.push(functionName),
    } as never,
    settlement: '0x',
    journal: {
      logInfo: () => log.ready,
      vouchers: () => channels.map((channel) => ({ channel, maxCumulative: 50n, signature: new Uint8Array(64) })),
      charged: (_: Uint8Array, channel: Uint8Array) => ({ log: log.log, index: channels.indexOf(channel) }),
      bundle: ({ index }: { readonly index: number }) => decodeBundle(bundles[index] as Uint8Array),
    } as never,
    claimAbove: 1n,
    finalAfterBlocks: 1n,
    lookAgainMs: 1_000,
    onLost: (of, due) => lost.push([of, due]),
    now: () => moment.now,
  });
  return { claims, log: log.log, sent, lost, moment };
}

describe('a head whose log', () => {
  it.each([
    ['was registered until more than a day ago', { expiresAt: 9 * DAY - 1, revokedAt: 0 }],
    ['was revoked before it was posted', { expiresAt: 20 * DAY, revokedAt: 5 }],
  ])('%s is lost, which is said once, with what was due: head_lost', async (_, key) => {
    const { claims, log, sent, lost } = owed(key);
    await claims.claimLog(log, 'current');
    await claims.claimLog(log, 'ended');
    expect(lost).toEqual([[log, 15n]]);
    expect(sent).toEqual([]);
  });

  it('is not registered yet is waited for', async () => {
    const { claims, log, sent, lost } = owed({ expiresAt: 0, revokedAt: 0 });
    await claims.claimLog(log, 'current');
    expect([sent, lost]).toEqual([[], []]);
  });

  it('ended a day ago is still posted and claimed under', async () => {
    const { claims, log, sent, lost } = owed({ expiresAt: 9 * DAY, revokedAt: 0 });
    await claims.claimLog(log, 'ended');
    expect(sent).toEqual(['postHead', 'claim', 'claim']);
    expect(lost).toEqual([]);
  });
});

describe('a payment', () => {
  it('that a node behind the others was asked about is not final by that, and is claimed again when it is undone', async () => {
    let claimed = 50n;
    const { claims, log, sent, moment } = owed({ expiresAt: 20 * DAY, revokedAt: 0 }, () => claimed);
    const look = async (block: bigint): Promise<void> => {
      moment.block = block;
      moment.now += 2_000;
      await claims.claimLog(log, 'current');
    };
    claimed = 3n;
    await look(9n);
    claimed = 50n;
    await look(7n);
    await look(9n);
    claimed = 3n;
    await look(9n);
    expect(sent.filter((what) => what === 'claim')).toHaveLength(4);
  });
});
