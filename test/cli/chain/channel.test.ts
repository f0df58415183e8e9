import { readFileSync, statSync } from 'node:fs';
import type { Address } from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { paymentOf, readChannel } from '../../../cli/chain/channel-file.ts';
import { type PaidWorld, paidWorld } from '../../host/settlement/support/world.ts';
import { command, type Folder, temporaryFolder } from '../../support/command.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

type Told = Readonly<Record<string, unknown>> & {
  readonly error?: { readonly code: string; readonly message: string };
};

let world: PaidWorld;
let folder: Folder;

beforeAll(async () => {
  world = await paidWorld();
  folder = temporaryFolder();
  await world.token.send('mint', [world.accounts.payer, 1_000n]);
});

afterAll(async () => {
  folder.remove();
  await world.stop();
});

async function channel(
  ...words: readonly string[]
): Promise<{ readonly code: number; readonly told: Told; readonly all: string }> {
  const { code, out, err } = await command('chain', 'channel', ...words, '--chain', world.chain.url, '--json');
  return { code, told: JSON.parse(out) as Told, all: out + err };
}

const open = (name: string, amount: string, ...more: readonly string[]) =>
  channel(
    ...['open', folder.path(name), '--payee', world.accounts.operator, '--amount', amount, '--chain-id', '31337'],
    ...['--max-outstanding', '20', '--max-spend', '500', '--max-unit-price', '7'],
    ...['--settlement', world.settlement.address, '--account', world.accounts.payer, ...more],
  );

describe('proofmark chain channel', () => {
  it('locks tokens, keeps the key where nobody else reads it, and shows it nowhere', async () => {
    const { code, told, all } = await open('one', '300');
    expect(code).toBe(0);
    expect(told).toMatchObject({ balance: '300', claimed: '0', closesAt: null });
    expect((told['transactions'] as readonly { readonly what: string }[]).at(-1)?.what).toBe('openChannel');
    const file = folder.path('one/channel.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { key } = JSON.parse(readFileSync(file, 'utf8')) as { readonly key: { readonly d: string } };
    const shown =
      all + (await channel('status', folder.path('one'))).all + (await channel('list', folder.path('.'))).all;
    expect(shown).toContain(told['channel']);
    expect(shown).not.toContain(key.d);
    const payment = paymentOf(await readChannel(folder.path('one')));
    expect(payment).toMatchObject({ maxOutstanding: 20n, maxSpend: 500n, maxUnitPrice: 7n });
  });

  it('is topped up, and closed in two steps', async () => {
    const account = ['--account', world.accounts.payer] as const;
    const more = await channel('top-up', folder.path('one'), '--amount', '50', ...account);
    expect(more).toMatchObject({ code: 0, told: { balance: '350' } });
    const early = await channel('close', folder.path('one'), ...account);
    expect(early.told.error?.message).toBe('Settlement refuses: ChannelNotEnded');
    const closing = await channel('start-close', folder.path('one'), ...account);
    expect(closing.told['closesAt']).toMatch(/^20/);
    expect((await channel('top-up', folder.path('one'), '--amount', '1', ...account)).told.error?.message).toBe(
      'Settlement refuses: ChannelIsClosing',
    );
    await world.rpc('evm_increaseTime', [86_401]);
    await world.rpc('evm_mine', []);
    const before = await world.token.view<bigint>('balanceOf', [world.accounts.payer]);
    expect(await channel('close', folder.path('one'), ...account)).toMatchObject({ code: 0, told: { balance: '0' } });
    expect(await world.token.view<bigint>('balanceOf', [world.accounts.payer])).toBe(before + 350n);
  });

  it('is refused by name, and leaves no key of a channel that never was', async () => {
    const poor = await open('poor', '5000', '--account', world.chain.accounts[9] as Address);
    expect(poor.told.error?.code).toBe('contract_refused');
    expect(() => statSync(folder.path('poor/channel.json'))).toThrow('ENOENT');
    expect((await open('one', '1')).told.error?.code).toBe('channel_exists');
    const stranger: Address = world.accounts.stranger;
    await open('two', '10');
    expect((await channel('start-close', folder.path('two'), '--account', stranger)).told.error?.message).toBe(
      'Settlement refuses: NotPayer',
    );
    expect((await channel('status', folder.path('none'))).told.error?.code).toBe('key_unreadable');
    folder.file('junk', 'x');
    const { code } = await channel('open', folder.path('x'), '--payee', 'nobody');
    expect(code).toBe(2);
    expect((await channel('opne', folder.path('x'))).told.error?.message).toContain('did you mean "open"?');
  });
});
