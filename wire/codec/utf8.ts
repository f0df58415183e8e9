/**
 * Offset of the first byte in [start, end) that is not well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF), or -1. Allocates nothing, so that a scan can refuse text before anybody decodes it.
 */
export function findInvalidUtf8(bytes: Uint8Array, start: number, end: number): number {
  let offset = start;
  while (offset < end) {
    const lead = bytes[offset] as number;
    if (lead < 0x80) {
      offset++;
      continue;
    }
    const length = sequenceLength(lead);
    if (length === 0 || offset + length > end) return offset;
    const second = bytes[offset + 1] as number;
    if (second < lowestSecond(lead) || second > highestSecond(lead)) return offset;
    for (let i = offset + 2; i < offset + length; i++) {
      if (((bytes[i] as number) & 0xc0) !== 0x80) return offset;
    }
    offset += length;
  }
  return -1;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

function lowestSecond(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  if (lead === 0xf0) return 0x90;
  return 0x80;
}

function highestSecond(lead: number): number {
  if (lead === 0xed) return 0x9f;
  if (lead === 0xf4) return 0x8f;
  return 0xbf;
}
