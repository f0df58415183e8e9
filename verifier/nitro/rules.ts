import { equalBytes, isZero, toHex } from '../../wire/bytes.ts';
import type { ParsedNitroDocument } from '../codec/nitro-document.ts';
import type { ParsedCertificate } from '../codec/x509.ts';
import { leafOf } from '../crypto/path.ts';
import type { RefusedCode } from '../errors.ts';
import type { NitroPolicyRules } from '../policy/policy.ts';
import { type Any, isListed } from '../policy/readers.ts';
import { type Finding, failed, notAsked, passed, type Rule } from '../rules.ts';
import { certifiedNames } from './names.ts';

/** Genuine evidence, and what the policy and the caller ask of it. */
export interface NitroPolicyContext {
  readonly document: ParsedNitroDocument;
  readonly certificates: readonly ParsedCertificate[];
  readonly rootSha256: Uint8Array;
  /** SHA-256 of the signed part of each certificate, in the same order. */
  readonly tbsSha256: readonly Uint8Array[];
  readonly level: 'attested' | 'simulated';
  readonly policy: NitroPolicyRules;
  readonly now: number;
  readonly challenge: Uint8Array | Any;
}

type NitroRule = Rule<NitroPolicyContext, RefusedCode>;
type NitroFinding = Finding<RefusedCode>;

/** All of these run, so that a refusal names every reason. */
export const nitroPolicyRules: readonly NitroRule[] = [
  { id: 'P.expiry', title: 'the policy itself has not expired', run: policyIsCurrent },
  {
    id: 'A2',
    title: 'simulated evidence meets a simulated policy, hardware evidence a hardware one',
    run: levelMatches,
  },
  { id: 'N26', title: 'the root is one that the policy names', run: rootIsNamed },
  { id: 'X14.certificate', title: 'no certificate is denied', run: certificatesAreNotDenied },
  { id: 'X14.module', title: 'the module is not denied', run: moduleIsNotDenied },
  { id: 'X14.image', title: 'the image is not denied', run: imageIsNotDenied },
  { id: 'N17.debug', title: 'the enclave does not run in debug mode', run: debugIsOff },
  {
    id: 'N17.zero',
    title: 'PCR0, PCR1 and PCR2 are present, and none is zero outside debug mode',
    run: imageIsMeasured,
  },
  { id: 'N18.image', title: 'the image (PCR0, PCR1, PCR2) is allowed', run: imageIsAllowed },
  { id: 'N18.pcr3', title: 'the role of the parent (PCR3) is allowed', run: pcrRule('3', 'pcr3_refused') },
  { id: 'N18.pcr4', title: 'the instance of the parent (PCR4) is allowed', run: pcrRule('4', 'pcr4_refused') },
  { id: 'N18.pcr8', title: 'the signer of the image (PCR8) is allowed', run: pcrRule('8', 'pcr8_refused') },
  { id: 'N19.age', title: 'the document is not too old', run: ageIsAllowed },
  { id: 'N19.skew', title: 'the document is not from the future', run: skewIsAllowed },
  { id: 'N20', title: 'the document was made while its leaf was valid', run: madeWhileLeafValid },
  { id: 'N21', title: 'the document answers the challenge', run: challengeIsAnswered },
  { id: 'N16.limit', title: "user_data and nonce are within the policy's limit", run: bindingsFit },
  { id: 'N10', title: 'every field is one that AWS specifies', run: fieldsAreKnown },
  { id: 'N23', title: 'the module id is the one that the certificates name', run: moduleIdIsCertified },
  { id: 'N24', title: 'the region is allowed', run: regionIsAllowed },
  { id: 'N25', title: "the leaf's lifetime is a short one", run: leafIsShortLived },
];

function policyIsCurrent({ policy, now }: NitroPolicyContext): NitroFinding {
  const detail = `${policy.name}, until ${iso(policy.expires)}`;
  return now <= policy.expires ? passed(detail) : failed('policy_expired', detail);
}

