import 'reflect-metadata';
import { createHash, createPrivateKey, generateKeyPairSync, verify, X509Certificate } from 'node:crypto';
import { chmod, cp, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { p384 } from '@noble/curves/nist.js';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { p384PublicKey } from '../../../../enclave/simulator/certificate.ts';
import { SimulatorError } from '../../../../enclave/simulator/errors.ts';
import { type Chance, systemChance } from '../../../../enclave/simulator/signing.ts';
import {
  createSnpRoot,
  makeSnpAuthority,
  type SnpAuthority,
  type SnpAuthorityOptions,
  type SnpRoot,
} from '../../../../enclave/simulator/snp/authority.ts';
import { type Product, products, type SignerKind } from '../../../../enclave/simulator/snp/product.ts';
import { openSnpRoot } from '../../../../enclave/simulator/snp/root.ts';
import { rsaSigningKey } from '../../../../enclave/simulator/snp/rsa.ts';
import { concatBytes, fromHex, toHex } from '../../../../wire/bytes.ts';
import { hasRealEvidence, realBytes } from '../../../support/real-evidence.ts';
import { rootKey } from '../../../vectors/corpus/keys.ts';
import { shapeOf } from './shape.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const SIGNERS: readonly SignerKind[] = ['vcek', 'vlek'];
const PAIRS = products.flatMap((product) => SIGNERS.map((signer) => [product, signer] as const));
const AMD = '1.3.6.1.4.1.3704.1';
const GUEST = { reportData: new Uint8Array(64).fill(5), measurement: new Uint8Array(48).fill(6) };

/** Making RSA-4096 keys takes seconds, so the three of one machine's Milan serve every line here. */
let state: string;
let milan: SnpRoot;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'proofmark-snp-'));
  milan = await openSnpRoot(state, { product: 'Milan', now: NOW });
}, 120_000);
afterAll(() => rm(state, { recursive: true, force: true }));

function rootOf(product: Product, chance: Chance): SnpRoot {
  const keys = { ark: milan.ark.key, ask: milan.ask.key, asvk: milan.asvk.key };
  return createSnpRoot({ product, now: NOW, keys, chance });
}

const roots = new Map<Product, SnpRoot>();
const plain = new Map<string, SnpAuthority>();

/** Roots are made once, and authorities too that nothing is changed in: RSA-4096 signatures take their time. */
function authority(product: Product, signer: SignerKind, changes?: Partial<SnpAuthorityOptions>): SnpAuthority {
  const root = roots.get(product) ?? rootOf(product, systemChance);
  roots.set(product, root);
  const make = (): SnpAuthority => makeSnpAuthority({ root, signer, now: NOW, chance: systemChance, ...changes });
  if (changes !== undefined) return make();
  const known = plain.get(`${product} ${signer}`) ?? make();
  plain.set(`${product} ${signer}`, known);
  return known;
}

const chainOf = ({ certificates }: SnpAuthority): readonly X509Certificate[] =>
  certificates.map((der) => new X509Certificate(der));

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    return error instanceof SimulatorError ? error.code : String(error);
  }
};

/** Keys, salts and signatures from a counter: what published vectors will do. */
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

