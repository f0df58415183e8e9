/** A number as Yul has it: short ones in decimal, the rest in hexadecimal, negative ones in two's complement. */
export function literal(value: bigint): string {
  const word = BigInt.asUintN(256, value);
  return word < 65_536n ? String(word) : `0x${word.toString(16)}`;
}

/** The word at a byte offset behind a pointer. */
export function wordAt(pointer: string, index: number): string {
  return `mload(${placeAt(pointer, index)})`;
}

/** The place of the index-th word behind a pointer. */
export function placeAt(pointer: string, index: number): string {
  return index === 0 ? pointer : `add(${pointer}, ${offset(index)})`;
}

function offset(index: number): string {
  const bytes = index * 32;
  return `0x${bytes.toString(16).padStart(2, '0')}`;
}

export function indented(lines: readonly string[], depth = 1): readonly string[] {
  return lines.map((line) => (line === '' ? line : `${'    '.repeat(depth)}${line}`));
}