/** `level` was computed from the root (DESIGN A2); nothing in the document can claim one. */
function levelMatches({ policy, level }: NitroPolicyContext): NitroFinding {
  if (level !== policy.level) return failed('level_refused', `${level} evidence, ${policy.level} policy`);
  return passed(level);
}

function rootIsNamed({ policy, rootSha256 }: NitroPolicyContext): NitroFinding {
  if (!isListed(policy.roots, rootSha256)) return failed('root_refused', 'not among the roots named');
  return passed(toHex(rootSha256));
}

/**
 * By the signed part only (C18): anyone can turn a signature (r, s) into (r, n - s), which verifies as well and gives
 * the whole certificate another hash.
 */
function certificatesAreNotDenied({ policy, tbsSha256 }: NitroPolicyContext): NitroFinding {
  const denied = tbsSha256.findIndex((digest) => isListed(policy.denied.certificates, digest));
  if (denied !== -1)
    return failed('certificate_denied', `certificate ${denied} (the root is 0)`, { certificate: denied });
  return passed(`${policy.denied.certificates.length} denied`);
}

function moduleIsNotDenied({ policy, document }: NitroPolicyContext): NitroFinding {
  if (policy.denied.modules.includes(document.moduleId)) return failed('module_denied', document.moduleId);
  return passed(`${policy.denied.modules.length} denied`);
}

function imageIsNotDenied({ policy, document }: NitroPolicyContext): NitroFinding {
  const pcr0 = document.pcrs.get(0);
  if (pcr0 !== undefined && isListed(policy.denied.images, pcr0)) return failed('image_denied', toHex(pcr0));
  return passed(`${policy.denied.images.length} denied`);
}

function debugIsOff({ policy, document }: NitroPolicyContext): NitroFinding {
  if (policy.debug === 'allow') return notAsked('the policy allows debug mode, in which anyone may read the enclave');
  if (isDebug(document)) return failed('debug_mode', 'PCR0, PCR1 and PCR2 are all zero');
  return passed('measured');
}

export function isDebug({ pcrs }: ParsedNitroDocument): boolean {
  return [0, 1, 2].every((index) => {
    const value = pcrs.get(index);
    return value !== undefined && isZero(value);
  });
}

function imageIsMeasured({ document }: NitroPolicyContext): NitroFinding {
  if (isDebug(document)) return passed('debug mode, which is ruled on above');
  for (const index of [0, 1, 2]) {
    const value = document.pcrs.get(index);
    if (value === undefined) return failed('measurement_zero', `PCR${index} is absent`);
    if (isZero(value)) return failed('measurement_zero', `PCR${index} is zero`);
  }
  return passed('all three');
}

function imageIsAllowed({ policy, document: { pcrs } }: NitroPolicyContext): NitroFinding {
  if (policy.images === 'any') return notAsked('any image');
  const [pcr0, pcr1, pcr2] = [pcrs.get(0), pcrs.get(1), pcrs.get(2)];
  if (pcr0 === undefined || pcr1 === undefined || pcr2 === undefined) return failed('image_refused', 'not measured');
  const known = policy.images.some(
    (image) => equalBytes(image.pcr0, pcr0) && equalBytes(image.pcr1, pcr1) && equalBytes(image.pcr2, pcr2),
  );
  return known ? passed(toHex(pcr0)) : failed('image_refused', `PCR0 ${toHex(pcr0)}`);
}

function pcrRule(name: keyof NitroPolicyRules['pcrs'], code: RefusedCode): NitroRule['run'] {
  return ({ policy, document }) => {
    const allowed = policy.pcrs[name];
    if (allowed === 'any') return notAsked('any value');
    const value = document.pcrs.get(Number(name));
    if (value === undefined) return failed(code, 'absent');
    return isListed(allowed, value) ? passed(toHex(value)) : failed(code, toHex(value));
  };
}

