import { equalBytes, fromHex } from '../../wire/bytes.ts';

/**
 * RSASSA-PSS-params (RFC 8017 appendix A.2.3) for SHA-384, MGF1 with SHA-384 and a salt of 48 bytes. AMD's root and
 * intermediate certificates spell out the default trailer field, which DER leaves out and its leaves do leave out; both
 * spellings are genuine and mean the same, and there is no third.
 */
const SHA384 = 'a00f300d06096086480165030402020500';
const MGF1_SHA384 = 'a11c301a06092a864886f70d010108300d06096086480165030402020500';
const SALT_48 = 'a203020130';
const TRAILER_1 = 'a303020101';

const spellings: readonly Uint8Array[] = [
  fromHex(`3034${SHA384}${MGF1_SHA384}${SALT_48}`),
  fromHex(`3039${SHA384}${MGF1_SHA384}${SALT_48}${TRAILER_1}`),
];

export function isPss384Parameters(raw: Uint8Array): boolean {
  return spellings.some((spelling) => equalBytes(spelling, raw));
}
