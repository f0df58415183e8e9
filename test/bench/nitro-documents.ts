import { createRoot, makeAuthority } from '../../enclave/simulator/authority.ts';
import { signDocument } from '../../enclave/simulator/document.ts';

import { systemChance } from '../../enclave/simulator/signing.ts';
import { type NitroPolicy, parsePolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { CHALLENGE, defaultPcrs, policyJson } from '../support/nitro-evidence.ts';

/** A document of the simulator's authority, whose certificates have the shape and size of AWS's. */
export interface DatedDocument {
  readonly bytes: Uint8Array;
  readonly now: number;
}

export interface Documents {
  readonly policy: NitroPolicy;
  /** One instance after the other, and several enclaves of each: every leaf has a key of its own. */
  readonly documents: readonly DatedDocument[];
  /** The same number of documents, no two of them with a CA in common. */
  readonly strangers: readonly DatedDocument[];
}

const START = Date.UTC(2030, 4, 17);
const HOUR = 3_600_000;
/** An instance's CA is renewed after 16 hours, and a leaf after two. */
const LEAVES_OF_INSTANCE = 7;

export function makeDocuments(count: number): Documents {
  const root = createRoot({ now: START, key: systemChance.key(), chance: systemChance });
  const instanceOf = (number: number) =>
    makeAuthority({
      root,
      instanceId: `i-${number.toString(16).padStart(17, '0')}`,
      enclaveId: systemChance.bytes(8),
      chance: systemChance,
    });
  const documentOf = (authority: ReturnType<typeof instanceOf>, now: number): DatedDocument => ({
    bytes: signDocument(authority.signerAt(now), 'indefinite', {
      moduleId: authority.moduleId,
      timestamp: now,
      pcrs: [...defaultPcrs()],
      publicKey: systemChance.key().point,
      userData: systemChance.bytes(32),
      nonce: CHALLENGE,
    }),
    now,
  });
  const instances = Array.from({ length: Math.ceil(count / LEAVES_OF_INSTANCE) }, (_, number) => instanceOf(number));
  const documents = instances.flatMap((authority) =>
    Array.from({ length: LEAVES_OF_INSTANCE }, (_, hour) => documentOf(authority, START + 2.1 * hour * HOUR)),
  );
  return {
    policy: parsePolicy(policyJson({ roots: [toHex(sha256(root.certificate))], regions: ['zz-simulated-1'] })),
    documents: documents.slice(0, count),
    strangers: Array.from({ length: count }, (_, number) => documentOf(instanceOf(1_000 + number), START)),
  };
}
