import { u32 } from '../../../wire/bytes.ts';
import { extensionOf, nameOf } from '../certificate.ts';
import { bitString, der, explicit, integer, octetString, oid, sequence, time } from '../der.ts';
import type { Chance } from '../signing.ts';
import type { SnpRoot } from './authority.ts';
import { PSS_SALT_BYTES, pssWithSha384, rsaPublicKey, snpName } from './certificate.ts';

const CRL_NUMBER = '2.5.29.20';

export interface RevocationListRequest {
  readonly root: SnpRoot;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly number: number;
  readonly revoked: readonly { readonly serial: Uint8Array; readonly at: number }[];
  readonly chance: Chance;
}

/**
 * The list on which a product line's root names intermediates that it no longer stands for (RFC 5280 section 5,
 * with the two extensions that every issuer must write).
 * Endorsement certificates all have serial 0: no list can name one (verifier-checks, fact 7).
 */
export function issueRevocationList(request: RevocationListRequest): Uint8Array {
  const { root, thisUpdate, nextUpdate, revoked, chance } = request;
  const algorithm = pssWithSha384('written');
  const entries = revoked.map(({ serial, at }) => sequence(integer(serial), time(at)));
  const { bits } = rsaPublicKey(root.ark.key.modulus);
  const listNumber = sequence(oid(CRL_NUMBER), octetString(der(integer(u32(request.number)))));
  const tbs = sequence(
    integer(Uint8Array.of(1)),
    algorithm,
    nameOf(snpName(`ARK-${root.product}`)),
    time(thisUpdate),
    time(nextUpdate),
    // Left out where it would be empty (section 5.1.2.6).
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(0, sequence(extensionOf({ kind: 'authorityKey' }, bits, bits), listNumber)),
  );
  const signature = root.ark.key.sign(der(tbs), chance.bytes(PSS_SALT_BYTES));
  return der(sequence(tbs, algorithm, bitString(signature, 0)));
}
