import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OptionError } from '../../../host/errors.ts';
import { readOptions } from '../../../host/options/read.ts';
import { environmentName, helpText, type OptionName, optionTable } from '../../../host/options/table.ts';
import { toHex } from '../../../wire/bytes.ts';
import { encodeManifest } from '../../../wire/message/manifest.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { testManifest } from '../../support/fake-release.ts';

let directory: string;
let required: readonly string[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-options-'));
  writeFileSync(at('configuration.cbor'), testConfiguration());
  mkdirSync(at('releases'));
  for (const name of ['b', 'a', '.hidden']) writeRelease(name);
  writeFileSync(at('releases/readme.txt'), 'no folder');
  required = [
    ...['--link', '/a.sock', '--state', '/state', '--listen', '127.0.0.1:1'],
    ...['--configuration', at('configuration.cbor')],
  ];
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function at(name: string): string {
  return join(directory, name);
}

function writeRelease(name: string): void {
  const bytes = random(9);
  const manifest = testManifest([bytes], { name: name.replace('.', '') });
  const folder = join(at('releases'), name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file-0.bin'), bytes);
  writeFileSync(join(folder, 'manifest.json'), encodeManifest(manifest));
  writeFileSync(join(folder, 'owner.hex'), toHex(manifest.owner));
  writeFileSync(join(folder, 'signature.hex'), '01'.repeat(64));
}

function without(option: OptionName): readonly string[] {
  const place = required.indexOf(`--${option}`);
  return place < 0 ? required : required.filter((_, index) => index !== place && index !== place + 1);
}

function configFile(content: unknown): string {
  const path = at(`config-${Math.abs(JSON.stringify(content).length)}-${toHex(random(4))}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function errorOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}): OptionError {
  try {
    readOptions(args, environment);
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('where options come from', () => {
  it('flags win over the environment, and the environment over the file', () => {
    const config = configFile({ 'drain-seconds': 1, pending: 11, 'trusted-proxies': 1, 'log-level': 'warn' });
    const environment = { PROOFMARK_HOST_PENDING: '22', PROOFMARK_HOST_TRUSTED_PROXIES: '2', OTHER: 'x' };
    const read = readOptions([...required, '--config', config, '--trusted-proxies', '3'], environment);
    expect(read).toMatchObject({ drainMs: 1_000, pending: 22, trustedProxies: 3, logLevel: 'warn' });
  });

  it('all of it can stand in the environment, or in a file, whose paths are meant from its folder', () => {
    const config = configFile({
      link: ['one.sock', '/two.sock'],
      state: 'state',
      listen: '[::1]:80',
      configuration: 'configuration.cbor',
      'api-keys': 'none',
    });
    expect(readOptions([], { PROOFMARK_HOST_CONFIG: config })).toMatchObject({
      links: [at('one.sock'), '/two.sock'],
      stateDirectory: at('state'),
      listen: { host: '::1', port: 80 },
      apiKeys: 'none',
    });
    const variables = Object.fromEntries([
      ['PROOFMARK_HOST_LINK', '/a.sock,/b.sock'],
      ['PROOFMARK_HOST_STATE', '/state'],
      ['PROOFMARK_HOST_LISTEN', 'localhost:0'],
      ['PROOFMARK_HOST_CONFIGURATION', at('configuration.cbor')],
    ]);
    expect(readOptions([], variables).links).toEqual(['/a.sock', '/b.sock']);
  });

  it('has the defaults that the help says', () => {
    const read = readOptions(required);
    const shown = (name: OptionName): number => Number(optionTable.find((row) => row.name === name)?.default);
    expect(read).toMatchObject({
      apiKeys: 'none',
      addressRate: 'any',
      releases: [],
      pins: [],
      evidencePerSecond: shown('evidence-rate'),
      allowedOrigins: [],
      trustedProxies: shown('trusted-proxies'),
      pending: shown('pending'),
      pendingPerWorker: shown('pending-per-worker'),
      loadPatience: 1_000 * shown('load-seconds'),
      memberWaits: { attestationMs: 1_000 * shown('attestation-seconds') },
      drainMs: 1_000 * shown('drain-seconds'),
      retention: {
        rules: { receiptsMs: 'never', logsMs: 'never', bytes: 'any' },
        everyMs: 60_000 * shown('retention-minutes'),
      },
      logLevel: 'info',
    });
    for (const none of ['metrics', 'certificates', 'settlement']) expect(read).not.toHaveProperty(none);
  });

  it('reads a folder of releases in the order of names, and again when it is asked to', () => {
    const read = readOptions([...required, '--releases', at('releases')]);
    const names = (releases: readonly { readonly manifest: { readonly name: string } }[] | undefined): string =>
      (releases ?? []).map(({ manifest }) => manifest.name).join();
    expect(names(read.releases)).toBe('a,b');
    writeRelease('c');
    expect(names(read.reload?.().releases)).toBe('a,b,c');
    expect(names(read.releases)).toBe('a,b');
  });

  it('reads origins, or the word alone', () => {
    const origins = ['https://example.org', 'http://localhost:8080'];
    const flags = origins.flatMap((origin) => ['--allow-origin', origin]);
    expect(readOptions([...required, ...flags]).allowedOrigins).toEqual(origins);
    expect(readOptions([...required, '--allow-origin', 'any']).allowedOrigins).toBe('any');
    expect(errorOf([...required, ...flags, '--allow-origin', 'any'])).toMatchObject({ option: 'allow-origin' });
    const many = Array.from({ length: 65 }, (_, index) => ['--allow-origin', `https://a${index}.example`]).flat();
    expect(errorOf([...required, ...many])).toMatchObject({ option: 'allow-origin' });
  });

  it('reads what is kept', () => {
    const given = ['--keep-receipts', '30', '--keep-logs', '365', '--keep-gigabytes', '2', '--retention-minutes', '5'];
    expect(readOptions([...required, ...given]).retention).toEqual({
      rules: { receiptsMs: 30 * 86_400_000, logsMs: 365 * 86_400_000, bytes: 2 ** 31 },
      everyMs: 300_000,
    });
    const words = ['--keep-receipts', 'for-ever', '--keep-logs', 'for-ever', '--keep-gigabytes', 'any'];
    expect(readOptions([...required, ...words]).retention?.rules).toEqual({
      receiptsMs: 'never',
      logsMs: 'never',
      bytes: 'any',
    });
    expect(errorOf([...required, '--keep-receipts', '31', '--keep-logs', '30'])).toMatchObject({ option: 'keep-logs' });
  });

  it('reads a rate, pins and keys', () => {
    const keys = configFile({
      version: 1,
      keys: [{ name: 'alice', sha256: '00'.repeat(32), perSecond: 'any', burst: 1 }],
    });
    const read = readOptions([
      ...[...required, '--link', '/b.sock', '--address-rate', '10/50', '--api-keys', keys],
      ...['--pin', 'demo@1.0.0=0,1', '--pin', 'a=b=1'],
    ]);
    expect(read.addressRate).toEqual({ perSecond: 10, burst: 50 });
    expect(read.pins).toEqual([
      { model: 'demo@1.0.0', workers: [0, 1] },
      { model: 'a=b', workers: [1] },
    ]);
    expect(read.apiKeys).toEqual([{ name: 'alice', sha256: new Uint8Array(32), perSecond: 'any', burst: 1 }]);
  });
});

