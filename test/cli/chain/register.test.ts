import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../wire/bytes.ts';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { encodeRegistrationEvidence } from '../../../wire/message/registration-evidence.ts';
import { type RegistryWorld, registryWorld } from '../../contracts/support/registry-world.ts';
import { command, type Folder, temporaryFolder } from '../../support/command.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

let world: RegistryWorld;
let server: Server;
let url: string;
let folder: Folder;
let lies: 'none' | 'possession' | 'challenge' = 'none';

/** A host of one worker, whose hardware is simulated by the published vectors. */
beforeAll(async () => {
  folder = temporaryFolder();
  world = await registryWorld();
  server = createServer((request, response) => {
    const asked = new URL(request.url ?? '/', 'http://localhost').searchParams.get('challenge') ?? '';
    void evidenceFor(lies === 'challenge' ? new Uint8Array(32) : fromHex(asked, 32)).then((bytes) =>
      response.end(bytes),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  folder.remove();
  await new Promise((resolve) => server.close(resolve));
  await world.chain.stop();
});

async function evidenceFor(challenge: Uint8Array): Promise<Uint8Array> {
  const { timestamp } = await world.chain.rpc<{ readonly timestamp: string }>('eth_getBlockByNumber', [
    'latest',
    false,
  ]);
  const made = await world.registration({ tee: 'aws-nitro', challenge, at: 1_000 * Number(timestamp) });
  const bytes = (text: string): Uint8Array => fromHex(text.slice(2));
  const possession = concatBytes(bytes(made.r), bytes(made.s));
  return encodeRegistrationEvidence({
    version: 1,
    evidence: {
      ...{ version: 1, tee: 'aws-nitro', document: bytes(made.evidence), certificates: [], revocationLists: [] },
      identity: concatBytes(...made.identity.map(bytes)),
      ...{ configuration: new Uint8Array(1), runtime: new Uint8Array(1) },
    },
    possession: lies === 'possession' ? possession.map((byte, at) => (at === 63 ? byte ^ 1 : byte)) : possession,
  });
}

async function chain(...words: readonly string[]): Promise<{ readonly code: number; readonly told: Told }> {
  const place = ['--chain', world.chain.url, '--chain-id', '31337', '--registry', world.registry];
  const { code, out } = await command('chain', ...words, ...place, '--json');
  return { code, told: JSON.parse(out) as Told };
}

type Told = Readonly<Record<string, unknown>> & {
  readonly error?: { readonly code: string; readonly message: string };
};

const log = (): string => toHex(world.logOf(world.identity()));

describe('proofmark chain register', () => {
  it('knows a log before and after: unknown, registered, renewed', async () => {
    expect(await chain('status', log())).toMatchObject({ code: 30, told: { state: 'unknown', simulated: true } });
    const first = await chain('register', url, '--account', world.operator);
    expect(first).toMatchObject({ code: 0, told: { what: 'register', log: log(), state: 'live' } });
    expect(await chain('status', log())).toMatchObject({ code: 0, told: { state: 'live' } });
    // A chain where nobody else makes blocks: a renewal names a later one.
    for (let blocks = 0; blocks < 3; blocks++) await world.chain.rpc('evm_mine');
    const second = await chain('register', url, '--account', world.operator);
    expect(second).toMatchObject({ code: 0, told: { what: 'renew', state: 'live' } });
  });

  it('is done from another machine by a file', async () => {
    for (let blocks = 0; blocks < 3; blocks++) await world.chain.rpc('evm_mine');
    const file = folder.path('registration.json');
    const saved = await chain('register', url, '--save', file, '--operator', world.operator);
    expect(saved).toMatchObject({ code: 0, told: { what: 'save', log: log() } });
    expect(await chain('register', file, '--account', world.operator)).toMatchObject({
      code: 0,
      told: { what: 'renew' },
    });
    // The same evidence again is an old answer.
    const again = await chain('register', file, '--account', world.operator);
    expect(again.told.error).toEqual({
      code: 'contract_refused',
      message: 'WorkerRegistry refuses: ChallengeUsedBefore',
    });
  });

  it('answers a challenge that the registry draws', async () => {
    const drawn = await chain('register', url, '--issued', '--account', world.operator);
    expect(drawn).toMatchObject({ code: 0, told: { what: 'renew' } });
  });

  it('is refused by name, and nothing is sent', async () => {
    const stranger = world.chain.accounts[5] as string;
    expect((await chain('register', url, '--account', stranger)).told.error).toMatchObject({
      code: 'registration_other',
      message: expect.stringContaining('names the operator') as string,
    });
    lies = 'possession';
    expect((await chain('register', url, '--account', world.operator)).told.error).toMatchObject({
      message: 'WorkerRegistry refuses: PossessionNotProven',
    });
    lies = 'challenge';
    for (let blocks = 0; blocks < 3; blocks++) await world.chain.rpc('evm_mine');
    const mined = await world.chain.rpc('eth_blockNumber');
    expect((await chain('register', url, '--account', world.operator)).told.error).toMatchObject({
      message: 'WorkerRegistry refuses: EvidenceOfAnotherChallenge',
    });
    lies = 'none';
    const broken = folder.file('broken.json', '{"format":"proofmark registration v1"}');
    expect((await chain('register', broken, '--account', world.operator)).told.error?.code).toBe(
      'registration_invalid',
    );
    const saved = JSON.parse(
      await import('node:fs').then((fs) => fs.readFileSync(folder.path('registration.json'), 'utf8')),
    ) as object;
    const elsewhere = folder.file('elsewhere.json', JSON.stringify({ ...saved, chainId: '1' }));
    expect((await chain('register', elsewhere, '--account', world.operator)).told.error?.code).toBe(
      'registration_other',
    );
    expect(await world.chain.rpc('eth_blockNumber')).toBe(mined);
  });

  it('is told of chains, contracts and accounts that are not those that were named', async () => {
    const words = ['chain', 'register', url, '--account', world.operator, '--json', '--chain', world.chain.url];
    const code = async (...more: readonly string[]): Promise<unknown> =>
      (JSON.parse((await command(...words, ...more)).out) as Told).error?.code;
    expect(await code('--chain-id', '1', '--registry', world.registry)).toBe('chain_other');
    expect(await code('--registry', world.registry)).toBe('usage');
    expect(await code('--chain-id', '31337', '--registry', `0x${'12'.repeat(20)}`)).toBe('contract_missing');
    expect(await code('--chain-id', '31337', '--registry', world.nitro)).toBe('registration_other');
    expect(await code('--chain-id', '31337', '--chain', 'http://127.0.0.1:9', '--registry', world.registry)).toBe(
      'chain_unavailable',
    );
  });

  it('is undone for ever by its operator, with any file that has the identity', async () => {
    const { evidence } = await import('../../../wire/message/registration-evidence.ts').then(async (read) =>
      read.decodeRegistrationEvidence(await evidenceFor(new Uint8Array(32))),
    );
    const file = folder.file('evidence.json', encodeEvidence(evidence));
    expect((await chain('revoke', file, '--account', world.operator)).told.error?.code).toBe('usage');
    const nothing = folder.file('nothing.json', '{}');
    expect((await chain('revoke', nothing, '--yes', '--account', world.operator)).told.error?.code).toBe(
      'registration_invalid',
    );
    const revoked = await chain('revoke', file, '--yes', '--account', world.operator);
    expect(revoked).toMatchObject({ code: 0, told: { what: 'revoke', log: log() } });
    expect(await chain('status', log())).toMatchObject({ code: 30, told: { state: 'revoked' } });
    const late = await chain('register', url, '--account', world.operator);
    expect(late.told.error?.message).toBe('WorkerRegistry refuses: LogRevoked');
  });
});
