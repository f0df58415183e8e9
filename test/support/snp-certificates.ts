import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { SnpProduct } from '../../verifier/codec/snp-product.ts';
import { concatBytes, fromHex, utf8 } from '../../wire/bytes.ts';
import { basicConstraints, CA_USAGE, extension, NOW, testKey, validity } from './certificates.ts';
import { bits, der, name, sequence, time, unsigned } from './der-writer.ts';

/** AMD's chain with keys of our own: right by default and wrong in whatever way a test asks for. */
export interface RsaTestKey {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
}

export function rsaTestKey(modulusLength = 4096): RsaTestKey {
  // As text first: no key object outlives its generator.
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey: createPrivateKey(privateKey), spki: new Uint8Array(spki) };
}

/** One RSA-4096 key takes seconds to make, so that root and intermediates share it; names and places still differ. */
export const caKey: RsaTestKey = rsaTestKey();
export const endorsementKey: ReturnType<typeof testKey> = testKey();

const SHA384 = 'a00f300d06096086480165030402020500';
const MGF1 = 'a11c301a06092a864886f70d010108300d06096086480165030402020500';
const pssParameters = (salt: number, trailer: string): Uint8Array =>
  concatBytes(fromHex(SHA384), fromHex(MGF1), der(0xa2, unsigned(salt)), fromHex(trailer));

/** AlgorithmIdentifier of RSASSA-PSS; AMD's CA certificates spell the trailer out and its leaves do not. */
export function pss(salt = 48, trailer: 'spelt out' | 'left out' = 'left out'): Uint8Array {
  const id = fromHex('06092a864886f70d01010a');
  return sequence(id, sequence(pssParameters(salt, trailer === 'spelt out' ? 'a303020101' : '')));
}

export interface SnpCertificateSpec {
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly validity: Uint8Array;
  readonly spki: Uint8Array;
  readonly extensions: readonly Uint8Array[];
  readonly algorithm: Uint8Array;
  readonly signer: KeyObject;
  readonly salt: number;
  readonly signature: ((made: Uint8Array) => Uint8Array) | null;
}

export function pssSigned(tbs: Uint8Array, { signer, salt, algorithm, signature }: PssSigning): Uint8Array {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const made = new Uint8Array(sign('sha384', tbs, { key: signer, padding, saltLength: salt }));
  return sequence(tbs, algorithm, bits(signature?.(made) ?? made));
}

type PssSigning = Pick<SnpCertificateSpec, 'signer' | 'salt' | 'algorithm' | 'signature'>;

function certificateOf(spec: SnpCertificateSpec): Uint8Array {
  const tbs = sequence(
    der(0xa0, unsigned(2)),
    spec.serial,
    spec.algorithm,
    spec.issuer,
    spec.validity,
    spec.subject,
    spec.spki,
    ...(spec.extensions.length === 0 ? [] : [der(0xa3, sequence(...spec.extensions))]),
  );
  return pssSigned(tbs, spec);
}

const DAY = 86_400_000;
const AMD = '1.3.6.1.4.1.3704.1';
const signing = { signer: caKey.privateKey, salt: 48, signature: null };
const caSpec = { ...signing, spki: caKey.spki, algorithm: pss(48, 'spelt out') };
const span = validity(NOW - 1_000 * DAY, NOW + 1_000 * DAY);

export type Spl = 'bootloader' | 'tee' | 'snp' | 'spl4' | 'spl5' | 'spl6' | 'spl7' | 'microcode' | 'fmc';
const ARCS: { readonly [spl in Spl]: number } = {
  bootloader: 1,
  tee: 2,
  snp: 3,
  spl4: 4,
  spl5: 5,
  spl6: 6,
  spl7: 7,
  microcode: 8,
  fmc: 9,
};

export interface EndorsementSpec {
  readonly productName: Uint8Array | null;
  readonly structVersion: Uint8Array;
  readonly levels: { readonly [spl in Spl]?: number };
  readonly hardwareId: Uint8Array | null;
  readonly cspId: Uint8Array | null;
  readonly more: readonly Uint8Array[];
}

const amd = (arc: string, value: Uint8Array): Uint8Array => extension(`${AMD}.${arc}`, value, 'plain');
export const ia5 = (text: string): Uint8Array => der(0x16, utf8(text));

