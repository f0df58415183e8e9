export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The next multiple of `unit`, a power of two; exact where bitwise operators would end at 31 bits. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Whether `bytes` continue with `expected` at `offset`. */
export function startsWith(bytes: Uint8Array, expected: Uint8Array, offset = 0): boolean {
  return expected.every((byte, index) => bytes[offset + index] === byte);
}