describe('what is wrong is named, with the place where it stands', () => {
  it.each<[OptionName, string]>([
    ['listen', 'here'],
    ['listen', '127.0.0.1:65536'],
    ['metrics', '127.0.0.1'],
    ['kms-endpoint', 'ftp://x'],
    ['api-keys', '/nowhere/keys'],
    ['releases', '/nowhere/releases'],
    ['address-rate', '0'],
    ['address-rate', '1/0'],
    ['address-rate', 'fast'],
    ['evidence-rate', '0'],
    ['trusted-proxies', '17'],
    ['trusted-proxies', '-1'],
    ['pending', '0'],
    ['pending', '1e3'],
    ['pending-per-worker', '1025'],
    ['load-seconds', '0'],
    ['attestation-seconds', '1.5'],
    ['drain-seconds', ''],
    ['log-level', 'loud'],
    ['keep-receipts', '0'],
    ['keep-receipts', 'never'],
    ['keep-logs', '36501'],
    ['keep-logs', '30'],
    ['keep-gigabytes', '65'],
    ['retention-minutes', '0'],
    ['retention-minutes', '1441'],
    ['allow-origin', 'example.org'],
    ['allow-origin', 'https://example.org/'],
    ['allow-origin', 'https://Example.org'],
    ['allow-origin', 'https://example.org:443'],
    ['allow-origin', 'null'],
    ['allow-origin', '*'],
    ['allow-origin', 'file:///x'],
    ['pin', 'demo'],
    ['pin', 'demo=1'],
    ['pin', 'demo=x'],
  ])('--%s %s', (option, value) => {
    expect(errorOf([...required, `--${option}=${value}`])).toMatchObject({
      code: 'arguments_invalid',
      option,
      source: 'the command line',
    });
    const variable = environmentName(option);
    expect(errorOf(without(option), { [variable]: value })).toMatchObject({ option, source: variable });
    const config = configFile({ [option]: value });
    expect(errorOf([...without(option), '--config', config])).toMatchObject({ option, source: config });
  });

  it.each<OptionName>(['link', 'state', 'listen', 'configuration'])('--%s is required', (option) => {
    expect(errorOf(without(option))).toMatchObject({ option });
  });

  it('one worker is named once, and there is an end to them', () => {
    expect(errorOf([...required, '--link', '/a.sock'])).toMatchObject({ option: 'link' });
    const many = Array.from({ length: 64 }, (_, index) => ['--link', `/${index}.sock`]).flat();
    expect(errorOf([...required, ...many])).toMatchObject({ option: 'link' });
  });

  it('what is no option is refused everywhere', () => {
    expect(errorOf([...required, '--trust-me', 'x']).message).toContain('trust-me');
    expect(errorOf([...required, 'word'])).toMatchObject({ option: undefined });
    expect(errorOf(required, { PROOFMARK_HOST_TRUST_ME: 'x' })).toMatchObject({ source: 'PROOFMARK_HOST_TRUST_ME' });
    for (const content of [{ 'trust-me': 1 }, { config: 'x' }, { __proto__: null, constructor: 'x' }]) {
      expect(errorOf([...required, '--config', configFile(content)])).toMatchObject({ option: undefined });
    }
  });

  it.each<[string, unknown, string | undefined]>([
    ['no JSON', '{', 'config'],
    ['one name twice', '{"pending":1,"pending":2}', 'config'],
    ['a list', [], 'config'],
    ['a truth', { pending: true }, 'pending'],
    ['a list where one counts', { state: ['a', 'b'] }, 'state'],
    ['nothing in a list', { link: [null] }, 'link'],
  ])('a file with %s', (_, content, option) => {
    expect(errorOf([...required, '--config', configFile(content)])).toMatchObject({ option });
  });

  it('a file that is not there', () => {
    expect(errorOf([...required, '--config', '/nowhere/host.json'])).toMatchObject({ option: 'config' });
  });

  it.each<[string, unknown]>([
    ['a key in the clear', { version: 1, keys: [{ name: 'a', key: 'secret-5f1b', perSecond: 1, burst: 1 }] }],
    ['a short hash', { version: 1, keys: [{ name: 'a', sha256: '5f1b', perSecond: 1, burst: 1 }] }],
    ['no limit', { version: 1, keys: [{ name: 'a', sha256: '00'.repeat(32) }] }],
    ['no keys', { version: 1, keys: [] }],
    [
      'a name twice',
      {
        version: 1,
        keys: ['00', '01'].map((byte) => ({ name: 'a', sha256: byte.repeat(32), perSecond: 1, burst: 1 })),
      },
    ],
    [
      'a key twice',
      {
        version: 1,
        keys: ['a', 'b'].map((name) => ({ name, sha256: '00'.repeat(32), perSecond: 1, burst: 1 })),
      },
    ],
  ])('a file of keys with %s, of which nothing is repeated', (_, content) => {
    const error = errorOf([...required, '--api-keys', configFile(content)]);
    expect(error).toMatchObject({ option: 'api-keys' });
    expect(error.message).not.toMatch(/5f1b/);
  });
});

describe('--help', () => {
  it('has every option with its meaning and default', () => {
    const lines = helpText().split('\n');
    for (const { name, value, help, default: standard } of optionTable) {
      const line = lines.find((candidate) => candidate.startsWith(`  --${name} ${value} `));
      expect(line).toContain(help);
      expect(line).toContain(standard);
    }
    expect(new Set(optionTable.map(({ name }) => name)).size).toBe(optionTable.length);
  });
});

describe('what a host shows to people', () => {
  it('is the console, and no figures, unless it is told otherwise', () => {
    expect(readOptions(required)).toMatchObject({ console: 'on', statistics: 'none' });
    const told = readOptions([...required, '--console', 'off', '--statistics', 'public']);
    expect(told).toMatchObject({ console: 'off', statistics: 'public' });
  });

  it.each([
    ['console', 'yes'],
    ['statistics', 'all'],
  ])('takes only its words: --%s %s', (name, word) => {
    expect(errorOf([...required, `--${name}`, word]).message).toContain('not one of');
  });
});
