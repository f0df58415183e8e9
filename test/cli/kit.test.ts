import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { decodeManifest } from '../../wire/message/manifest.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { command, temporaryFolder } from '../support/command.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const pcr = (digit: string): string => digit.repeat(96);
const nitro = { tee: 'aws-nitro', images: [{ pcr0: pcr('1'), pcr1: pcr('2'), pcr2: pcr('3') }], flavour: 'nitro' };
const snp = { tee: 'amd-sev-snp', measurements: [pcr('4')] };
let kits = 0;

function measured(value: unknown): string {
  return folder.file(`measured-${kits++}.json`, JSON.stringify(value));
}

describe('proofmark kit', () => {
  it.each([
    ['aws-nitro', nitro, 'images'],
    ['amd-sev-snp', snp, 'measurements'],
  ] as const)('writes a policy for %s that accepts what it writes, and only that image', async (tee, value, rule) => {
    const out = folder.path(`kit-${tee}`);
    const result = await command('kit', '--measurements', measured(value), '--out', out);
    expect(result).toMatchObject({ code: 0, err: '' });
    const policy = JSON.parse(readFileSync(join(out, 'policy.json'), 'utf8')) as Record<string, unknown>;
    const shipped = JSON.parse(readFileSync(`attestations/policies/${tee}-default.json`, 'utf8')) as typeof policy;
    expect(policy[rule]).toEqual((value as Record<string, unknown>)[rule]);
    expect(policy).toMatchObject({ tee, level: 'attested', roots: shipped['roots'], expires: '2030-06-16T12:00:00Z' });
    expect(() => parseWorkerPolicy(readFileSync(join(out, 'policy.json')))).not.toThrow();
    const configuration = readFileSync(join(out, 'configuration.cbor'));
    expect(policy['configurations']).toEqual([toHex(sha256(configuration))]);
    const manifest = Uint8Array.from(readFileSync(join(out, 'release', 'manifest.json')));
    expect(policy['models']).toEqual([toHex(sha256(manifest))]);
    expect(policy['publishers']).toEqual([toHex(decodeManifest(manifest).owner)]);
    expect(decodeConfiguration(Uint8Array.from(configuration)).publishers).toEqual([decodeManifest(manifest).owner]);
    expect(statSync(join(out, 'publisher.pem')).mode & 0o777).toBe(0o600);
  });

  it('takes the other rules from a template', async () => {
    const template = folder.file('template.json', JSON.stringify(answerPolicy({ maxAgeSeconds: 77 })));
    const out = folder.path('kit-template');
    expect((await command('kit', '--measurements', measured(nitro), '--out', out, '--template', template)).code).toBe(
      0,
    );
    expect(JSON.parse(readFileSync(join(out, 'policy.json'), 'utf8'))).toMatchObject({
      level: 'simulated',
      maxAgeSeconds: 77,
      images: nitro.images,
    });
  });

  it.each([
    ['no measurements', () => ['--measurements', measured({ tee: 'aws-nitro' })], 1],
    ['measurements of other hardware', () => ['--measurements', measured({ ...nitro, tee: 'tdx' })], 1],
    [
      'a short register',
      () => ['--measurements', measured({ ...nitro, images: [{ ...nitro.images[0], pcr0: '00' }] })],
      1,
    ],
    ['a list', () => ['--measurements', measured([])], 1],
    ['no JSON', () => ['--measurements', folder.file('broken.json', '{')], 1],
    ['a file that is not there', () => ['--measurements', folder.path('absent')], 1],
    [
      'a template for other hardware',
      () => ['--measurements', measured(nitro), '--template', 'attestations/policies/amd-sev-snp-default.json'],
      1,
    ],
    ['nothing', () => [], 2],
    ['an argument too many', () => ['--measurements', measured(nitro), 'more'], 2],
  ])('ends in one line where there is %s, without a policy', async (_, args, code) => {
    const out = folder.path(`never-${kits++}`);
    const result = await command('kit', ...args(), '--out', out);
    expect(result.code).toBe(code);
    expect(result.err).toMatch(/^proofmark: [^\n]+\n$/);
    expect(existsSync(join(out, 'policy.json'))).toBe(false);
  });

  it('never writes into a folder that is there', async () => {
    const out = folder.path('taken');
    expect((await command('kit', '--measurements', measured(nitro), '--out', out)).code).toBe(0);
    const before = readFileSync(join(out, 'publisher.pem'));
    expect((await command('kit', '--measurements', measured(nitro), '--out', out)).code).toBe(1);
    expect(readFileSync(join(out, 'publisher.pem'))).toEqual(before);
  });
});
