import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually, startSettling } from '../../host/settlement/support/settling.ts';
import { type PaidLog, type PaidWorld, paidLog, paidWorld } from '../../host/settlement/support/world.ts';
import { command, type Folder, temporaryFolder } from '../../support/command.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

type Told = Readonly<Record<string, unknown>> & {
  readonly error?: { readonly code: string; readonly message: string };
};

let world: PaidWorld;
let paid: PaidLog;
let folder: Folder;

/** What a host leaves behind that was stopped before it claimed anything. */
beforeAll(async () => {
  world = await paidWorld();
  folder = temporaryFolder();
  paid = await paidLog(world);
  const channels = [await paid.openChannel(1_000n), await paid.openChannel(25n)] as const;
  paid.charge(channels[0], 40n);
  paid.charge(channels[1], 60n);
  const settlement = world.options([world.chain.url], { claimAbove: 10n ** 30n });
  const settling = await startSettling(world, paid, { directory: folder.path('.'), settlement, callMs: 20_000 });
  const isRegistered = async (): Promise<boolean> =>
    settling.events.some((event) => event.event === 'transaction' && event.what === 'register');
  await eventually('a registration', isRegistered);
  await settling.stop();
});

afterAll(async () => {
  folder.remove();
  await world.stop();
});

async function settle(...words: readonly string[]): Promise<{ readonly code: number; readonly told: Told }> {
  const place = ['--chain', world.chain.url, '--chain-id', '31337', '--settlement', world.settlement.address];
  const { code, out } = await command('chain', 'settle', ...words, ...place, '--json');
  return { code, told: JSON.parse(out) as Told };
}

const stranger = (): readonly string[] => ['--account', world.accounts.stranger];

describe('proofmark chain settle', () => {
  it('shows what a stopped host is owed, and never more than a channel holds', async () => {
    const { code, told } = await settle('claim', folder.path('.'), '--dry-run');
    expect({ code, total: told['total'] }).toEqual({ code: 0, total: '65' });
    expect(told['claimable']).toHaveLength(2);
  });

  it('asks, and then claims it once, whoever pays for the gas', async () => {
    expect((await settle('claim', folder.path('.'), ...stranger())).told.error?.code).toBe('usage');
    const before = await world.token.view<bigint>('balanceOf', [world.accounts.operator]);
    const { code, told } = await settle('claim', folder.path('.'), '--yes', ...stranger());
    expect(code).toBe(0);
    const sent = told['transactions'] as readonly { readonly what: string }[];
    expect(sent.map(({ what }) => what)).toEqual(['postHead', 'claim', 'claim']);
    expect(await world.token.view<bigint>('balanceOf', [world.accounts.operator])).toBe(before + 65n);
    expect((await settle('claim', folder.path('.'), '--yes', ...stranger())).told).toMatchObject({
      claimable: [],
      total: '0',
    });
  });

  it('keeps the head of a saved answer, once', async () => {
    const [bundle] = paid.log.grow([{}]).bundles;
    const file = folder.file('one.bundle', bundle as Uint8Array);
    expect((await settle('head', file, '--dry-run')).told).toMatchObject({
      state: 'missing',
      size: '3',
      transaction: null,
    });
    expect((await settle('head', file, ...stranger())).told).toMatchObject({ state: 'kept' });
    expect((await settle('head', file, ...stranger())).told).toMatchObject({ state: 'kept', transaction: null });
  });

  it('is refused by name', async () => {
    const [bundle] = paid.log.grow([{}]).bundles;
    const bytes = Uint8Array.from(bundle as Uint8Array);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const forged = await settle('head', folder.file('forged.bundle', bytes), ...stranger());
    expect(forged.told.error?.code).toMatch(/^(contract_refused|head_unknown)$/);
    expect((await settle('head', folder.file('none', 'x'), ...stranger())).told.error?.code).toBe('head_unknown');
    expect((await settle('claim', folder.path('nowhere'), '--dry-run')).told.error?.code).toBe('nothing_claimable');
    expect((await settle('steal')).told.error?.code).toBe('usage');
  });
});
