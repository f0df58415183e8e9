import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { owner, ownerOf, stranger, testRelease } from '../../client/hub/releases.ts';
import { type ScriptedHub, startScriptedHub } from '../../client/hub/scripted-hub.ts';
import { model } from '../../enclave/worker/model/models.ts';
import { command, type Outcome } from '../../support/command.ts';
import { type DraftFolder, draftFolder } from './draft-folder.ts';

const release = testRelease();
let folder: DraftFolder;
let hub: ScriptedHub;

beforeEach(async () => {
  folder = draftFolder();
  folder.write('model.onnx', model({}));
  folder.write('README.md', '# Adder\n');
  folder.draft({ version: '3.0.0' });
  hub = await startScriptedHub(release);
});

afterEach(async () => {
  await hub.close();
  folder.remove();
});

const diff = (publisher: string, ...args: readonly string[]): Promise<Outcome> =>
  command('model', 'diff', ...args, '--hub', hub.url, '--publisher', publisher, '--memory', 'none', '--quiet');

describe('proofmark model diff with a hub', () => {
  it('compares a proven release there with a draft here', async () => {
    const { code, out } = await diff(toHex(ownerOf(owner)), 'acme/volatility@1.2.3', folder.directory);
    expect(code).toBe(0);
    expect(out).toContain('volatility 1.2.3 on the hub → adder 3.0.0 (draft)');
    expect(out).toContain('another model: volatility became adder');
    expect(out).toContain('✓ deserves a major step');
  });

  it('finds nothing between a release there and itself', async () => {
    const { code, out } = await diff('any', 'acme/volatility@1.2.3', release.id, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ changes: [], deserves: 'none', taken: 'none' });
  });

  it('compares nothing with what another publisher signed', async () => {
    const { code, out } = await diff(toHex(ownerOf(stranger)), 'acme/volatility@1.2.3', folder.directory);
    expect([code, out]).toEqual([30, '']);
  });
});