function ageIsAllowed({ policy, document, now }: NitroPolicyContext): NitroFinding {
  if (policy.maxAgeSeconds === 'any') return notAsked('any age within the certificates');
  const age = now - document.timestamp;
  const detail = `${Math.floor(age / 1000)} s, ${policy.maxAgeSeconds} s allowed`;
  return age <= policy.maxAgeSeconds * 1000 ? passed(detail) : failed('document_too_old', detail);
}

function skewIsAllowed({ policy, document, now }: NitroPolicyContext): NitroFinding {
  const ahead = document.timestamp - now;
  const detail = `${Math.max(0, Math.ceil(ahead / 1000))} s ahead, ${policy.futureSkewSeconds} s allowed`;
  return ahead <= policy.futureSkewSeconds * 1000 ? passed(detail) : failed('document_from_future', detail);
}

function madeWhileLeafValid({ document: { timestamp }, certificates }: NitroPolicyContext): NitroFinding {
  const { notBefore, notAfter } = leafOf(certificates);
  const detail = `made ${iso(timestamp)}, leaf ${iso(notBefore)} to ${iso(notAfter)}`;
  const inside = notBefore <= timestamp && timestamp <= notAfter;
  return inside ? passed(detail) : failed('timestamp_outside_leaf', detail);
}

function challengeIsAnswered({ document: { nonce }, challenge }: NitroPolicyContext): NitroFinding {
  if (challenge === 'any') return notAsked('the caller gave no challenge: the document may be a recorded one');
  if (nonce === null) return failed('challenge_missing', 'the document has no nonce');
  return equalBytes(nonce, challenge) ? passed(toHex(nonce)) : failed('challenge_mismatch', 'another challenge');
}

function bindingsFit({ policy, document }: NitroPolicyContext): NitroFinding {
  for (const [name, value] of [
    ['user_data', document.userData],
    ['nonce', document.nonce],
  ] as const) {
    if (value !== null && value.length > policy.userDataLimit) {
      return failed('binding_too_long', `${name} has ${value.length} bytes`);
    }
  }
  return passed(`${policy.userDataLimit} bytes`);
}

function fieldsAreKnown({ policy, document: { unknownFields } }: NitroPolicyContext): NitroFinding {
  if (policy.unknownFields === 'ignore') return notAsked('fields outside the specification are ignored');
  if (unknownFields.length === 0) return passed('no other field');
  // Signed by the vendor's key or not, a name is a stranger's text: quoted and cut.
  return failed('field_unknown', JSON.stringify(unknownFields.slice(0, 4).map((name) => name.slice(0, 64))));
}

function moduleIdIsCertified({ policy, document, certificates }: NitroPolicyContext): NitroFinding {
  if (policy.moduleId === 'any') return notAsked('the module id is not compared');
  const names = certifiedNames(certificates);
  if (names === undefined) return failed('module_id_mismatch', 'the certificates name no module');
  if (names.moduleId !== document.moduleId) return failed('module_id_mismatch', `certified: ${names.moduleId}`);
  return passed(names.moduleId);
}

function regionIsAllowed({ policy, certificates }: NitroPolicyContext): NitroFinding {
  if (policy.regions === 'any') return notAsked('any region');
  const region = certifiedNames(certificates)?.region;
  if (region === undefined) return failed('region_refused', 'the certificates name no region');
  return policy.regions.includes(region) ? passed(region) : failed('region_refused', region);
}

function leafIsShortLived({ policy, certificates }: NitroPolicyContext): NitroFinding {
  if (policy.leafLifetimeSeconds === 'any') return notAsked('any lifetime');
  const { notBefore, notAfter } = leafOf(certificates);
  const lifetime = (notAfter - notBefore) / 1000;
  const detail = `${lifetime} s, ${policy.leafLifetimeSeconds} s allowed`;
  return lifetime <= policy.leafLifetimeSeconds ? passed(detail) : failed('leaf_lifetime', detail);
}

/** A timestamp is any exact integer, and JavaScript's calendar ends before those do. */
function iso(time: number): string {
  return time <= 8_640_000_000_000_000 ? new Date(time).toISOString() : `${time} ms`;
}