describe.each(PAIRS)('the simulated authority of %s with a %s', (product, signer) => {
  it('signs a chain that an independent reader verifies, each certificate by the one after it', () => {
    const [leaf, intermediate, root] = chainOf(authority(product, signer));
    for (const [certificate, issuer] of [
      [leaf, intermediate],
      [intermediate, root],
      [root, root],
    ]) {
      expect(certificate?.verify(issuer?.publicKey as never)).toBe(true);
      expect(certificate?.checkIssued(issuer as X509Certificate)).toBe(true);
    }
    const names = [leaf, intermediate, root].map((certificate) => /CN=(.*)$/.exec(certificate?.subject ?? '')?.[1]);
    expect(names).toEqual(
      signer === 'vcek'
        ? ['SEV-VCEK', `SEV-${product}`, `ARK-${product}`]
        : ['SEV-VLEK', `SEV-VLEK-${product}`, `ARK-${product}`],
    );
    expect(leaf?.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'secp384r1' });
    for (const { publicKey } of [intermediate, root] as X509Certificate[]) {
      expect(publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 4096, publicExponent: 65537n });
    }
  });

  it('signs reports of every version with the leaf’s key', () => {
    const ca = authority(product, signer);
    const [leaf] = chainOf(ca);
    for (const version of [2, 3, 5]) {
      const report = ca.report({ ...GUEST, version });
      expect(report).toHaveLength(1184);
      const signature = concatBytes(report.slice(0x2a0, 0x2d0).reverse(), report.slice(0x2e8, 0x318).reverse());
      const key = { key: (leaf as X509Certificate).publicKey, dsaEncoding: 'ieee-p1363' } as const;
      expect(verify('sha384', report.subarray(0, 0x2a0), key, signature)).toBe(true);
      expect(report.subarray(0x50, 0x90)).toEqual(GUEST.reportData);
      expect(report.subarray(0x90, 0xc0)).toEqual(GUEST.measurement);
      expect(report[0x48]).toBe(signer === 'vcek' ? 0 : 4);
    }
  });

  it('says that it is simulated in every name, and points at no real service', () => {
    for (const der of authority(product, signer).certificates) {
      const { subject, issuer } = new X509Certificate(der);
      for (const name of [subject, issuer]) expect(name).toContain('O=SIMULATED');
      const text = Buffer.from(der).toString('latin1');
      expect(text).not.toMatch(/Advanced Micro|amd\.com|amazonaws/);
      for (const [url] of text.matchAll(/https?:\/\/[\w./-]+/g)) {
        expect(new URL(url).hostname).toBe('kdsintf.simulated.proofmark.invalid');
      }
    }
  });

  it('lives as long as the real ones', () => {
    const spans = chainOf(authority(product, signer)).map(
      ({ validFrom, validTo }) => (Date.parse(validTo) - Date.parse(validFrom)) / (365 * DAY),
    );
    expect(spans).toEqual([signer === 'vcek' ? 7 : 1, 25, 25]);
  });

  it('certifies the TCB and the chip or cloud that its reports name', () => {
    const ca = authority(product, signer);
    const leaf = new x509.X509Certificate(Buffer.from(ca.certificates[0]));
    const value = (arcs: string): Uint8Array => {
      const extension = leaf.extensions.find(({ type }) => type === `${AMD}.${arcs}`);
      expect(extension?.critical).toBe(false);
      return new Uint8Array(extension?.value as ArrayBuffer);
    };
    const report = ca.report(GUEST);
    const arcs = product === 'Turin' ? [9, 1, 2, 3, 5, 6, 7, 8] : [1, 2, 4, 5, 6, 7, 3, 8];
    arcs.forEach((arc, index) => {
      const der = value(`3.${arc}`);
      expect(der[0]).toBe(2);
      expect(der[der.length - 1]).toBe(report[0x180 + index]);
    });
    expect(leaf.extensions).toHaveLength(11);
    const chipId = report.slice(0x1a0, 0x1e0);
    if (signer === 'vlek') {
      expect(Buffer.from(value('5').subarray(2)).toString()).toBe('CN=cc-zz-simulated-1.proofmark.invalid');
      expect(chipId).toEqual(new Uint8Array(64));
    } else {
      const length = product === 'Turin' ? 8 : 64;
      expect(value('4')).toEqual(chipId.slice(0, length));
      expect(chipId.slice(length)).toEqual(new Uint8Array(64 - length));
    }
    expect(leaf.serialNumber).toMatch(/^0+$/);
  });
});

