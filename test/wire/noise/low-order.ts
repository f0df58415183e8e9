/**
 * Every u-coordinate of small order, in all its 32-byte spellings below 2^255, as RFC 7748 section 6.1 warns of them:
 * 0, 1, the two of order 8, p - 1, p and p + 1. X25519 gives zero for each, whatever the private key. The last bit is
 * ignored by X25519, so the second half is the same list with that bit set.
 */
const BELOW_2_255: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

export const LOW_ORDER_POINTS: readonly string[] = [
  ...BELOW_2_255,
  ...BELOW_2_255.map((point) => point.slice(0, 62) + (Number.parseInt(point.slice(62), 16) | 0x80).toString(16)),
];
