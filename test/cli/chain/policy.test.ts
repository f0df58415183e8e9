import type { Address } from 'viem';
import { encodeDeployData } from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { command } from '../../support/command.ts';
import { type ChainWorld, chainWorld } from './world.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

const DAY = 86_400;
const IMAGE = 'aa'.repeat(32);
const OTHER = 'bb'.repeat(32);
const PROVENANCE = 'cc'.repeat(32);

let world: ChainWorld;
let registry: Address;
let place: readonly string[];
let setup: string;

/** Policies ask a registry that has code, and what it answers is not for here: the settlement's tests have one. */
beforeAll(async () => {
  world = await chainWorld();
  const { abi, initCode } = await artifact('ModelRegistry');
  const { contractAddress } = await world.chain.send({ data: encodeDeployData({ abi, bytecode: initCode, args: [] }) });
  registry = contractAddress as Address;
  place = ['--chain-id', '31337'];
  const { out, code } = await command(
    ...[
      'chain',
      'policy',
      'template',
      '--image',
      IMAGE,
      '--provenance',
      PROVENANCE,
      '--expires',
      '2100-01-01T00:00:00Z',
    ],
  );
  expect(code).toBe(0);
  const start = JSON.parse(out) as object;
  setup = world.folder.file('setup.json', JSON.stringify({ ...start, configs: 'any', operators: 'any' }));
});

afterAll(() => world.stop());

const owner = (): readonly string[] => [...place, '--account', world.accounts.deployer];

async function create(...more: readonly string[]): Promise<Address> {
  const words = ['policy', 'create', '--setup', setup, '--registry', registry, '--yes', ...owner(), ...more];
  return (await world.json<{ readonly policy: Address }>(...words)).policy;
}

async function refused(...words: readonly string[]): Promise<string> {
  const { out } = await world.run(...words, '--json');
  const { error } = JSON.parse(out) as { readonly error: { readonly code: string; readonly message: string } };
  return error.code === 'contract_refused' ? error.message : error.code;
}

