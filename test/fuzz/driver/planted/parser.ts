/** Three nested comparisons: blind chance needs 16 million inputs, a fuzzer that follows coverage a few thousand. */
export function parsePlanted(data: Uint8Array): number {
  if (data[0] === 0x50) {
    if (data[1] === 0x4d) {
      if (data[2] === 0x21) throw new Error('the planted bug');
      return 2;
    }
    return 1;
  }
  return 0;
}
