/** Marks on one character that are drawn; more of them grow over the lines around. */
const STACKED = /(\p{M}{4})\p{M}+/gu;

/**
 * Control characters, what reorders a line, characters without a width, and halves of characters. The two joiners stay:
 * several scripts are not written without them, and they reorder nothing.
 */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** Text of a stranger with everything in it that has no shape of its own made visible. Line ends and tabs are kept. */
export function visible(text: string): string {
  return text
    .replaceAll(UNSEEN, (character) => (character === '\n' || character === '\t' ? character : nameOf(character)))
    .replaceAll(STACKED, '$1�');
}

function nameOf(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return `[U+${point.toString(16).toUpperCase().padStart(4, '0')}]`;
}
