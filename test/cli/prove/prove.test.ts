import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exitCode } from '../../../cli/exit-codes.ts';
import { contractName } from '../../../cli/prove/evm.ts';
import { compileStandardJson } from '../../../contracts/tools/compile.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeManifest, type Manifest } from '../../../wire/message/manifest.ts';
import { committedRelease } from '../../models/drafts.ts';
import { command, temporaryFolder } from '../../support/command.ts';
import { testManifest } from '../../support/fake-release.ts';
import { forestModel, networkModel } from '../../support/integer-models.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

let folders = 0;

function releaseOf(
  onnx: Uint8Array,
  changes: Partial<Manifest> = {},
): { readonly path: string; readonly modelId: string } {
  const path = folder.path(`release-${folders++}`);
  mkdirSync(path);
  const manifest = encodeManifest(testManifest([onnx], { name: 'tried-out', ...changes }));
  writeFileSync(join(path, 'file-0.bin'), onnx);
  writeFileSync(join(path, 'manifest.json'), manifest);
  return { path, modelId: toHex(sha256(manifest)) };
}

describe('proofmark prove --evm', () => {
  it('writes a contract of the release that compiles as it stands', { timeout: 120_000 }, async () => {
    const { entry } = await committedRelease('volatility-1h-int8');
    const { path, modelId } = releaseOf(entry);
    const out = folder.path('out');
    const { code, out: text, err } = await command('prove', '--evm', path, '--out', out);
    expect([code, err]).toEqual([exitCode.accepted, '']);
    expect(text).toContain(modelId);
    expect(text).toContain('16 integers from 0 to 255');
    expect(text).toContain('776 multiplications');
    const source = readFileSync(join(out, 'RecomputedTriedOut.sol'), 'utf8');
    expect(source).toContain(`MODEL_ID = 0x${modelId};`);
    const json = readFileSync(join(out, 'RecomputedTriedOut.json'), 'utf8');
    expect(JSON.parse(json)).toMatchObject({ sources: { 'RecomputedTriedOut.sol': { content: source } } });
    expect([...compileStandardJson(json).keys()]).toContain('RecomputedTriedOut');
  });

  it('names the tables of a larger one', async () => {
    const { path } = releaseOf(networkModel(8, [784, 32, 10]).onnx);
    const { code, out } = await command('prove', '--evm', path, '--out', folder.path('large'), '--name', 'Digits');
    expect(code).toBe(exitCode.accepted);
    expect(out).toContain('DigitsTable0, DigitsTable1, DigitsTable2, DigitsTable3');
    expect(existsSync(folder.path('large/Digits.sol'))).toBe(true);
  });

  it('tells programs what it wrote, and why it did not, as JSON', async () => {
    const { path, modelId } = releaseOf(networkModel(1, [3, 2]).onnx);
    const out = folder.path('json');
    const written = await command('prove', '--evm', path, '--out', out, '--json');
    expect(JSON.parse(written.out)).toMatchObject({
      ...{
        model: 'tried-out',
        modelId,
        contract: 'RecomputedTriedOut',
        tables: [],
        inputs: 3,
        outputs: 2,
        products: 6,
      },
      files: [join(out, 'RecomputedTriedOut.sol'), join(out, 'RecomputedTriedOut.json')],
    });
    const { path: floats } = releaseOf((await committedRelease('volatility-1h')).entry);
    const refused = await command('prove', '--evm', floats, '--out', out, '--json');
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: 'signature' }, exit: exitCode.refused });
  });

  it('refuses what is no integer program, and names the node', async () => {
    const { path } = releaseOf((await committedRelease('volatility-1h')).entry);
    const { code, err } = await command('prove', '--evm', path, '--out', folder.path('none'));
    expect(code).toBe(exitCode.refused);
    expect(err).toMatch(/its elements are no integers/);
    expect(existsSync(folder.path('none'))).toBe(false);
  });

  it('refuses what no contract could hold, with its size', async () => {
    const { path } = releaseOf(forestModel(5, { inputs: 9, trees: 60, depth: 6, targets: 1 }).onnx);
    const { code, err } = await command('prove', '--evm', path, '--out', folder.path('none'));
    expect(code).toBe(exitCode.refused);
    expect(err).toMatch(/\d+ bytes of code/);
  });

  it('reads no file that is not an ONNX model, and no model but the one that the manifest names', async () => {
    const broken = releaseOf(Uint8Array.of(1, 2, 3));
    expect((await command('prove', '--evm', broken.path, '--out', folder.path('none'))).code).toBe(exitCode.malformed);
    const other = releaseOf(networkModel(1, [3, 2]).onnx);
    writeFileSync(join(other.path, 'file-0.bin'), networkModel(2, [3, 2]).onnx);
    const { code, err } = await command('prove', '--evm', other.path, '--out', folder.path('none'));
    expect([code, err]).toEqual([exitCode.failed, expect.stringContaining('is not the file')]);
  });

  it('says what a folder without a manifest lacks', async () => {
    const { code, err } = await command('prove', '--evm', 'models/volatility-1h-int8', '--out', folder.path('none'));
    expect([code, err]).toEqual([exitCode.failed, expect.stringContaining('proofmark model publish')]);
  });

  it.each([[[]], [['--evm', 'x']], [['--out', 'x']], [['--evm', 'x', '--out', 'y', 'z']]])(
    'is not %j',
    async (args) => {
      expect((await command('prove', ...args)).code).toBe(exitCode.usage);
    },
  );

  it('takes no name that is not one of a contract', async () => {
    const { path } = releaseOf(networkModel(1, [3, 2]).onnx);
    const args = ['prove', '--evm', path, '--out', folder.path('none'), '--name', 'not a name'] as const;
    expect((await command(...args)).code).toBe(exitCode.usage);
    expect(contractName('a.b_c-9')).toBe('RecomputedABC9');
  });
});