describe('proofmark chain policy', () => {
  it('makes one that nobody can change', async () => {
    const policy = await create();
    const shown = await world.json('policy', 'show', policy, ...place);
    expect(shown).toMatchObject({
      registry: expect.stringMatching(new RegExp(registry, 'i')) as string,
      ...{ owner: null, delaySeconds: null, simulated: false, expiresAt: '2100-01-01T00:00:00Z' },
      entries: [{ subject: 'image', id: IMAGE, standing: 'accepted' }],
    });
    expect(await refused('policy', 'deny', policy, 'image', IMAGE, ...owner())).toMatch(
      /^ManagedPolicy refuses: |contract_missing/,
    );
  });

  it('makes one with an owner, who denies at once and accepts after a delay', async () => {
    const policy = await create('--owner', world.accounts.deployer, '--delay', String(2 * DAY));
    const denied = await world.json('policy', 'deny', policy, 'config', OTHER, ...owner());
    expect(denied).toMatchObject({ what: 'tighten', proposal: null });
    const proposed = await world.json<{ readonly proposal: string; readonly readyAt: string }>(
      ...['policy', 'accept', policy, 'image', OTHER, '--provenance', PROVENANCE, ...owner()],
    );
    expect(proposed).toMatchObject({
      what: 'propose',
      change: expect.stringContaining(`image ${OTHER} accepted`) as string,
    });
    const pending = () => world.json<{ readonly pending: readonly unknown[] }>('policy', 'pending', policy, ...place);
    expect(await pending()).toMatchObject({ pending: [{ proposal: proposed.proposal, state: 'waits' }] });
    const activate = ['policy', 'activate', policy, proposed.proposal, ...owner()];
    expect(await refused(...activate)).toBe('ManagedPolicy refuses: NotReady');
    await world.chain.rpc('evm_increaseTime', [2 * DAY]);
    await world.chain.rpc('evm_mine');
    expect(await pending()).toMatchObject({ pending: [{ state: 'ready' }] });
    await world.json(...activate);
    expect(await pending()).toEqual({ pending: [] });
    expect(await world.json('policy', 'show', policy, ...place)).toMatchObject({
      ...{ owner: expect.stringMatching(new RegExp(world.accounts.deployer, 'i')) as string, delaySeconds: 2 * DAY },
      entries: [
        { subject: 'image', id: IMAGE, standing: 'accepted' },
        { subject: 'config', id: OTHER, standing: 'denied' },
        { subject: 'image', id: OTHER, standing: 'accepted' },
      ],
    });
  });

  it('rules on operators, classes of execution, minima and its own owner', async () => {
    const policy = await create('--owner', world.accounts.deployer, '--delay', String(DAY));
    const what = async (...words: readonly string[]): Promise<unknown> =>
      (await world.json<{ readonly what: string }>('policy', ...words, ...owner())).what;
    expect(await what('deny', policy, 'operator', world.accounts.payer)).toBe('tighten');
    expect(await what('any', policy, 'execution', 'no')).toBe('tighten');
    expect(await what('any', policy, 'execution', 'yes')).toBe('propose');
    expect(await what('floors', policy, 'genoa', '0xff00000000001b00')).toBe('tighten');
    expect(await what('floors', policy, 'genoa', '0x0000000000000000')).toBe('propose');
    expect(await what('microcode', policy, 'genoa', '17', '1', '200')).toBe('tighten');
    expect(await what('owner', policy, world.accounts.payer)).toBe('propose');
    const { pending } = await world.json<{
      readonly pending: readonly { readonly proposal: string; readonly change: string }[];
    }>(...['policy', 'pending', policy, ...place]);
    expect(pending.map(({ change }) => change)).toEqual([
      'any execution accepted',
      'TCB of genoa at least 0x0000000000000000',
      expect.stringMatching(/^owner 0x/) as string,
    ]);
    const last = pending.at(-1)?.proposal ?? '';
    await world.json('policy', 'cancel', policy, last, ...owner());
    expect(await refused('policy', 'cancel', policy, last, ...owner())).toBe('ManagedPolicy refuses: NotProposed');
  });

  it('refuses by the names of the contract', async () => {
    const policy = await create('--owner', world.accounts.deployer, '--delay', String(DAY));
    const stranger = [...place, '--account', world.accounts.payer];
    expect(await refused('policy', 'deny', policy, 'image', IMAGE, ...stranger)).toBe(
      'ManagedPolicy refuses: NotOwner',
    );
    const accept = ['policy', 'accept', policy, 'config', OTHER, ...owner()];
    await world.json('policy', 'any', policy, 'config', 'no', ...owner());
    await world.json(...accept);
    expect(await refused(...accept)).toBe('ManagedPolicy refuses: AlreadyProposed');
    expect(await refused('policy', 'any', policy, 'image', 'no', ...owner())).toBe(
      'ManagedPolicy refuses: SubjectFixed',
    );
    expect(await refused('policy', 'accept', policy, 'certificate', OTHER, ...owner())).toMatch(
      /^ManagedPolicy refuses: /,
    );
    const short = ['policy', 'create', '--setup', setup, '--registry', registry, '--yes', ...owner()];
    expect(await refused(...short, '--owner', world.accounts.payer, '--delay', '1')).toBe(
      'ManagedPolicy refuses: DelayOutOfBounds',
    );
    const broken = world.folder.file('broken.json', '{"simulated":false}');
    expect(await refused('policy', 'create', '--setup', broken, '--registry', registry, '--yes', ...owner())).toBe(
      'setup_invalid',
    );
    expect(await refused('policy', 'show', `0x${'12'.repeat(20)}`, ...place)).toBe('contract_missing');
  });

  it('is a wrong command line where the words make no change', async () => {
    const policy = registry;
    for (const words of [
      ['accept', policy, 'imgae', OTHER],
      ['accept', policy, 'image', OTHER],
      ['accept', policy, 'config', 'zz'],
      ['deny', policy, 'image', OTHER, 'more'],
      ['floors', policy, 'rome', '0x0000000000000000'],
      ['floors', policy, 'genoa', '5'],
      ['microcode', policy, 'genoa', '1', '1', '256'],
      ['owner', policy, 'nobody'],
      ['any', policy, 'config', 'maybe'],
      ['activate', policy, 'x'],
      ['accepts', policy, 'x'],
      ['frobnicate'],
      ['create'],
      ['template', '--image', IMAGE, '--provenance', PROVENANCE],
    ]) {
      expect((await world.run('policy', ...words, ...owner())).code, words.join(' ')).toBe(2);
    }
    const { err } = await world.run('policy', 'accpet', policy);
    expect(err).toContain('did you mean "accept"?');
  });
});
