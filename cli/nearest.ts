/** What somebody meant who mistyped one of a few words. */

/** A slip or two: more is another word. */
const SLIPS_PER_LETTERS = 3;
/** Nobody types longer ones; distances are not counted of them. */
const MOST_LETTERS = 40;

export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word === '' || word.length > MOST_LETTERS) return undefined;
  const allowed = Math.max(1, Math.floor(word.length / SLIPS_PER_LETTERS));
  const near = known
    .map((candidate) => ({ candidate, slips: distance(word.toLowerCase(), candidate) }))
    .filter(({ slips }) => slips <= allowed)
    .sort((one, other) => one.slips - other.slips);
  return near[0]?.candidate;
}

/** For the end of a sentence; empty where nothing is near. */
export function didYouMean(word: string, known: readonly string[], spelled: (name: string) => string = quoted): string {
  const found = nearest(word, known);
  return found === undefined ? '' : `; did you mean ${spelled(found)}?`;
}

function quoted(name: string): string {
  return `"${name}"`;
}

/** Letters that were put in, left out, changed, or swapped with the next. */
function distance(from: string, to: string): number {
  let older: readonly number[] = [];
  let before = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const one = (before[column - 1] as number) + (same ? 0 : 1);
      const least = Math.min(one, (before[column] as number) + 1, (line[column - 1] as number) + 1);
      line.push(swapped ? Math.min(least, (older[column - 2] ?? Number.POSITIVE_INFINITY) + 1) : least);
    }
    older = before;
    before = line;
  }
  return before[to.length] as number;
}
