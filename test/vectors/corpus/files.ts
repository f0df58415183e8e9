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

const families: { readonly [family: string]: readonly CaseSpec[] } = {
  accepted: acceptedCases,
  message: messageCases,
  payload: payloadCases,
  certificate: certificateCases,
  path: pathCases,
  policy: policyCases,
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
  ];
  return new Map(files.map(([name, value]) => [name, `${JSON.stringify(value, null, 1)}\n`]));
}