describe('the bytes of the simulated authority', () => {
  it('come from outside: the same keys and the same chance give the same ones', () => {
    const make = (): readonly string[] => {
      const chance = countingChance();
      const ca = makeSnpAuthority({ root: rootOf('Turin', chance), signer: 'vcek', now: NOW, chance });
      return [...ca.certificates, ca.report(GUEST)].map(toHex);
    };
    expect(make()).toEqual(make());
  });

  it('take chip, cloud and TCB from the caller', () => {
    const chipId = fromHex('3b42092f69c656d3');
    const tcb = { fmc: 9, bootloader: 8, tee: 7, snp: 6, microcode: 5 };
    const report = authority('Turin', 'vcek', { chipId, tcb }).report(GUEST);
    expect(report.slice(0x1a0, 0x1a8)).toEqual(chipId);
    for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) {
      expect(report.slice(offset, offset + 8)).toEqual(fromHex('0908070600000005'));
    }
    const [leaf] = authority('Milan', 'vlek', { cspId: 'CN=elsewhere.invalid' }).certificates;
    expect(Buffer.from(leaf).toString('latin1')).toContain('CN=elsewhere.invalid');
  });

  it('can be changed field by field and byte by byte before they are signed', () => {
    const ca = authority('Genoa', 'vcek');
    const patches = [{ offset: 0x18b, bytes: Uint8Array.of(1) }];
    const report = ca.report({ ...GUEST, version: 3, vmpl: 2, guestPolicy: 0xb0000n, patches });
    expect([report[0x00], report[0x30], report[0x0a], report[0x18b]]).toEqual([3, 2, 0x0b, 1]);
  });

  it('may hold certificates that AMD would never issue', () => {
    const [shortSalt, ask] = chainOf(
      authority('Milan', 'vcek', { alterLeaf: (request) => ({ ...request, salt: new Uint8Array(32) }) }),
    );
    expect(shortSalt?.verify((ask as X509Certificate).publicKey)).toBe(false);
    const [named] = chainOf(
      authority('Milan', 'vcek', { alterLeaf: (request) => ({ ...request, subject: [['CN', 'other']] }) }),
    );
    expect(named?.subject).toBe('CN=other');
    const root = createSnpRoot({
      product: 'Milan',
      now: NOW,
      keys: { ark: milan.ark.key, ask: milan.ask.key, asvk: milan.asvk.key },
      chance: systemChance,
      alter: (role, request) => (role === 'ask' ? { ...request, extensions: [{ kind: 'endEntity' }] } : request),
    });
    const isCa = ({ certificate }: { readonly certificate: Uint8Array }): boolean =>
      new X509Certificate(certificate).ca;
    expect([root.ark, root.ask, root.asvk].map(isCa)).toEqual([true, false, true]);
  });

  it('are refused where no chip of the line has such an id', async () => {
    for (const [product, length] of [
      ['Milan', 8],
      ['Genoa', 63],
      ['Turin', 64],
    ] as const) {
      const chipId = new Uint8Array(length).fill(1);
      expect(await codeOf(() => authority(product, 'vcek', { chipId }))).toBe('argument_invalid');
    }
  });

  it('need RSA keys of 4096 bits, and salts that fit', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(await codeOf(() => rsaSigningKey(privateKey))).toBe('argument_invalid');
    const sign = (length: number) => () => milan.ark.key.sign(Uint8Array.of(1), new Uint8Array(length));
    expect(await codeOf(sign(462))).toBe('accepted');
    expect(await codeOf(sign(463))).toBe('argument_invalid');
  });
});

describe.skipIf(!hasRealEvidence)('beside AMD’s certificates (skipped without ../shared/vectors)', () => {
  const pem = (file: string): readonly Uint8Array[] =>
    [
      ...Buffer.from(realBytes(file))
        .toString()
        .matchAll(/-----BEGIN [\s\S]*?END CERTIFICATE-----/g),
    ].map(([text]) => new Uint8Array(new X509Certificate(text).raw));

  it.each([
    ['Milan', 'roots/amd_ask_ark_milan', 'sev-snp/routex/vcek-chain-milan.pem'],
    ['Genoa', 'roots/amd_ask_ark_genoa', 'sev-snp/routex/vcek-chain-genoa.pem'],
    ['Turin', 'roots/amd_ask_ark_turin', 'sev-snp/routex/vcek-chain-turin.pem'],
  ] as const)('those of %s have the same shape, element by element', (product, roots, chain) => {
    const [leaf, ask, ark] = authority(product, 'vcek').certificates;
    const [, asvk] = authority(product, 'vlek').certificates;
    const authorities = product === 'Turin' ? `${roots}_vcek.pem` : `${roots}.pem`;
    const [realAsk, realArk] = pem(authorities);
    expect(shapeOf(leaf)).toEqual(shapeOf(pem(chain)[0] as Uint8Array));
    expect(shapeOf(ask)).toEqual(shapeOf(realAsk as Uint8Array));
    expect(shapeOf(ark)).toEqual(shapeOf(realArk as Uint8Array));
    expect(shapeOf(asvk)).toEqual(shapeOf(pem(`${roots}_vlek.pem`)[0] as Uint8Array));
    for (const [ours, real] of [
      [ark, realArk],
      [asvk, pem(`${roots}_vlek.pem`)[0]],
    ] as [Uint8Array, Uint8Array][]) {
      expect(new X509Certificate(ours).serialNumber).toBe(new X509Certificate(real).serialNumber);
    }
  });

  it('a lent key’s has the same shape too', () => {
    const [leaf] = authority('Milan', 'vlek').certificates;
    expect(shapeOf(leaf)).toEqual(shapeOf(realBytes('sev-snp/trustee/test-vlek.der')));
  });
});

