import { systemChance } from '../../../enclave/simulator/signing.ts';
import {
  createSnpRoot,
  makeSnpAuthority,
  type ReportRequest,
  type SnpAuthority,
  type SnpAuthorityOptions,
  type SnpRoot,
} from '../../../enclave/simulator/snp/authority.ts';
import type { Product } from '../../../enclave/simulator/snp/product.ts';
import { issueRevocationList } from '../../../enclave/simulator/snp/revocation.ts';
import type { RsaSigningKey } from '../../../enclave/simulator/snp/rsa.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import type { Attested } from '../../../wire/message/link.ts';
import { snpKeys } from '../../vectors/corpus/snp/keys.ts';

/**
 * Simulated machines of one vendor: what a host may find beside their reports. Their authorities have the published keys
 * of the test vectors, because making an RSA-4096 key takes seconds.
 */
export interface Vendor {
  readonly root: SnpRoot;
  machine(changes?: Partial<SnpAuthorityOptions>): SnpAuthority;
  list(thisUpdate: number): Uint8Array;
}

const DAY = 86_400_000;
export function vendorOf(product: Product, keyOfAll: RsaSigningKey = snpKeys.ark): Vendor {
  const now = Date.now();
  const keys = { ark: keyOfAll, ask: keyOfAll, asvk: keyOfAll };
  const root = createSnpRoot({ product, now, keys, chance: systemChance });
  return {
    root,
    machine: (changes = {}) => makeSnpAuthority({ root, signer: 'vcek', now, chance: systemChance, ...changes }),
    list: (thisUpdate) => {
      const nextUpdate = thisUpdate + 30 * DAY;
      return issueRevocationList({ root, thisUpdate, nextUpdate, number: 1, revoked: [], chance: systemChance });
    },
  };
}

const request = { reportData: new Uint8Array(64).fill(1), measurement: new Uint8Array(48).fill(2) };

export function reportOf(machine: SnpAuthority, changes: Partial<ReportRequest> = {}): Uint8Array {
  return machine.report({ ...request, ...changes });
}

export function attestedBy(
  machine: SnpAuthority,
  certificateTable: Uint8Array | null = null,
  challenge: Uint8Array = new Uint8Array(32),
): Attested {
  const document = reportOf(machine, { reportData: concatBytes(new Uint8Array(32).fill(1), challenge) });
  return { tee: 'amd-sev-snp', document, certificateTable, possession: new Uint8Array(64) };
}

export function pemOf(label: 'CERTIFICATE' | 'X509 CRL' | 'PRIVATE KEY', ...contents: readonly Uint8Array[]): string {
  return contents
    .map((der) => {
      const lines =
        Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g) ?? [];
      return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
    })
    .join('');
}
