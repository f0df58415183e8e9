import { equalBytes, toHex } from '../../wire/bytes.ts';
import type { SignatureRun, Suite } from '../../wire/crypto/suite.ts';
import type { CacheUse, ChainLink } from '../cache/chain-cache.ts';
import type { ParsedCertificate, SignatureValue, SubjectKey } from '../codec/x509.ts';
import type { UntrustedCode } from '../errors.ts';
import { type CheckPlace, type Finding, failed, passed, type Rule } from '../rules.ts';
import type { SignatureBudget } from './budget.ts';
import { verifyP384 } from './ecdsa.ts';
import { verifyRsaPss384 } from './rsa.ts';
import type { TbsDigests } from './tbs-digests.ts';

/**
 * Path validation (RFC 5280 section 6) over a chain in a fixed order, root first and leaf last: nothing is searched
 * for, so a hostile bundle cannot choose the path or the work (C17). Cheap rules come first, signatures last.
 */
export interface ChainContext {
  /** At least a root and a leaf. */
  readonly certificates: readonly ParsedCertificate[];
  readonly rootSha256: Uint8Array;
  /** SHA-256 of every certificate that may be the root. */
  readonly trustedRoots: readonly Uint8Array[];
  readonly now: number;
  readonly suite: Suite;
  readonly budget: SignatureBudget;
  readonly cache: CacheUse;
  readonly tbsSha256: TbsDigests;
}

type ChainRule = Rule<ChainContext, UntrustedCode>;
type ChainFinding = Finding<UntrustedCode>;

/** What one vendor's certificates look like; everything else about a path is the same for all. */
export interface ChainProfile {
  /** In words, for the title of C4. */
  readonly algorithms: string;
  readonly signature: SignatureValue['kind'];
  readonly issuerKey: SubjectKey['kind'];
  readonly leafKey: SubjectKey['kind'];
  /** Endorsement certificates of AMD have no key usage at all (verifier-checks, fact 7). */
  readonly leafUsage: 'required' | 'absent-too';
}

export const nitroChain: ChainProfile = {
  algorithms: 'every signature and key is ECDSA P-384 with SHA-384',
  signature: 'ecdsa-with-SHA384',
  issuerKey: 'P-384',
  leafKey: 'P-384',
  leafUsage: 'required',
};

export const amdChain: ChainProfile = {
  algorithms: 'every signature is RSASSA-PSS with SHA-384 and 48 bytes of salt, by RSA-4096, and the leaf key P-384',
  signature: 'RSASSA-PSS',
  issuerKey: 'RSA-4096',
  leafKey: 'P-384',
  leafUsage: 'absent-too',
};

export function chainRules(profile: ChainProfile): readonly ChainRule[] {
  return [
    { id: 'C16', title: 'the first certificate is, byte for byte, a trusted root (N15)', run: rootIsTrusted },
    { id: 'C4', title: profile.algorithms, run: (context) => algorithmsAreAllowed(context, profile) },
    {
      id: 'C6',
      title: 'every issuer is, byte for byte, the subject before it, in the given order (C17)',
      run: namesChain,
    },
    { id: 'C7', title: 'authority key identifiers name the key of the issuer', run: keyIdentifiersChain },
    { id: 'C8', title: 'every certificate, the root too, is valid at the given time', run: allValidNow },
    { id: 'C9', title: 'every issuer is marked as a CA, critically', run: issuersAreCas },
    { id: 'C10', title: 'no path length is exceeded', run: pathLengthsHold },
    { id: 'C11', title: 'every issuer may sign certificates', run: issuersMaySign },
    {
      id: 'C12',
      title: 'the leaf is no CA and may make signatures',
      run: (context) => leafIsALeaf(context, profile),
    },
    { id: 'C13', title: 'every critical extension is understood', run: criticalExtensionsAreKnown },
    { id: 'C18', title: 'every signature verifies under the key of the issuer', run: signaturesVerify },
  ];
}

function rootIsTrusted({ rootSha256, trustedRoots }: ChainContext): ChainFinding {
  const detail = `root SHA-256 ${toHex(rootSha256)}`;
  if (!trustedRoots.some((trusted) => equalBytes(trusted, rootSha256)))
    return failed('root_not_trusted', detail, inCertificate(0));
  return passed(detail);
}

function algorithmsAreAllowed({ certificates }: ChainContext, profile: ChainProfile): ChainFinding {
  for (const [index, { signature, key }] of certificates.entries()) {
    if (signature.kind !== profile.signature) {
      return failed('algorithm_not_allowed', `${nameOf(signature)} in ${place(index)}`, inCertificate(index));
    }
    const wanted = index === certificates.length - 1 ? profile.leafKey : profile.issuerKey;
    if (key.kind !== wanted)
      return failed('key_not_allowed', `${nameOf(key)} in ${place(index)}`, inCertificate(index));
  }
  return passed(`${certificates.length} certificates`);
}

