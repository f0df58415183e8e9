import { equalBytes, fromHex } from '../wire/bytes.ts';
import { isRsa4096 } from '../wire/crypto/suite.ts';
import { amdAnchors, type SnpAnchor } from './anchors-amd.ts';
import { isOnP384 } from './codec/p384.ts';
import { VerifierError } from './errors.ts';

/**
 * Vendors' roots as facts, stated again in attestations/anchors/ (a test holds the two together). TypeScript constants,
 * because JSON imports are still experimental on the oldest Node that we support.
 */
export interface NitroAnchor {
  readonly name: string;
  readonly tee: 'aws-nitro';
  /** verifier-checks N26: which part of the cloud this root vouches for is stated, not guessed. */
  readonly partition: string;
  readonly subject: string;
  readonly sha256: string;
  readonly curve: 'P-384';
  readonly x: string;
  readonly y: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

/** A vendor’s root that is pinned: facts about its certificate. */
export type Anchor = NitroAnchor | SnpAnchor;

const awsAnchors: readonly NitroAnchor[] = [
  {
    name: 'aws-nitro-enclaves-g1',
    tee: 'aws-nitro',
    partition: 'aws',
    subject: 'C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves',
    sha256: '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b',
    curve: 'P-384',
    x: 'fc0254eba608c1f36870e29ada90be46383292736e894bfff672d989444b5051e534a4b1f6dbe3c0bc581a32b7b17607',
    y: '0ede12d69a3fea211b66e752cf7dd1dd095f6f1370f4170843d9dc100121e4cf63012809664487c9796284304dc53ff4',
    notBefore: '2019-10-28T13:28:05Z',
    notAfter: '2049-10-28T14:28:05Z',
  },
];

/** All of them. A policy for hardware names some, and no other root. */
export const anchors: readonly Anchor[] = [...amdAnchors, ...awsAnchors];

/** SHA-256 of the roots of one vendor. */
export function anchorDigests(tee: Anchor['tee']): readonly Uint8Array[] {
  return digests.filter(({ anchor }) => anchor.tee === tee).map(({ sha256 }) => sha256);
}

/** The anchor of this vendor whose certificate has this SHA-256, if it is one: anything else is simulated. */
export function anchorOf<Tee extends Anchor['tee']>(
  tee: Tee,
  certificateSha256: Uint8Array,
): Extract<Anchor, { readonly tee: Tee }> | undefined {
  const found = digests.find(({ sha256 }) => equalBytes(sha256, certificateSha256))?.anchor;
  return found?.tee === tee ? (found as Extract<Anchor, { readonly tee: Tee }>) : undefined;
}

/** Whether any vendor pins this root, whatever its hardware. */
export function isVendorRoot(certificateSha256: Uint8Array): boolean {
  return digests.some(({ sha256 }) => equalBytes(sha256, certificateSha256));
}

export function anchorPoint(anchor: NitroAnchor): Uint8Array {
  return fromHex(`04${anchor.x}${anchor.y}`);
}

/** A damaged constant must not wait for a document to be noticed (verifier-checks X5). Throws for one that is damaged. */
export function checkAnchor(anchor: Anchor): void {
  const wellFormed =
    /^[0-9a-f]{64}$/.test(anchor.sha256) &&
    Date.parse(anchor.notBefore) < Date.parse(anchor.notAfter) &&
    (anchor.tee === 'aws-nitro' ? isPoint(anchor) : isModulus(anchor));
  if (!wellFormed) throw new VerifierError('argument_invalid', `the trust anchor ${anchor.name} is damaged`);
}

function isPoint(anchor: NitroAnchor): boolean {
  const written = /^[0-9a-f]{96}$/.test(anchor.x) && /^[0-9a-f]{96}$/.test(anchor.y);
  return written && isOnP384(anchorPoint(anchor));
}

function isModulus({ modulus, exponent }: SnpAnchor): boolean {
  return /^[0-9a-f]{1024}$/.test(modulus) && isRsa4096(fromHex(modulus), exponent);
}

for (const anchor of anchors) checkAnchor(anchor);

/** Read once: they are compared for every piece of evidence. */
const digests: readonly { readonly anchor: Anchor; readonly sha256: Uint8Array }[] = anchors.map((anchor) => ({
  anchor,
  sha256: fromHex(anchor.sha256),
}));
