import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettlement } from '../../../host/settlement/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'pm-settle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'settlement.json');

const address = `0x${'0a'.repeat(20)}`;
const known = { address, codeHash: `0x${'0b'.repeat(32)}` };
const file = {
  version: 1,
  rpc: ['http://127.0.0.1:1', 'http://127.0.0.1:2'],
  quorum: 2,
  account: { unlocked: address },
  fromBlock: '7',
  finalAfterBlocks: 64,
  serveAfterBlocks: 2,
  pollMilliseconds: 100,
  claimAbove: '1000000000000000000',
  renewBeforeSeconds: '3600',
  maxFeePerGas: '200000000000',
  stuckSeconds: 60,
  coinInTokens: 'any',
  unpaid: 'refuse',
  policies: [known],
  resultVerifiers: [],
};

function write(changes: Readonly<Record<string, unknown>> = {}): void {
  writeFileSync(path, JSON.stringify({ ...file, ...changes }));
}

describe('how an operator settles', () => {
  it('is read from a file, whose lists are read again each time', async () => {
    write();
    const options = readSettlement(path);
    expect(options).toMatchObject({
      account: { kind: 'unlocked', address },
      fromBlock: 7n,
      claimAbove: 10n ** 18n,
      unpaid: 'refuse',
      finalAfterBlocks: 64n,
      serveAfterBlocks: 2n,
      maxFeePerGas: 200_000_000_000n,
      coinInTokens: 'any',
    });
    expect((await options.serves()).policies).toEqual([known]);
    write({ policies: [] });
    expect((await options.serves()).policies).toEqual([]);
  });

  it('may name a file with the key of its transactions, beside it', () => {
    writeFileSync(join(folder, 'key'), `0x${'01'.repeat(32)}\n`);
    write({ account: { keyFile: 'key' } });
    expect(readSettlement(path).account).toEqual({ kind: 'key', privateKey: `0x${'01'.repeat(32)}` });
  });

  it('says of each result verifier who settles, which is this host where nothing is said', async () => {
    const verifiers = [known, { ...known, settled: 'here' }, { ...known, settled: 'by-others' }];
    write({ resultVerifiers: verifiers });
    const { resultVerifiers } = await readSettlement(path).serves();
    expect(resultVerifiers.map(({ settled }) => settled)).toEqual(['here', 'here', 'by-others']);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no account', { account: undefined }],
    ['two accounts', { account: { unlocked: address, keyFile: 'key' } }],
    ['a key that is not there', { account: { keyFile: 'nowhere' } }],
    ['no word on unpaid calls', { unpaid: undefined }],
    ['no list of policies', { policies: undefined }],
    ['a policy without its code', { policies: [{ address }] }],
    ['a result verifier that nobody settles', { resultVerifiers: [{ ...known, settled: 'nobody' }] }],
    ['a result verifier that is settled and has no code', { resultVerifiers: [{ address, settled: 'here' }] }],
    ['an amount below zero', { claimAbove: '-1' }],
    ['no node', { rpc: [] }],
    ['a node that is no address', { rpc: ['127.0.0.1'], quorum: 1 }],
    ['a quorum of more than its nodes', { quorum: 3 }],
    ['no highest fee', { maxFeePerGas: undefined }],
    ['no word on what a coin is worth', { coinInTokens: undefined }],
    ['nothing that is final', { finalAfterBlocks: 0 }],
    ['something more', { gasPrice: '1' }],
  ])('is refused with %s', (_, changes) => {
    write(changes);
    expect(() => readSettlement(path)).toThrow(expect.objectContaining({ code: 'settlement_invalid' }) as Error);
  });
});