function nameOf(algorithm: SignatureValue | SubjectKey): string {
  return algorithm.kind === 'other' ? algorithm.oid : algorithm.kind;
}

function namesChain({ certificates }: ChainContext): ChainFinding {
  for (const { issuer, subject, index } of links(certificates)) {
    if (!equalBytes(subject.issuer.raw, issuer.subject.raw))
      return failed('issuer_mismatch', place(index), inCertificate(index));
  }
  return passed(certificates.map(({ subject }) => subject.commonName ?? '(no common name)').join(' > '));
}

function keyIdentifiersChain({ certificates }: ChainContext): ChainFinding {
  let compared = 0;
  for (const { issuer, subject, index } of links(certificates)) {
    const wanted = subject.extensions.authorityKeyIdentifier;
    const found = issuer.extensions.subjectKeyIdentifier;
    // Genuine instance CAs of 2022 have neither, so absence says nothing; a contradiction does.
    if (wanted === null || found === null) continue;
    if (!equalBytes(wanted, found)) return failed('key_identifier_mismatch', place(index), inCertificate(index));
    compared += 1;
  }
  return passed(`${compared} compared, the others are not present`);
}

function allValidNow({ certificates, now }: ChainContext): ChainFinding {
  for (const [index, { notBefore, notAfter }] of certificates.entries()) {
    if (now < notBefore)
      return failed('certificate_not_yet_valid', `${place(index)} begins ${iso(notBefore)}`, inCertificate(index));
    if (now > notAfter)
      return failed('certificate_expired', `${place(index)} ended ${iso(notAfter)}`, inCertificate(index));
  }
  return passed(`at ${iso(now)}`);
}

function issuersAreCas({ certificates }: ChainContext): ChainFinding {
  for (const [index, { extensions }] of issuersOf(certificates).entries()) {
    const constraints = extensions.basicConstraints;
    if (constraints === null || !constraints.critical || !constraints.ca)
      return failed('issuer_not_ca', place(index), inCertificate(index));
  }
  return passed(`${certificates.length - 1} issuers`);
}

function pathLengthsHold({ certificates }: ChainContext): ChainFinding {
  const issuers = issuersOf(certificates);
  for (const [index, { extensions }] of issuers.entries()) {
    const limit = extensions.basicConstraints?.pathLength ?? null;
    if (limit === null) continue;
    // RFC 5280 section 4.2.1.9: the leaf and self-issued certificates do not count.
    const below = issuers.slice(index + 1).filter((issuer) => !isSelfIssued(issuer)).length;
    if (below > limit)
      return failed('path_too_long', `${below} CAs below ${place(index)}, which allows ${limit}`, inCertificate(index));
  }
  return passed(`${issuers.length} issuers`);
}

function issuersMaySign({ certificates }: ChainContext): ChainFinding {
  for (const [index, { extensions }] of issuersOf(certificates).entries()) {
    if (extensions.keyUsage?.keyCertSign !== true) return failed('ca_key_usage', place(index), inCertificate(index));
  }
  return passed(`${certificates.length - 1} issuers`);
}

function leafIsALeaf({ certificates }: ChainContext, profile: ChainProfile): ChainFinding {
  const leaf = leafOf(certificates);
  const last = certificates.length - 1;
  if (leaf.extensions.basicConstraints?.ca === true) return failed('leaf_is_ca', place(last), inCertificate(last));
  const usage = leaf.extensions.keyUsage;
  if (usage === null && profile.leafUsage === 'absent-too') return passed('no key usage is written');
  // Critical or not is all the same here: AWS's leaf has keyUsage, not critical.
  if (usage?.digitalSignature !== true) return failed('leaf_key_usage', 'no digitalSignature', inCertificate(last));
  if (usage.keyCertSign) {
    return failed('leaf_key_usage', 'keyCertSign without cA (RFC 5280 section 4.2.1.9)', inCertificate(last));
  }
  return passed('digitalSignature');
}

function criticalExtensionsAreKnown({ certificates }: ChainContext): ChainFinding {
  for (const [index, { extensions }] of certificates.entries()) {
    const [unknown] = extensions.unknownCritical;
    if (unknown !== undefined)
      return failed('critical_extension_unknown', `${unknown} in ${place(index)}`, inCertificate(index));
  }
  return passed(`${certificates.length} certificates`);
}

