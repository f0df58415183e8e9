import { readFileSync, writeFileSync } from 'node:fs';
import type { Address, Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { deployAll } from '../../../contracts/deploy/deploy.ts';
import { ROOT } from '../../vectors/corpus/base.ts';
import { machine } from '../../vectors/corpus/snp/base.ts';
import { type ChainWorld, chainWorld } from './world.ts';

/** A node that starts while everything else does, and contracts that may have to be compiled. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

interface Deployed {
  readonly chainId: string;
  readonly level: string;
  readonly contracts: Readonly<Record<string, Address>>;
  readonly transactions: readonly { readonly what: string; readonly hash: Hex; readonly gasUsed: string }[];
}

let world: ChainWorld;
let nitro: string;
let snp: string;

beforeAll(async () => {
  world = await chainWorld();
  nitro = world.folder.file('nitro.der', ROOT);
  snp = world.folder.file('snp.der', machine().certificates[2] as Uint8Array);
});

afterAll(() => world.stop());

function words(file: string, ...more: readonly string[]): readonly string[] {
  const { accounts, token, folder } = world;
  return [
    ...['deploy', '--deployment', folder.path(file), '--token', token, '--account', accounts.deployer],
    ...['--nitro-root', nitro, '--snp-root', snp, '--simulated', ...more],
  ];
}

async function codeHashes(addresses: readonly Address[]): Promise<readonly Hex[]> {
  return Promise.all(addresses.map((address) => world.chain.rpc<Hex>('eth_getCode', [address, 'latest'])));
}

describe('proofmark chain deploy', () => {
  it('simulates everything first, and sends nothing where that is all that was asked', async () => {
    const before = await world.chain.rpc<Hex>('eth_blockNumber');
    const { dryRun } = await world.json<{
      readonly dryRun: { readonly gas: string; readonly contracts: readonly { readonly gas: string }[] };
    }>(...words('dry.json', '--dry-run'));
    expect(dryRun.contracts).toHaveLength(12);
    expect(Number(dryRun.gas)).toBeGreaterThan(40_000_000);
    expect(await world.chain.rpc<Hex>('eth_blockNumber')).toBe(before);
    const text = await world.run(...words('dry.json', '--dry-run'));
    expect(text.out).toContain('SIMULATED: nobody vouches');
    expect(text.code).toBe(0);
  });

  it('creates the contracts that contracts/deploy creates, at about the cost that was told', async () => {
    const { dryRun } = await world.json<{ readonly dryRun: { readonly gas: string } }>(
      ...words('one.json', '--dry-run'),
    );
    const done = await world.json<Deployed>(...words('one.json', '--yes'));
    expect(done).toMatchObject({ chainId: '31337', level: 'simulated' });
    expect(done.transactions).toHaveLength(12);
    const used = done.transactions.reduce((sum, { gasUsed }) => sum + Number(gasUsed), 0);
    expect(Number(dryRun.gas) / used).toBeGreaterThan(1);
    expect(Number(dryRun.gas) / used).toBeLessThan(1.15);

    const theirs = await deployAll(
      { deploy: (contract, args) => world.chain.deploy(contract, args) },
      {
        roots: { nitro: ROOT, snp: [machine().certificates[2] as Uint8Array] },
        token: world.token,
        registry: { lifetime: 86_400n, challengeBlocks: 256n, maxAge: 600n, maxSkew: 300n },
        closeDelay: 86_400n,
      },
    );
    const { contracts } = done;
    // Those that name no other by its address are the same to the last byte.
    const pairs = [
      [contracts['ModelRegistry'], theirs.models],
      [contracts['AttestedResult'], theirs.attestedResult],
    ] as const;
    for (const [mine, other] of pairs) {
      const [one, two] = await codeHashes([mine as Address, other]);
      expect(one).toBe(two);
    }
    const sizes = (list: readonly Hex[]): readonly number[] => list.map((code) => code.length);
    const mine = ['NitroVerifier', 'SevSnpVerifier', 'WorkerRegistry', 'Settlement'].map(
      (name) => contracts[name] as Address,
    );
    expect(sizes(await codeHashes(mine))).toEqual(
      sizes(await codeHashes([theirs.nitro, theirs.snp, theirs.registry, theirs.settlement])),
    );
  });

  it('does nothing where everything stands, and pays nothing', async () => {
    const again = await world.json<Deployed>(...words('one.json'));
    expect(again.transactions).toEqual([]);
    expect(Object.keys(again.contracts)).toHaveLength(12);
  });

  it('is told of by a file with a schema', async () => {
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    const schema = JSON.parse(
      readFileSync(new URL('../../../attestations/schemas/proofmark-deployment.schema.json', import.meta.url), 'utf8'),
    ) as object;
    const isValid = new Ajv2020({ strict: true }).compile(schema);
    expect(
      isValid(JSON.parse(readFileSync(world.folder.path('one.json'), 'utf8'))),
      JSON.stringify(isValid.errors),
    ).toBe(true);
  });

  it('goes on after a kill at any step: sent and unknown, lost, or not sent at all', async () => {
    const whole = JSON.parse(readFileSync(world.folder.path('one.json'), 'utf8')) as {
      contracts: Record<string, { address: Address; nonce: number; state: string; transaction: Hex | null }>;
    };
    const names = Object.keys(whole.contracts);
    for (const cut of [0, 4, 8, 11]) {
      const contracts = Object.fromEntries(names.slice(0, cut + 1).map((name) => [name, { ...whole.contracts[name] }]));
      // As it was written before the transaction was sent, which was mined all the same.
      Object.assign(contracts[names[cut] as string] as object, { state: 'sent', transaction: null });
      const file = `cut-${cut}.json`;
      writeFileSync(world.folder.path(file), JSON.stringify({ ...whole, contracts }));
      const done = await world.json<Deployed>(...words(file, '--yes'));
      expect(done.transactions).toHaveLength(names.length - cut - 1);
      for (const name of names.slice(0, cut + 1)) expect(done.contracts[name]).toBe(whole.contracts[name]?.address);
    }
    // Written, and never sent: the number was used by something else since.
    const lost = {
      ...whole,
      contracts: {
        Sha384Engine: { ...whole.contracts['Sha384Engine'], address: `0x${'77'.repeat(20)}`, state: 'sent' },
      },
    };
    writeFileSync(world.folder.path('lost.json'), JSON.stringify(lost));
    expect((await world.json<Deployed>(...words('lost.json', '--yes'))).transactions).toHaveLength(names.length);
  });

  it('refuses a file of other code, another account, other parameters, or none', async () => {
    const whole = readFileSync(world.folder.path('one.json'), 'utf8');
    const parsed = JSON.parse(whole) as { contracts: Record<string, { address: Address }> };
    const refused = async (file: string, ...more: readonly string[]): Promise<string> => {
      const { code, out } = await world.run(...words(file, '--yes', '--json', ...more));
      expect(code).toBe(1);
      return (JSON.parse(out) as { readonly error: { readonly code: string } }).error.code;
    };
    const swapped = structuredClone(parsed);
    (swapped.contracts['ModelRegistry'] as { address: Address }).address = world.token;
    world.folder.file('swapped.json', JSON.stringify(swapped));
    expect(await refused('swapped.json')).toBe('deployment_code');
    const gone = structuredClone(parsed);
    (gone.contracts['ModelRegistry'] as { address: Address }).address = `0x${'66'.repeat(20)}`;
    world.folder.file('gone.json', JSON.stringify(gone));
    expect(await refused('gone.json')).toBe('deployment_code');
    expect(await refused('one.json', '--lifetime', '3600')).toBe('deployment_other');
    expect(await refused('one.json', '--account', world.accounts.payer)).toBe('deployment_other');
    world.folder.file('broken.json', '{"format":"proofmark deployment v1"}');
    expect(await refused('broken.json')).toBe('deployment_invalid');
    expect(await refused('new.json', '--chain-id', '1')).toBe('chain_other');
    expect(await refused('new.json', '--token', `0x${'55'.repeat(20)}`)).toBe('contract_missing');
    expect(await refused('new.json', '--close-delay', '1')).toBe('contract_refused');
    expect(await refused('new.json', '--lifetime', '0')).toBe('contract_refused');
  });

  it('calls roots what they are', async () => {
    const { accounts, token, folder } = world;
    const line = ['deploy', '--deployment', folder.path('r.json'), '--token', token, '--account', accounts.deployer];
    const strange = await world.run(...line, '--nitro-root', nitro, '--yes', '--json');
    expect(JSON.parse(strange.out)).toMatchObject({ error: { code: 'root_simulated' } });
    const { code, err } = await world.run(...line, '--yes');
    expect([code, err.includes('--nitro-root FILE.der or --snp-root')]).toEqual([2, true]);
  });

  it('asks before it pays', async () => {
    const { code, err } = await world.run(...words('unasked.json'));
    expect([code, err]).toEqual([2, 'proofmark: --yes is required where nobody can be asked\n']);
  });
});
