import { codeMeanings, type VerifierCode } from '../../../verifier/errors.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { ROOT, ROOT_SHA256 } from './base.ts';
import { type CaseSpec, type CorpusCase, writeCase } from './case.ts';
import { acceptedCases } from './cases/accepted.ts';
import { certificateCases } from './cases/certificate.ts';
import { messageCases } from './cases/message.ts';
import { pathCases } from './cases/path.ts';
import { payloadCases } from './cases/payload.ts';
import { policyCases } from './cases/policy.ts';
import { rootKey } from './keys.ts';
import { POLICIES } from './policies.ts';
import { refusedPolicies } from './refused-policies.ts';
import { rootOf } from './snp/base.ts';
import { type SnpCaseSpec, writeSnpCase } from './snp/case.ts';
import { acceptedSnpCases } from './snp/cases/accepted.ts';
import { snpCertificateCases } from './snp/cases/certificate.ts';
import { snpEndorsementCases } from './snp/cases/endorsement.ts';
import { snpPolicyCases } from './snp/cases/policy.ts';
import { snpReportCases } from './snp/cases/report.ts';
import { snpKeys } from './snp/keys.ts';
import { SNP_POLICIES } from './snp/policies.ts';
import { refusedSnpPolicies } from './snp/refused-policies.ts';
import { tableCases } from './snp/tables.ts';
import { WORKER_POLICIES, workerCases } from './snp/workers.ts';

const families: { readonly [family: string]: readonly CaseSpec[] } = {
  accepted: acceptedCases,
  message: messageCases,
  payload: payloadCases,
  certificate: certificateCases,
  path: pathCases,
  policy: policyCases,
};

const snpFamilies: { readonly [family: string]: readonly SnpCaseSpec[] } = {
  accepted: acceptedSnpCases,
  report: snpReportCases,
  certificate: snpCertificateCases,
  endorsement: snpEndorsementCases,
  policy: snpPolicyCases,
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** The key is public on purpose: whoever trusts this root trusts everybody. */
const root = {
  about: 'TEST VECTORS ONLY. The private key of this root is public: never trust it.',
  tee: 'aws-nitro',
  label: rootKey.label,
  privateKey: Buffer.from(rootKey.privateKey).toString('hex'),
  publicKey: Buffer.from(rootKey.point).toString('hex'),
  certificate: text(ROOT),
  sha256: ROOT_SHA256,
};

/** Every file under attestations/vectors/evidence/ with the text that it must have. */
export function corpusFiles(): ReadonlyMap<string, string> {
  const files: readonly (readonly [string, unknown])[] = [
    ['nitro/root.json', root],
    ['nitro/policies.json', POLICIES],
    ['nitro/refused-policies.json', refusedPolicies],
    ...Object.entries(families).map(([family, specs]): readonly [string, readonly CorpusCase[]] => [
      `nitro/${family}.json`,
      specs.map(writeCase),
    ]),
    ...snpFiles(),
    ['codes.json', codes()],
  ];
  return new Map(files.map(([name, value]) => [name, lines(value)]));
}

/** One entry in a line: a changed case is a changed line. */
function lines(value: unknown): string {
  const entries = Array.isArray(value)
    ? value.map((entry) => JSON.stringify(entry))
    : Object.entries(value as object).map(([name, entry]) => `${JSON.stringify(name)}: ${JSON.stringify(entry)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${entries.join(',\n')}\n${close}\n`;
}

/** What each code of this corpus means, by the verdict that it goes with. */
function codes(): { readonly [verdict: string]: { readonly [code: string]: string } } {
  const specs = [...Object.values(families).flat(), ...Object.values(snpFamilies).flat()];
  const written = [...tableCases, ...workerCases].map(({ expect }) => expect.code);
  const used = new Set([...specs.map(({ expect }) => (expect === 'accepted' ? '' : expect[1])), ...written]);
  return Object.fromEntries(
    (['malformed', 'untrusted', 'refused'] as const).map((verdict) => [
      verdict,
      Object.fromEntries(Object.entries(codeMeanings[verdict]).filter(([code]) => used.has(code as VerifierCode))),
    ]),
  );
}

function snpFiles(): readonly (readonly [string, unknown])[] {
  const kept = new Map<string, string>();
  const cases = Object.entries(snpFamilies).map(
    ([family, specs]) => [`snp/${family}.json`, specs.map((spec) => writeSnpCase(spec, kept))] as const,
  );
  return [
    ['snp/roots.json', snpRoots()],
    ['snp/policies.json', SNP_POLICIES],
    ['snp/refused-policies.json', refusedSnpPolicies],
    ['snp/tables.json', tableCases],
    ['snp/worker-policies.json', WORKER_POLICIES],
    ['snp/workers.json', workerCases],
    ['snp/certificates.json', Object.fromEntries([...kept].sort(([a], [b]) => (a < b ? -1 : 1)))],
    ...cases,
  ];
}

function snpRoots(): unknown {
  return {
    about: 'TEST VECTORS ONLY. The private keys of these roots are public: never trust them.',
    tee: 'amd-sev-snp',
    keys: Object.fromEntries(Object.entries(snpKeys).map(([role, { label, primes }]) => [role, { label, ...primes }])),
    roots: Object.fromEntries(
      (['Milan', 'Genoa', 'Turin'] as const).map((product) => {
        const { certificate } = rootOf(product).ark;
        return [product, { certificate: text(certificate), sha256: Buffer.from(sha256(certificate)).toString('hex') }];
      }),
    ),
  };
}
