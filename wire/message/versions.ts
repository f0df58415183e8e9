/** Semantic versions as manifests have them: no build part, and no longer than their field. */
const VERSION = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,122}))?$/;

export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Semantic Versioning 2.0.0, section 11. Negative where `a` comes before `b`. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [partsOf(a), partsOf(b)];
  for (const index of [0, 1, 2] as const) {
    const difference = one.numbers[index] - other.numbers[index];
    if (difference !== 0) return difference;
  }
  if (one.label.length === 0 || other.label.length === 0) return other.label.length - one.label.length;
  return compareLabels(one.label, other.label);
}

interface Parts {
  readonly numbers: readonly [number, number, number];
  readonly label: readonly string[];
}

function partsOf(version: string): Parts {
  const [, major = '', minor = '', patch = '', label] = VERSION.exec(version) ?? [];
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    label: label === undefined ? [] : label.split('.'),
  };
}

function compareLabels(one: readonly string[], other: readonly string[]): number {
  for (const [index, a] of one.entries()) {
    const b = other[index];
    if (b === undefined) return 1;
    if (a !== b) return compareIdentifiers(a, b);
  }
  return one.length - other.length;
}

/** Numbers before words, numbers by value, words by their ASCII. */
function compareIdentifiers(a: string, b: string): number {
  const [number, otherNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (number && otherNumber) return Number(BigInt(a) - BigInt(b));
  if (number !== otherNumber) return number ? -1 : 1;
  return a < b ? -1 : 1;
}
