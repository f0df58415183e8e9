import type { Awaitable, Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import { anchorDigests, anchorOf } from '../anchors.ts';
import { isChainCache, useCache } from '../cache/chain-cache.ts';
import type { ParsedNitroDocument } from '../codec/nitro-document.ts';
import { createSignatureBudget, type SignatureBudget } from '../crypto/budget.ts';
import { verifyP384 } from '../crypto/ecdsa.ts';
import { type ChainContext, chainRules, leafOf, nitroChain, rootOf } from '../crypto/path.ts';
import { createTbsDigests } from '../crypto/tbs-digests.ts';
import { type UntrustedCode, VerifierError } from '../errors.ts';
import { isParsedPolicy } from '../policy/policy.ts';
import { type Check, type NotProven, type Verdict, type Verified, verified } from '../result.ts';
import {
  type CheckName,
  type Finding,
  failed,
  notReached,
  passed,
  type Rule,
  runAll,
  runUntilFailure,
} from '../rules.ts';
import type { NitroFacts, NitroOptions } from './facts.ts';
import { certifiedNames } from './names.ts';
import { nitroParsing, type ParsedNitroEvidence, parseNitroEvidence } from './parse.ts';
import { isDebug, nitroPolicyRules } from './rules.ts';

type CryptoFinding = Finding<UntrustedCode>;

interface CryptoContext extends ChainContext {
  /** Begins at the first call; every call gives the same finding. */
  readonly documentSignature: () => Promise<CryptoFinding>;
}

const cryptoRules: readonly Rule<CryptoContext, UntrustedCode>[] = [
  ...chainRules(nitroChain).map(withTheDocument),
  {
    id: 'N7',
    title: "the document's signature verifies under the leaf's key",
    run: ({ documentSignature }) => documentSignature(),
  },
];

/** The document's signature is begun with those of the chain and runs beside them; its finding waits for its turn. */
function withTheDocument(rule: Rule<ChainContext, UntrustedCode>): Rule<CryptoContext, UntrustedCode> {
  if (rule.id !== 'C18') return rule;
  const run = (context: CryptoContext): Awaitable<CryptoFinding> => {
    void context.documentSignature();
    return rule.run(context);
  };
  return { ...rule, run };
}

/** Outside what any document can settle, or outside what this function is given. Part of every verdict. */
const neverProven: readonly NotProven[] = [
  {
    id: 'C19',
    reason:
      'whether a certificate was revoked: no list was consulted; a revoked certificate shows up only on a deny list',
  },
  { id: 'N22', reason: 'what public_key and user_data stand for: whoever knows the protocol compares them' },
  { id: 'X13', reason: 'that the challenge was fresh and used once: whoever drew it keeps that' },
  {
    id: 'P.worker',
    reason: "the policy's rules about configuration, runtime, operator, chain, publishers, models and requests",
  },
];

/**
 * Verifies an AWS Nitro attestation document. The verdict lists every check of the checklist, in order, whatever came
 * of it. Throws `VerifierError` only for the caller's own arguments (codes of the group `misuse`).
 *
 * Not enforced here: that a challenge is used once, what `public_key` and `user_data` bind, and revocation lists. The
 * verdict says so too, in `notProven`.
 */
export async function verifyNitroDocument(
  document: Uint8Array,
  options: NitroOptions,
): Promise<Verdict<Verified<NitroFacts>>> {
  checkArguments(document, options);
  const { policy, now, suite } = options;
  const cache = useCache(options.cache, suite, now);
  // Copies: the caller's buffers may change between the parse and the signature check.
  const bytes = snapshot(document);
  const challenge = options.challenge === 'any' ? 'any' : new Uint8Array(options.challenge);

  const parse = parseNitroEvidence(bytes, laterThanParsing);
  if ('error' in parse) {
    return { verdict: 'malformed', code: parse.error.code, checks: parse.checks, notProven: neverProven };
  }
  const { evidence } = parse;
  const rootSha256 = await suite.sha256(rootOf(evidence.certificates).bytes);

  const tbsSha256 = createTbsDigests(suite);
  const budget = createSignatureBudget(limits.evidenceSignatures);
  let begun: Promise<CryptoFinding> | undefined;
  const crypto = await runUntilFailure(cryptoRules, {
    certificates: evidence.certificates,
    rootSha256,
    // A vendor's root is genuine whatever the policy wants; the policy rules then refuse it by name (A2, N26).
    trustedRoots: [...anchorDigests('aws-nitro'), ...policy.roots],
    now,
    suite,
    budget,
    cache,
    tbsSha256,
    documentSignature: () => {
      begun ??= documentSignatureVerifies(evidence, suite, budget);
      return begun;
    },
  });
  if (crypto.code !== null) {
    const checks = [...parse.checks, ...crypto.checks, ...notReached(nitroPolicyRules)];
    return { verdict: 'untrusted', code: crypto.code, checks, notProven: neverProven };
  }

  // Only now: whoever can write here has a chain to a trusted root and a document below it.
  cache.commit();
  const facts = await factsOf(evidence, { rootSha256, tbsSha256 }, options);
  const ruling = await runAll(nitroPolicyRules, {
    document: evidence.document,
    certificates: evidence.certificates,
    rootSha256,
    tbsSha256: facts.certificates.map((certificate) => certificate.tbsSha256),
    level: facts.level,
    policy,
    now,
    challenge,
  });
  const checks = [...parse.checks, ...crypto.checks, ...ruling.checks];
  const notProven = [...neverProven, ...notProvenBy(facts, checks)];
  if (ruling.code !== null) return { verdict: 'refused', code: ruling.code, checks, notProven };
  return { verdict: 'accepted', proven: verified(facts), checks, notProven };
}

const laterThanParsing: readonly CheckName[] = [...cryptoRules, ...nitroPolicyRules];

/** All that is checked about a document, in order, for whoever did not come to it. */
export const nitroChecks: readonly CheckName[] = [...nitroParsing, ...laterThanParsing];

/** What a document says, with nothing checked but its form. The result's shape keeps it apart from proven facts. */
export interface UnverifiedNitroDocument {
  readonly unverified: ParsedNitroDocument;
}

/** For looking at a document that cannot be verified. Decide nothing on it. Throws `VerifierError` for malformed bytes. */
export function parseUnverifiedNitroDocument(document: Uint8Array): UnverifiedNitroDocument {
  if (!(document instanceof Uint8Array)) throw argument('document', 'bytes expected');
  const parse = parseNitroEvidence(snapshot(document), laterThanParsing);
  if ('error' in parse) throw parse.error;
  return { unverified: parse.evidence.document };
}

/** At most one byte more than is allowed: an absurd length is refused without being copied (A5). */
function snapshot(document: Uint8Array): Uint8Array {
  // A detached buffer has no bytes and cannot be read; it is refused as an empty document.
  if (document.length === 0) return new Uint8Array(0);
  return new Uint8Array(document.subarray(0, limits.attestationDocumentBytes + 1));
}

function checkArguments(document: Uint8Array, options: NitroOptions): void {
  if (!(document instanceof Uint8Array)) throw argument('document', 'bytes expected');
  if (typeof options !== 'object' || options === null) throw argument('options', 'an object expected');
  if (!isParsedPolicy(options.policy)) {
    throw new VerifierError('policy_unparsed', 'use parsePolicy: it refuses a policy with a rule left out');
  }
  const { now, challenge, suite } = options;
  // The second bound is the end of JavaScript's calendar: beyond it a time has no date to report.
  if (!Number.isSafeInteger(now) || now < 0 || now > 8_640_000_000_000_000) {
    throw argument('now', 'milliseconds since 1970 expected');
  }
  if (challenge !== 'any' && (!(challenge instanceof Uint8Array) || challenge.length !== 32)) {
    throw argument('challenge', '32 bytes or the word "any" expected');
  }
  if (typeof suite?.sha256 !== 'function' || typeof suite.verifyP384 !== 'function') {
    throw argument('suite', 'a crypto suite expected');
  }
  if (options.cache !== 'none' && !isChainCache(options.cache)) {
    throw argument('cache', 'what createChainCache made or the word "none" expected');
  }
}

function argument(field: string, detail: string): VerifierError {
  return new VerifierError('argument_invalid', detail, { field });
}

async function documentSignatureVerifies(
  { cose, certificates }: ParsedNitroEvidence,
  suite: Suite,
  budget: SignatureBudget,
): Promise<CryptoFinding> {
  const { key } = leafOf(certificates);
  if (!budget.spend()) return failed('signature_budget', 'the document');
  if (key.kind !== 'P-384') return failed('document_signature', 'no key');
  const good = await verifyP384(suite, key.point, cose.signed, cose.signature, 'beside');
  return good ? passed('ES384') : failed('document_signature', 'ES384');
}

async function factsOf(
  { cose, document, certificates }: ParsedNitroEvidence,
  { rootSha256, tbsSha256 }: Pick<ChainContext, 'rootSha256' | 'tbsSha256'>,
  { policy, now, suite }: NitroOptions,
): Promise<NitroFacts> {
  const anchor = anchorOf('aws-nitro', rootSha256);
  const validity = {
    notBefore: Math.max(...certificates.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...certificates.map(({ notAfter }) => notAfter)),
  };
  const maxAge = policy.maxAgeSeconds === 'any' ? [] : [document.timestamp + policy.maxAgeSeconds * 1000];
  return {
    level: anchor === undefined ? 'simulated' : 'attested',
    tee: 'aws-nitro',
    root: { name: anchor?.name ?? 'simulated', partition: anchor?.partition ?? 'simulated', sha256: rootSha256 },
    documentId: await suite.sha256(cose.signed),
    moduleId: document.moduleId,
    region: certifiedNames(certificates)?.region ?? null,
    timestamp: document.timestamp,
    debug: isDebug(document),
    pcrs: document.pcrs,
    measurements: [measurement(document, 0), measurement(document, 1), measurement(document, 2)],
    publicKey: document.publicKey,
    userData: document.userData,
    nonce: document.nonce,
    certificates: await Promise.all(
      certificates.map(async (certificate, index) => ({
        commonName: certificate.subject.commonName,
        serial: certificate.serial,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
        sha256: index === 0 ? rootSha256 : await suite.sha256(certificate.bytes),
        tbsSha256: await tbsSha256(certificate),
      })),
    ),
    validity,
    acceptedUntil: Math.min(validity.notAfter, policy.expires, ...maxAge),
    verifiedAt: now,
    policy: { name: policy.name, version: policy.version },
  };
}

/** An absent measurement fails N17.zero, so the empty value never reaches accepted facts. */
function measurement({ pcrs }: ParsedNitroDocument, index: number): Uint8Array {
  return pcrs.get(index) ?? new Uint8Array(0);
}

/** "any" in a policy is a decision, and the reader of a verdict gets to see it. */
function notProvenBy(facts: NitroFacts, checks: readonly Check[]): readonly NotProven[] {
  const unasked = checks
    .filter(({ outcome }) => outcome === 'not-asked')
    .map(({ id, title, detail }) => ({ id, reason: `${title}: ${detail}` }));
  if (facts.level === 'attested') return unasked;
  return [{ id: 'A2', reason: 'that hardware was involved: the root is self-made' }, ...unasked];
}
