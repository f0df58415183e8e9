import { spawnSync } from 'node:child_process';
import { checkPrimeSync, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatorError } from '../../enclave/simulator/errors.ts';
import { processTier } from '../../enclave/simulator/process-tier.ts';
import { roleCommand } from '../../enclave/simulator/role.ts';
import { openRoot } from '../../enclave/simulator/root.ts';
import { openSnpRoot } from '../../enclave/simulator/snp/root.ts';
import { startSupervisor } from '../../enclave/simulator/supervisor.ts';
import { fromBase64url, fromHex } from '../../wire/bytes.ts';
import { CHAIN } from '../vectors/corpus/base.ts';
import { editCertificate, nameOf } from '../vectors/corpus/certificate.ts';
import { rootKey } from '../vectors/corpus/keys.ts';
import { rootOf } from '../vectors/corpus/snp/base.ts';
import { rsaJwk, snpKeys } from '../vectors/corpus/snp/keys.ts';
import { publishedRoot } from './corpus.ts';

const certificate = fromBase64url(publishedRoot.certificate);
let state: string;

/** A state directory as a launcher would have left it, but with the root that everybody can sign for. */
async function install(root: Uint8Array): Promise<void> {
  const point = fromHex(publishedRoot.publicKey);
  const part = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-384',
      d: part(fromHex(publishedRoot.privateKey)),
      x: part(point.subarray(1, 49)),
      y: part(point.subarray(49)),
    },
  });
  const directory = join(state, 'simulated-root');
  await mkdir(directory, { mode: 0o700 });
  await writeFile(join(directory, 'root.key.pem'), key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(join(directory, 'root.der'), root, { mode: 0o600 });
}

async function refusalOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'started',
    (error) => (error instanceof SimulatorError ? error.message : String(error)),
  );
}

describe('the published root of the corpus', () => {
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'proofmark-published-'));
  });
  afterEach(() => rm(state, { recursive: true, force: true }));

  it('says what it is, and holds together', () => {
    const parsed = new X509Certificate(certificate);
    expect(parsed.subject).toContain('CN=TEST VECTORS ONLY');
    expect(parsed.subject).toContain('O=SIMULATED');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(CHAIN[0]).toEqual(certificate);
  });

  it('is refused by whoever opens the root of a machine', async () => {
    await install(certificate);
    expect(await refusalOf(openRoot(state, { now: Date.now() }))).toMatch(/^root_unsafe: .* published/);
  });

  it('is refused under another name too, since its key is what is known', async () => {
    const name = nameOf(['2.5.4.3', 'a quiet name']);
    await install(editCertificate(certificate, rootKey, { issuer: name, subject: name }));
    expect(await refusalOf(openRoot(state, { now: Date.now() }))).toMatch(/^root_unsafe: .* published/);
  });

  it('is refused by the supervisor before anything runs', async () => {
    await install(certificate);
    const started = startSupervisor({
      stateDirectory: state,
      tier: processTier({ node: process.execPath, app: [], platform: { tee: 'aws-nitro', role: null } }),
      host: { command: 'false', args: [], env: {} },
      onEvent: () => {},
    });
    expect(await refusalOf(started)).toMatch(/^root_unsafe: .* published/);
  });

  it("is refused by the signer's own process", async () => {
    await install(certificate);
    const { command, args } = roleCommand('nsm-main');
    const ended = spawnSync(command, [...args, '--state', state], { encoding: 'utf8', timeout: 20_000 });
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain('root_unsafe');
    expect(ended.stdout).toBe('');
  });

  it('is refused for AMD lines too', async () => {
    const root = rootOf('Genoa');
    const directory = join(state, 'simulated-snp-root-genoa');
    await mkdir(directory, { mode: 0o700 });
    for (const role of ['ark', 'ask', 'asvk'] as const) {
      const key = createPrivateKey({ format: 'jwk', key: rsaJwk(snpKeys[role]) });
      const pem = key.export({ type: 'pkcs8', format: 'pem' });
      await writeFile(join(directory, `${role}.key.pem`), pem, { mode: 0o600 });
      await writeFile(join(directory, `${role}.der`), root[role].certificate, { mode: 0o600 });
    }
    expect(await refusalOf(openSnpRoot(state, { product: 'Genoa', now: Date.now() }))).toMatch(
      /^root_unsafe: .* published/,
    );
  });

  it('has RSA keys of primes', () => {
    for (const { primes } of Object.values(snpKeys)) {
      for (const prime of Object.values(primes)) expect(checkPrimeSync(BigInt(`0x${prime}`), { checks: 4 })).toBe(true);
    }
  });
});
