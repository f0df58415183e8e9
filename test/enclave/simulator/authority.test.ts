import 'reflect-metadata';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { p384 } from '@noble/curves/nist.js';
import * as x509 from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, createRoot, makeAuthority, type Signer } from '../../../enclave/simulator/authority.ts';
import { SimulatorError } from '../../../enclave/simulator/errors.ts';
import { openRoot } from '../../../enclave/simulator/root.ts';
import { type Chance, systemChance } from '../../../enclave/simulator/signing.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const INSTANCE = 'i-0123456789abcdef0';
const ENCLAVE_ID = Uint8Array.of(1, 0x9b, 0x55, 0xa6, 0x8b, 0xd2, 0xed, 0x4b);

function authority(chance: Chance = systemChance): { root: Uint8Array; authority: Authority } {
  const root = createRoot({ now: NOW - DAY, key: chance.key(), chance });
  return {
    root: root.certificate,
    authority: makeAuthority({ root, instanceId: INSTANCE, enclaveId: ENCLAVE_ID, chance }),
  };
}

function chainOf(signer: Signer): readonly X509Certificate[] {
  return [...signer.cabundle, signer.certificate].map((der) => new X509Certificate(der));
}

/** Keys, serials and signatures from a counter: what published vectors will do. */
function countingChance(): Chance {
  let counter = 0;
  const bytes = (length: number): Uint8Array => {
    counter += 1;
    return new Uint8Array(createHash('shake256', { outputLength: length }).update(String(counter)).digest());
  };
  return {
    bytes,
    key: () => {
      const secret = p384.utils.randomSecretKey(bytes(72));
      return {
        point: p384.getPublicKey(secret, false),
        sign: (message) => p384.sign(message, secret, { lowS: false }),
      };
    },
  };
}

describe('the simulated certificate authority', () => {
  it('signs a chain that an independent reader verifies, each certificate by the one before it', () => {
    const { root, authority: ca } = authority();
    const signer = ca.signerAt(NOW);
    const chain = chainOf(signer);
    expect(chain).toHaveLength(5);
    expect(new Uint8Array(signer.cabundle[0] as Uint8Array)).toEqual(root);
    chain.forEach((certificate, index) => {
      const issuer = chain[Math.max(0, index - 1)] as X509Certificate;
      expect(certificate.verify(issuer.publicKey)).toBe(true);
      expect(certificate.checkIssued(issuer)).toBe(true);
      expect(certificate.issuer).toBe(issuer.subject);
    });
    const leafKey = createPublicKey((chain[4] as X509Certificate).publicKey.export({ format: 'pem', type: 'spki' }));
    const { x, y } = leafKey.export({ format: 'jwk' });
    expect(
      Buffer.concat([Buffer.of(4), Buffer.from(x as string, 'base64url'), Buffer.from(y as string, 'base64url')]),
    ).toEqual(Buffer.from(signer.key.point));
  });

  it('has the extensions, path lengths and key usages of the real profile', () => {
    const { cabundle, certificate } = authority().authority.signerAt(NOW);
    const chain = [...cabundle, certificate].map((der) => new x509.X509Certificate(Buffer.from(der)));
    const pathLengths = chain.map((certificate) => {
      const constraints = certificate.getExtension(x509.BasicConstraintsExtension) as x509.BasicConstraintsExtension;
      expect(constraints.critical).toBe(true);
      return constraints.ca ? (constraints.pathLength ?? 'unbounded') : 'end entity';
    });
    expect(pathLengths).toEqual(['unbounded', 2, 1, 0, 'end entity']);
    expect(chain.map((certificate) => certificate.extensions.map(({ type }) => type))).toEqual([
      ['2.5.29.19', '2.5.29.14', '2.5.29.15'],
      ['2.5.29.19', '2.5.29.35', '2.5.29.14', '2.5.29.15', '2.5.29.31'],
      ['2.5.29.19', '2.5.29.35', '2.5.29.14', '2.5.29.15', '2.5.29.31'],
      ['2.5.29.19', '2.5.29.15', '2.5.29.14', '2.5.29.35'],
      ['2.5.29.19', '2.5.29.15'],
    ]);
    const { keyCertSign, cRLSign, digitalSignature, nonRepudiation } = x509.KeyUsageFlags;
    const usages = chain.map((certificate) => {
      const usage = certificate.getExtension(x509.KeyUsagesExtension) as x509.KeyUsagesExtension;
      return [usage.usages, usage.critical];
    });
    const ca = digitalSignature | keyCertSign | cRLSign;
    expect(usages).toEqual([
      [ca, true],
      [ca, true],
      [ca, true],
      [keyCertSign, true],
      [digitalSignature | nonRepudiation, false],
    ]);
    for (const { signatureAlgorithm } of chain) {
      expect(signatureAlgorithm).toMatchObject({ name: 'ECDSA', hash: { name: 'SHA-384' } });
    }
  });

  it('says that it is simulated in every name, and points at no real revocation list', () => {
    const signer = authority().authority.signerAt(NOW);
    for (const certificate of chainOf(signer)) {
      expect(certificate.subject).toContain('O=SIMULATED');
      expect(certificate.subject).not.toMatch(/amazon|aws/i);
    }
    const lists = signer.cabundle.map(
      (der) =>
        Buffer.from(der)
          .toString('latin1')
          .match(/http:\/\/[^\s]*?\.crl/)?.[0] ?? null,
    );
    expect(lists.map((url) => (url === null ? null : new URL(url).hostname))).toEqual([
      null,
      'crl.simulated.proofmark.invalid',
      'crl.simulated.proofmark.invalid',
      null,
    ]);
  });

  it('names module, instance and enclave as the device does', () => {
    const { authority: ca } = authority();
    expect(ca.moduleId).toBe('i-0123456789abcdef0-enc019b55a68bd2ed4b');
    const [, , , instance, leaf] = chainOf(ca.signerAt(NOW));
    expect(instance?.subject).toContain(`CN=${INSTANCE}.zz-simulated-1.nitro-enclaves`);
    expect(leaf?.subject).toContain(`CN=${ca.moduleId}.zz-simulated-1`);
    expect(leaf?.serialNumber).toBe(
      `019B55A68BD2ED4B${BigInt(Math.floor(NOW / 1000))
        .toString(16)
        .padStart(16, '0')
        .toUpperCase()}`,
    );
  });

  it('is about as long as the real certificates', () => {
    const { cabundle, certificate } = authority().authority.signerAt(NOW);
    const real = [533, 707, 793, 706, 640];
    [...cabundle, certificate].forEach(({ length }, index) => {
      expect(Math.abs(length - (real[index] as number))).toBeLessThan(70);
    });
  });

  it('keeps serial numbers positive and within twenty octets', () => {
    const { cabundle } = authority().authority.signerAt(NOW);
    for (const der of cabundle) expect(new X509Certificate(der).serialNumber).toMatch(/^[4-7][0-9A-F]{31,39}$/);
  });

  it('lives as long as the real profile: 30 years, 20, 6 and 1 days, 3 hours', () => {
    const spans = chainOf(authority().authority.signerAt(NOW)).map(
      ({ validFrom, validTo }) => Date.parse(validTo) - Date.parse(validFrom),
    );
    expect(spans).toEqual([30 * 365 * DAY, 20 * DAY, 6 * DAY, DAY, 3 * HOUR]);
  });

  it('renews in time: at no moment in thirty days is any certificate of the chain outside its dates', () => {
    const { authority: ca } = authority();
    const read = new Map<Uint8Array, X509Certificate>();
    for (let now = NOW; now < NOW + 30 * DAY; now += HOUR) {
      const { cabundle, certificate } = ca.signerAt(now);
      for (const der of [...cabundle, certificate]) {
        const parsed = read.get(der) ?? new X509Certificate(der);
        read.set(der, parsed);
        expect(Date.parse(parsed.validFrom)).toBeLessThanOrEqual(now);
        expect(Date.parse(parsed.validTo)).toBeGreaterThan(now);
      }
    }
    // A leaf every two hours or so, and now and then an authority.
    expect(read.size).toBeGreaterThan(30 * 8);
  });

  it('keeps one leaf while it is fresh, and makes a new one when the clock was set back', () => {
    const { authority: ca } = authority();
    const first = ca.signerAt(NOW);
    expect(ca.signerAt(NOW + HOUR).certificate).toBe(first.certificate);
    const earlier = ca.signerAt(NOW - 5 * HOUR);
    expect(Date.parse(new X509Certificate(earlier.certificate).validFrom)).toBeLessThanOrEqual(NOW - 5 * HOUR);
  });

  it('takes all its chance from outside: the same chance gives the same bytes', () => {
    const make = (): readonly Uint8Array[] => {
      const { root, authority: ca } = authority(countingChance());
      const { certificate, cabundle } = ca.signerAt(NOW);
      return [root, ...cabundle, certificate];
    };
    expect(make()).toEqual(make());
    expect(
      new X509Certificate(make()[5] as Uint8Array).verify(new X509Certificate(make()[4] as Uint8Array).publicKey),
    ).toBe(true);
  });
});

