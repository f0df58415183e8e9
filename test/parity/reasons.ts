import { useCache } from '../../verifier/cache/chain-cache.ts';
import { type ParsedCoseSign1, parseCoseSign1 } from '../../verifier/codec/cose.ts';
import { type ParsedNitroDocument, parseNitroDocument } from '../../verifier/codec/nitro-document.ts';
import { parseSnpEndorsement } from '../../verifier/codec/snp-certificate.ts';
import { parseSnpReport } from '../../verifier/codec/snp-report.ts';
import { amdProfile, type ParsedCertificate, parseCertificate } from '../../verifier/codec/x509.ts';
import { createSignatureBudget } from '../../verifier/crypto/budget.ts';
import { verifyP384 } from '../../verifier/crypto/ecdsa.ts';
import { type ChainContext, chainRules, nitroChain } from '../../verifier/crypto/path.ts';
import { createTbsDigests } from '../../verifier/crypto/tbs-digests.ts';
import { VerifierError } from '../../verifier/errors.ts';
import type { SnpEvidence } from '../../verifier/index.ts';
import { isDebug, nitroPolicyRules } from '../../verifier/nitro/rules.ts';
import {
  endorsementRules,
  provenProduct,
  reportSignatureVerifies,
  signatureRules,
} from '../../verifier/snp/endorsement.ts';
import { assignRoles, type SnpChain } from '../../verifier/snp/roles.ts';
import { snpPolicyRules } from '../../verifier/snp/rules.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { nitroPolicyOf, snpPolicyOf } from './policies.ts';

/**
 * Every reason that the verifier's own parts find, where verification stops at the first: a contract may look at things in
 * another order and still has to name one of these. Parts that cannot be asked any more add nothing.
 */
export type Level = 'simulated' | 'attested';

type Rules<Context> = readonly { readonly run: (context: Context) => unknown }[];

export async function nitroReasons(document: Uint8Array, at: number, level: Level): Promise<readonly string[]> {
  const reasons = new Set<string>();
  const size = document.length;
  if (size === 0 || size > limits.attestationDocumentBytes) reasons.add('document_too_large');
  const cose = attempt(reasons, (): ParsedCoseSign1 => parseCoseSign1(document));
  const payload = cose && attempt(reasons, (): ParsedNitroDocument => parseNitroDocument(cose.payload));
  if (cose === undefined || payload === undefined) return [...reasons];
  const policy = nitroPolicyOf(level);
  const bytes = [...payload.caBundle, payload.certificate];
  const rootSha256 = sha256(bytes[0] as Uint8Array);
  const parsed = bytes.map((one) => attempt(reasons, () => parseCertificate(one)));
  const context = chainContext(parsed, rootSha256, policy.roots, at);
  await failures(reasons, chainRules(nitroChain).slice(0, 1), context);
  const certificates = parsed.flatMap((one) => one ?? []);
  if (certificates.length < parsed.length) return [...reasons];
  await failures(reasons, chainRules(nitroChain).slice(1), { ...context, certificates });
  const leaf = certificates.at(-1) as ParsedCertificate;
  const signed =
    leaf.key.kind === 'P-384' && (await verifyP384(nodeSuite, leaf.key.point, cose.signed, cose.signature));
  if (!signed) reasons.add('document_signature');
  await failures(reasons, nitroPolicyRules, {
    document: payload,
    certificates,
    rootSha256,
    tbsSha256: [],
    level,
    policy,
    now: at * 1_000,
    challenge: 'any',
  });
  // One that is zero is said of a document in debug mode too.
  if (isDebug(payload)) reasons.add('measurement_zero');
  return [...reasons];
}

export async function snpReasons(evidence: SnpEvidence, at: number, level: Level): Promise<readonly string[]> {
  const reasons = new Set<string>();
  const report = attempt(reasons, () => parseSnpReport(evidence.report));
  const parsed = evidence.certificates.map((source) =>
    attempt(reasons, () => {
      const certificate = parseCertificate(source, amdProfile);
      return { certificate, endorsement: parseSnpEndorsement(certificate) };
    }),
  );
  const known = parsed.flatMap((one) => one ?? []);
  for (const [place, one] of parsed.entries()) {
    // The number 0 is for endorsement certificates, and for a contract those are what stands in their place.
    const zero = one?.certificate.serial.every((byte) => byte === 0) === true;
    if (zero && (place !== 0 || one?.endorsement.kind === null)) reasons.add('certificate_serial');
  }
  const policy = snpPolicyOf(level);
  const rootSha256 = sha256(evidence.certificates[2] as Uint8Array);
  const root = known.length === parsed.length ? known[2]?.certificate : undefined;
  await failures(reasons, endorsementRules.slice(0, 1), {
    ...chainContext([root], rootSha256, policy.roots, at),
  } as never);
  if (report === undefined || known.length < parsed.length) return [...reasons];
  // In the order shown, as contracts take it; what the verifier makes of another order is one reason more.
  const roles = assignRoles(known, report);
  if (!roles.ok) reasons.add('chain_incomplete');
  const [leaf, intermediate, ark] = known as [(typeof known)[0], (typeof known)[0], (typeof known)[0]];
  const chain: SnpChain = { root: ark.certificate, intermediate: intermediate.certificate, leaf };
  const certificates = [chain.root, chain.intermediate, leaf.certificate];
  const budget = createSignatureBudget(limits.evidenceSignatures);
  await failures(reasons, [...endorsementRules, ...signatureRules], {
    ...chainContext(certificates, rootSha256, policy.roots, at),
    budget,
    report,
    chain,
    revocationList: null,
    product: 'any',
    reportSignature: () => reportSignatureVerifies({ report, chain, suite: nodeSuite, budget }),
  });
  if (leaf.endorsement.product === null || report.signingKey === 'none') return [...reasons];
  await failures(reasons, snpPolicyRules, {
    report,
    product: provenProduct(chain),
    signer: report.signingKey,
    chipId: null,
    cspId: leaf.endorsement.cspId,
    rootSha256,
    tbsSha256: [],
    revocationList: null,
    level,
    policy,
    now: at * 1_000,
    challenge: 'any',
  });
  return [...reasons];
}

function chainContext(
  certificates: readonly (ParsedCertificate | undefined)[],
  rootSha256: Uint8Array,
  trustedRoots: readonly Uint8Array[],
  at: number,
): ChainContext {
  return {
    // The rule about the root asks for its hash alone.
    certificates: certificates as readonly ParsedCertificate[],
    rootSha256,
    trustedRoots,
    now: at * 1_000,
    suite: nodeSuite,
    budget: createSignatureBudget(limits.evidenceSignatures),
    cache: useCache('none', nodeSuite, at * 1_000),
    tbsSha256: createTbsDigests(nodeSuite),
  };
}

async function failures<Context>(reasons: Set<string>, rules: Rules<Context>, context: Context): Promise<void> {
  for (const { run } of rules) {
    const finding = (await run(context)) as { readonly outcome: string; readonly code?: string };
    if (finding.outcome === 'failed' && finding.code !== undefined) reasons.add(finding.code);
  }
}

function attempt<T>(reasons: Set<string>, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    reasons.add(error.code);
    return undefined;
  }
}
