/** A GUID as firmware stores it (RFC 9562 section 6.6, the variant of Microsoft): its first three numbers little-endian. */
export function guidBytes(text: string): Uint8Array {
  const digits = text.replaceAll('-', '');
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (index) => Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16));
}
