type Version = readonly [major: number, minor: number, patch: number];

/** The three forms that package.json uses: `1.2.3`, `^1.2.3` and `>=1.2`. A prerelease is never what is asked for. */
export function satisfies(version: string, range: string): boolean {
  const actual = parse(version);
  const [, operator = '', wantedText = ''] = /^(\^|>=|)(\d[\d.]*)$/.exec(range) ?? [];
  const wanted = parse(wantedText);
  if (actual === undefined || wanted === undefined) return false;
  const order = compare(actual, wanted);
  if (operator === '') return order === 0;
  if (operator === '>=') return order >= 0;
  // Below 1.0.0 a caret stays within the minor version.
  const sameLine = actual[0] === wanted[0] && (wanted[0] > 0 || actual[1] === wanted[1]);
  return sameLine && order >= 0;
}

function parse(text: string): Version | undefined {
  const [, major, minor = '0', patch = '0'] = /^v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