describe('the SNP root of a machine', () => {
  const DIRECTORY = 'simulated-snp-root-milan';

  it('is made once and then read', async () => {
    const again = await openSnpRoot(state, { product: 'Milan', now: NOW + DAY });
    for (const role of ['ark', 'ask', 'asvk'] as const) {
      expect(again[role].certificate).toEqual(milan[role].certificate);
      expect(again[role].key.modulus).toEqual(milan[role].key.modulus);
    }
    expect(await readdir(state)).toEqual([DIRECTORY]);
  });

  it('is private to its user', async () => {
    const directory = join(state, DIRECTORY);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readdir(directory)).toHaveLength(6);
    for (const name of await readdir(directory)) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    for (const role of ['ark', 'ask', 'asvk']) {
      const path = join(directory, `${role}.key.pem`);
      await chmod(path, 0o604);
      expect(await codeOf(() => openSnpRoot(state, { product: 'Milan', now: NOW }))).toBe('root_unsafe');
      await chmod(path, 0o600);
    }
  });

  it('is refused when the key of one of its authorities is published', async () => {
    const published = Buffer.from(rootKey.privateKey).toString('base64url');
    const [x, y] = [rootKey.point.subarray(1, 49), rootKey.point.subarray(49)].map((part) =>
      Buffer.from(part).toString('base64url'),
    );
    const jwk = { kty: 'EC', crv: 'P-384', d: published, x: x as string, y: y as string };
    const pem = createPrivateKey({ format: 'jwk', key: jwk }).export({ type: 'pkcs8', format: 'pem' });
    const keys = { ark: milan.ark.key, ask: milan.ask.key, asvk: milan.asvk.key };
    const { ask } = createSnpRoot({
      product: 'Milan',
      now: NOW,
      keys,
      chance: systemChance,
      alter: (role, request) => (role === 'ask' ? { ...request, subjectKey: p384PublicKey(rootKey.point) } : request),
    });
    const foreign = await mkdtemp(join(tmpdir(), 'proofmark-snp-'));
    try {
      await cp(join(state, DIRECTORY), join(foreign, DIRECTORY), { recursive: true });
      await writeFile(join(foreign, DIRECTORY, 'ask.key.pem'), pem);
      await writeFile(join(foreign, DIRECTORY, 'ask.der'), ask.certificate);
      expect(await codeOf(() => openSnpRoot(foreign, { product: 'Milan', now: NOW }))).toBe('root_unsafe');
    } finally {
      await rm(foreign, { recursive: true, force: true });
    }
  });

  it('is refused for another line, and when a certificate is damaged or of another key', async () => {
    await rename(join(state, DIRECTORY), join(state, 'simulated-snp-root-genoa'));
    expect(await codeOf(() => openSnpRoot(state, { product: 'Genoa', now: NOW }))).toBe('root_invalid');
    await rename(join(state, 'simulated-snp-root-genoa'), join(state, DIRECTORY));
    const path = join(state, DIRECTORY, 'ask.der');
    for (const wrong of [Uint8Array.of(0x30, 0), milan.asvk.certificate, milan.ark.certificate]) {
      await writeFile(path, wrong);
      expect(await codeOf(() => openSnpRoot(state, { product: 'Milan', now: NOW }))).toBe('root_invalid');
    }
    await writeFile(path, milan.ask.certificate);
    expect(await codeOf(() => openSnpRoot(state, { product: 'Milan', now: NOW }))).toBe('accepted');
  });
});
