import type { KeyObject } from 'node:crypto';
import { type NitroPolicy, parsePolicy, verifyNitroDocument } from '../../../verifier/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { readRecipientKey } from './envelope.ts';
import { KmsFault } from './fault.ts';

/** A document that proved itself: what policies may rule on, and the key that the answer is sealed to. */
export interface AttestedRecipient {
  readonly attributes: ReadonlyMap<string, string>;
  readonly key: KeyObject;
}

export interface DocumentRules {
  /** DER of the roots that the stand-in takes for a vendor's. */
  readonly roots: readonly Uint8Array[];
  /** AWS takes documents of debug enclaves, whose registers are zero; here that must be asked for. */
  readonly debug: 'refuse' | 'allow';
  readonly now: () => number;
}

/** KMS takes documents for five minutes. */
const FRESH_SECONDS = 300;

export type JudgeDocument = (document: Uint8Array) => Promise<AttestedRecipient>;

/**
 * The same verification as everywhere in this project, and every register handed to the key's policy. KMS has no challenge:
 * a recorded document is good for five minutes, and good for nobody but who holds the key in it.
 */
export function createDocumentJudge({ roots, debug, now }: DocumentRules): JudgeDocument {
  const policy = documentPolicy(roots, debug);
  return async (document) => {
    const verdict = await verifyNitroDocument(document, {
      policy,
      now: now(),
      challenge: 'any',
      suite: nodeSuite,
      cache: 'none',
    });
    if (verdict.verdict === 'malformed') {
      throw new KmsFault('ValidationException', `The attestation document is malformed: ${verdict.code}`);
    }
    if (verdict.verdict !== 'accepted') {
      throw new KmsFault('AccessDeniedException', `The attestation document was refused: ${verdict.code}`);
    }
    const { pcrs, publicKey, measurements } = verdict.proven;
    const registers = [...pcrs].map(
      ([index, value]) => [`kms:recipientattestation:pcr${index}`, toHex(value)] as const,
    );
    const image = ['kms:recipientattestation:imagesha384', toHex(measurements[0])] as const;
    return { attributes: new Map([...registers, image]), key: readRecipientKey(publicKey) };
  };
}

function documentPolicy(roots: readonly Uint8Array[], debug: 'refuse' | 'allow'): NitroPolicy {
  return parsePolicy({
    version: 1,
    name: 'kms stand-in',
    expires: '9999-12-31T23:59:59Z',
    tee: 'aws-nitro',
    level: 'simulated',
    roots: roots.map((root) => toHex(sha256(root))),
    images: 'any',
    pcrs: { '3': 'any', '4': 'any', '8': 'any' },
    debug,
    maxAgeSeconds: FRESH_SECONDS,
    futureSkewSeconds: FRESH_SECONDS,
    leafLifetimeSeconds: 'any',
    moduleId: 'matches-certificate',
    regions: 'any',
    unknownFields: 'refuse',
    userDataLimit: 1024,
    configurations: 'any',
    runtimes: 'any',
    operators: 'any',
    chain: 'any',
    publishers: 'any',
    models: 'any',
    sealed: 'any',
    headers: 'any',
    anchors: 'none',
    denied: { certificates: [], modules: [], images: [] },
  });
}
