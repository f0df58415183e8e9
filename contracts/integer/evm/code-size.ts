/** EIP-170. */
export const CODE_BYTES: number = 24_576;

/** Everything that is not a line of the model's own: the parts that every contract has. */
const FRAME_BYTES = 1_300;

/**
 * How large the compiled code will be, from the lines that it is compiled from: each name of an instruction is a byte, and
 * each constant itself and one; a variable is copied and put back. Somewhat more than the compiler makes, so that what is
 * said to fit fits.
 */
export function codeBytes(lines: readonly string[]): number {
  return FRAME_BYTES + lines.reduce((all, line) => all + lineBytes(line), 0);
}

function lineBytes(line: string): number {
  if (line.trimStart().startsWith('//')) return 0;
  const constants = line.match(/\b0x[0-9a-f]+|\b\d+\b/g) ?? [];
  const names = line.match(/\b[a-z]\w*/g) ?? [];
  const numbers = constants.reduce((all, text) => all + 1 + Math.ceil(BigInt(text).toString(16).length / 2), 0);
  // A branch jumps, over up to 24 KiB, and meets two marks.
  const jumps = /\b(switch|case|default|for)\b/.test(line) ? 6 : 0;
  return numbers + names.length + 3 + jumps;
}