describe('the root of a machine', () => {
  let state: string;
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'proofmark-root-'));
  });
  afterEach(() => rm(state, { recursive: true, force: true }));

  const codeOf = async (run: Promise<unknown>): Promise<string> =>
    run.then(
      () => 'accepted',
      (error) => (error instanceof SimulatorError ? error.code : String(error)),
    );

  it('is made once and then read', async () => {
    const first = await openRoot(state, { now: NOW });
    const second = await openRoot(state, { now: NOW + DAY });
    expect(second.certificate).toEqual(first.certificate);
    expect(second.key.point).toEqual(first.key.point);
    const signature = second.key.sign(Uint8Array.of(1));
    expect(p384.verify(signature, Uint8Array.of(1), first.key.point, { lowS: false })).toBe(true);
  });

  it('is the same for all who start at once, and leaves nothing else behind', async () => {
    const roots = await Promise.all(Array.from({ length: 8 }, () => openRoot(state, { now: NOW })));
    expect(new Set(roots.map(({ certificate }) => Buffer.from(certificate).toString('hex'))).size).toBe(1);
    expect(await readdir(state)).toEqual(['simulated-root']);
  });

  it('is private to its user', async () => {
    await openRoot(state, { now: NOW });
    const directory = join(state, 'simulated-root');
    for (const name of await readdir(directory)) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await chmod(join(directory, 'root.key.pem'), 0o640);
    expect(await codeOf(openRoot(state, { now: NOW }))).toBe('root_unsafe');
  });

  it('is never replaced in silence when it is damaged', async () => {
    await openRoot(state, { now: NOW });
    const path = join(state, 'simulated-root', 'root.der');
    await writeFile(path, Uint8Array.of(0x30, 0x00));
    expect(await codeOf(openRoot(state, { now: NOW }))).toBe('root_invalid');
    const other = createRoot({ now: NOW, key: systemChance.key(), chance: systemChance });
    await writeFile(path, other.certificate);
    expect(await codeOf(openRoot(state, { now: NOW }))).toBe('root_invalid');
    await rm(path);
    expect(await codeOf(openRoot(state, { now: NOW }))).toBe('root_invalid');
  });
});