export function endorsementExtensions(spec: EndorsementSpec): readonly Uint8Array[] {
  return [
    amd('1', spec.structVersion),
    ...(spec.productName === null ? [] : [amd('2', spec.productName)]),
    ...Object.entries(spec.levels).map(([spl, level]) => amd(`3.${ARCS[spl as Spl]}`, unsigned(level))),
    ...(spec.hardwareId === null ? [] : [amd('4', spec.hardwareId)]),
    ...(spec.cspId === null ? [] : [amd('5', spec.cspId)]),
    ...spec.more,
  ];
}

export interface SnpChainOptions {
  readonly product: SnpProduct;
  readonly kind: 'VCEK' | 'VLEK';
  readonly endorsement: EndorsementSpec;
  readonly root?: Partial<SnpCertificateSpec>;
  readonly intermediate?: Partial<SnpCertificateSpec>;
  readonly leaf?: Partial<SnpCertificateSpec>;
}

const roots = new Map<SnpProduct, Uint8Array>();

/** PSS salts are random, so that the root that policies name is made once for each product. */
export function snpRoot(product: SnpProduct): Uint8Array {
  const known = roots.get(product);
  if (known !== undefined) return known;
  const made = certificateOf(rootSpec(product));
  roots.set(product, made);
  return made;
}

function rootSpec(product: SnpProduct): SnpCertificateSpec {
  const extensions = [CA_USAGE, basicConstraints('ca')];
  const names = { issuer: name(`ARK-${product}`), subject: name(`ARK-${product}`) };
  return { ...caSpec, ...names, serial: unsigned(Uint8Array.of(1, 0, 0)), validity: span, extensions };
}

/** Serial of the intermediate, for revocation lists. */
export const INTERMEDIATE_SERIAL: Uint8Array = unsigned(Uint8Array.of(1, 0, 1));

/** Root, intermediate, leaf. */
export function snpChain(options: SnpChainOptions): readonly Uint8Array[] {
  const line = `SEV-${options.kind === 'VLEK' ? 'VLEK-' : ''}${options.product}`;
  const root =
    options.root === undefined
      ? snpRoot(options.product)
      : certificateOf({ ...rootSpec(options.product), ...options.root });
  const intermediate = certificateOf({
    ...caSpec,
    issuer: name(`ARK-${options.product}`),
    subject: name(line),
    serial: INTERMEDIATE_SERIAL,
    validity: span,
    extensions: [basicConstraints('ca', 0), CA_USAGE],
    ...options.intermediate,
  });
  const leaf = certificateOf({
    ...signing,
    algorithm: pss(),
    issuer: name(line),
    subject: name(`SEV-${options.kind}`),
    serial: unsigned(0),
    validity: validity(NOW - 10 * DAY, NOW + 10 * DAY),
    spki: endorsementKey.spki,
    extensions: endorsementExtensions(options.endorsement),
    ...options.leaf,
  });
  return [root, intermediate, leaf];
}

export interface RevocationListSpec {
  readonly version: readonly Uint8Array[];
  readonly issuer: Uint8Array;
  readonly thisUpdate: number;
  readonly nextUpdate: number | null;
  /** DER leaves an empty list out. */
  readonly revoked: readonly Uint8Array[] | 'empty and written';
  readonly extensions: readonly Uint8Array[] | null;
  readonly signer: KeyObject;
}

export function revocationEntry(serial: Uint8Array, extensions: readonly Uint8Array[] = []): Uint8Array {
  return sequence(serial, time(NOW - DAY), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
}

function entriesOf(revoked: RevocationListSpec['revoked']): readonly Uint8Array[] {
  if (revoked === 'empty and written') return [sequence()];
  return revoked.length === 0 ? [] : [sequence(...revoked)];
}

export function revocationList(product: SnpProduct, changes: Partial<RevocationListSpec> = {}): Uint8Array {
  const spec: RevocationListSpec = {
    version: [unsigned(1)],
    issuer: name(`ARK-${product}`),
    thisUpdate: NOW - DAY,
    nextUpdate: NOW + DAY,
    revoked: [],
    extensions: [extension('2.5.29.20', unsigned(1), 'plain')],
    signer: caKey.privateKey,
    ...changes,
  };
  const algorithm = pss(48, 'spelt out');
  const tbs = sequence(
    ...spec.version,
    algorithm,
    spec.issuer,
    time(spec.thisUpdate),
    ...(spec.nextUpdate === null ? [] : [time(spec.nextUpdate)]),
    ...entriesOf(spec.revoked),
    ...(spec.extensions === null ? [] : [der(0xa0, sequence(...spec.extensions))]),
  );
  return pssSigned(tbs, { signer: spec.signer, salt: 48, algorithm, signature: null });
}
