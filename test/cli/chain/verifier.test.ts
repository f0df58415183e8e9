import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { trapdoor } from '../../contracts/support/trapdoor.ts';
import { testKey } from '../../vectors/golden/keys.ts';
import { type ChainWorld, chainWorld } from './world.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

const MODEL = 'aa'.repeat(32);
const row = { bits: 8, signed: false, count: 3 };
const keyOf = (phase1: number): Uint8Array =>
  trapdoor({ input: row, output: row, phase1, phase2: 2, label: 'command' }).key;
const auditors = ['auditor 1', 'auditor 2', 'auditor 3'].map((role) => toHex(testKey(role).point.slice(1)));

let world: ChainWorld;
let paying: readonly string[];

beforeAll(async () => {
  world = await chainWorld();
  paying = ['--chain-id', '31337', '--account', world.accounts.deployer, '--yes'];
});

afterAll(() => world.stop());

function keyFile(phase1: number): string {
  const name = `key-${phase1}`;
  return world.folder.file(name, keyOf(phase1));
}

async function refused(...words: readonly string[]): Promise<string> {
  const { out } = await world.run('verifier', ...words, ...paying, '--json');
  return (JSON.parse(out) as { readonly error: { readonly message: string } }).error.message;
}

interface Created {
  readonly verifier: string;
  readonly circuit?: string;
}

describe('proofmark chain verifier', () => {
  it('creates one for proofs, and shows what it trusts', async () => {
    const words = ['verifier', 'proved', '--circuit-key', keyFile(3), '--model', MODEL, '--with-receipts'];
    const { verifier, circuit } = await world.json<Created>(...words, ...paying);
    expect(circuit).toBe(toHex(sha256(keyOf(3))));
    expect(await world.json('verifier', 'show', 'proved', verifier, '--chain-id', '31337')).toEqual({
      ...{ verifier, level: 'proved', circuit, model: MODEL, setup: 'ceremony', phase1: 3, phase2: 2 },
      withReceipts: true,
    });
  });

  it('takes a key of one party only where that is said', async () => {
    const words = ['proved', '--circuit-key', keyFile(1), '--model', MODEL];
    expect(await refused(...words)).toBe('ProvedResult refuses: DevSetup');
    const { verifier } = await world.json<Created>('verifier', ...words, '--dev', ...paying);
    expect(await world.json('verifier', 'show', 'proved', verifier, '--chain-id', '31337')).toMatchObject({
      ...{ setup: 'dev', phase1: 1, withReceipts: false },
    });
  });

  it('refuses a key that is none', async () => {
    const file = world.folder.file('half', keyOf(3).slice(0, 528));
    expect(await refused('proved', '--circuit-key', file, '--model', MODEL)).toBe(
      'ProvedResult refuses: CircuitKeyInvalid',
    );
  });

  it('creates one for approvals, and shows who they are', async () => {
    const named = auditors.flatMap((auditor) => ['--auditor', auditor]);
    const { verifier } = await world.json<Created>('verifier', 'replayed', ...named, '--needed', '2', ...paying);
    expect(await world.json('verifier', 'show', 'replayed', verifier, '--chain-id', '31337')).toEqual({
      ...{ verifier, level: 'replayed', needed: 2, auditor: auditors },
    });
    const { out } = await world.run('verifier', 'show', 'replayed', verifier, '--chain-id', '31337');
    for (const auditor of auditors) expect(out).toContain(auditor);
  });

  it('refuses one auditor under two names', async () => {
    const twice = ['--auditor', auditors[0] as string, '--auditor', auditors[0] as string];
    expect(await refused('replayed', ...twice, '--needed', '2')).toBe('ReplayedResult refuses: AuditorTwice');
  });

  it.each([
    ['recomputed'],
    ['proved', '--model', MODEL],
    ['proved', '--circuit-key', 'nowhere', '--model', 'aa'],
    ['replayed', '--needed', '1'],
    ['replayed', '--auditor', 'aa', '--needed', '1'],
    ['replayed', '--auditor', auditors[0] as string],
    ['show', 'attested', `0x${'aa'.repeat(20)}`],
    ['show', 'proved'],
  ])('is told how it is used: %s %s', async (...words) => {
    const { code } = await world.run('verifier', ...words, ...paying);
    expect(code).toBe(2);
  });
});