/** The root's own signature proves nothing and is not checked: the root is trusted for its bytes. */
async function signaturesVerify(context: ChainContext): Promise<ChainFinding> {
  const { certificates, suite, budget, cache, tbsSha256 } = context;
  const unknown: LinkToCheck[] = [];
  const all = links(certificates);
  for (const link of all) {
    const toCache = await cacheLink(certificates, link, tbsSha256);
    if (toCache !== undefined && cache.isKnown(toCache)) continue;
    if (!budget.spend()) return failed('signature_budget', place(link.index), inCertificate(link.index));
    // Every other one beside: two threads share them, and on a single core nothing is lost.
    unknown.push({ link, toCache, run: unknown.length % 2 === 0 ? 'here' : 'beside' });
  }
  const bad = await firstUnsigned(unknown, suite);
  if (bad !== undefined) return failed('certificate_signature', place(bad.link.index), inCertificate(bad.link.index));
  for (const { toCache } of unknown) if (toCache !== undefined) cache.learn(toCache);
  const known = all.length - unknown.length;
  const detail = `${all.length} signatures`;
  return passed(known === 0 ? detail : `${detail}, ${known} of them known from the cache`);
}

interface LinkToCheck {
  readonly link: Link;
  readonly toCache: ChainLink | undefined;
  readonly run: SignatureRun;
}

async function firstUnsigned(unchecked: readonly LinkToCheck[], suite: Suite): Promise<LinkToCheck | undefined> {
  const check = ({ link: { issuer, subject }, run }: LinkToCheck): Promise<boolean> =>
    isSignedBy(suite, issuer.key, subject, run);
  // Those beside are begun first, so that they run while the others keep this thread busy.
  const begun = new Map(unchecked.filter(({ run }) => run === 'beside').map((entry) => [entry, check(entry)]));
  const results = await Promise.all(unchecked.map((entry) => begun.get(entry) ?? check(entry)));
  return unchecked.find((_, at) => results[at] !== true);
}

/** What the cache is asked about: CAs only, since leaves are too many and too short-lived to keep. */
async function cacheLink(
  certificates: readonly ParsedCertificate[],
  { issuer, subject, index }: Link,
  tbsSha256: TbsDigests,
): Promise<ChainLink | undefined> {
  if (index === certificates.length - 1) return undefined;
  const made = madeBy(issuer.key, subject.signature);
  if (made === undefined) return undefined;
  return {
    ...made,
    tbsSha256: await tbsSha256(subject),
    notAfter: Math.min(...certificates.slice(0, index + 1).map(({ notAfter }) => notAfter)),
  };
}

/** C4 lets RSA keys through with the one exponent only, so that the modulus is the whole key. */
function madeBy(
  key: SubjectKey,
  signature: SignatureValue,
): Pick<ChainLink, 'kind' | 'issuerKey' | 'signature'> | undefined {
  if (key.kind === 'P-384' && signature.kind === 'ecdsa-with-SHA384') {
    return { kind: key.kind, issuerKey: key.point, signature: signature.fixed };
  }
  if (key.kind === 'RSA-4096' && signature.kind === 'RSASSA-PSS') {
    return { kind: key.kind, issuerKey: key.modulus, signature: signature.value };
  }
  return undefined;
}

interface Signed {
  readonly tbs: Uint8Array;
  readonly signature: SignatureValue;
}

/** For certificates and revocation lists alike. False too when key and signature are of different kinds. */
export async function isSignedBy(
  suite: Suite,
  key: SubjectKey,
  { tbs, signature }: Signed,
  run: SignatureRun = 'here',
): Promise<boolean> {
  if (key.kind === 'P-384' && signature.kind === 'ecdsa-with-SHA384') {
    return await verifyP384(suite, key.point, tbs, signature.fixed, run);
  }
  if (key.kind === 'RSA-4096' && signature.kind === 'RSASSA-PSS') {
    return await verifyRsaPss384(suite, key, tbs, signature.value);
  }
  return false;
}

export function rootOf(certificates: readonly ParsedCertificate[]): ParsedCertificate {
  return certificates[0] as ParsedCertificate;
}

export function leafOf(certificates: readonly ParsedCertificate[]): ParsedCertificate {
  return certificates[certificates.length - 1] as ParsedCertificate;
}

function issuersOf(certificates: readonly ParsedCertificate[]): readonly ParsedCertificate[] {
  return certificates.slice(0, -1);
}

interface Link {
  readonly issuer: ParsedCertificate;
  readonly subject: ParsedCertificate;
  /** Of the subject. */
  readonly index: number;
}

function links(certificates: readonly ParsedCertificate[]): readonly Link[] {
  return certificates.slice(1).map((subject, index) => ({
    issuer: certificates[index] as ParsedCertificate,
    subject,
    index: index + 1,
  }));
}

function isSelfIssued({ issuer, subject }: ParsedCertificate): boolean {
  return equalBytes(issuer.raw, subject.raw);
}

/** The same for programs. */
function inCertificate(certificate: number): CheckPlace {
  return { certificate };
}

function place(index: number): string {
  return `certificate ${index} (the root is 0)`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
