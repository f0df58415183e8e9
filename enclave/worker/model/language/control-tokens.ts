/**
 * Keeps what a user writes from becoming a token that steers the model. A template's text and a message's are one string
 * once it is rendered, and a tokenizer cannot tell who wrote `<|im_end|>`. So messages are disguised before they are
 * rendered: every character that a control token could begin with, and the first one of a message that could go on with
 * what the template wrote before it. What looks like a control token afterwards is the template's, even if the template
 * cuts pieces out of a message, joins them or changes their case.
 */

/** Finds texts of a fixed set, as the tokenizer's own splitter does: leftmost first, then longest. */
export interface Matcher {
  longestAt(text: string, offset: number): string | null;
}

interface Node {
  readonly next: Map<number, Node>;
  content: string | null;
}

export function createMatcher(contents: Iterable<string>): Matcher {
  const root: Node = { next: new Map(), content: null };
  for (const content of contents) {
    let node = root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      const next = node.next.get(unit) ?? { next: new Map(), content: null };
      node.next.set(unit, next);
      node = next;
    }
    node.content = content;
  }
  return {
    longestAt: (text, offset) => {
      let longest: string | null = null;
      let node = root.next.get(text.charCodeAt(offset));
      for (let i = offset + 1; node !== undefined; i++) {
        longest = node.content ?? longest;
        node = node.next.get(text.charCodeAt(i));
      }
      return longest;
    },
  };
}

/** Puts disguises into a text, each announced by `mark`; null where there is nothing to disguise. */
export type Disguise = (content: string, mark: string) => string | null;

export function createDisguise(control: ReadonlySet<string>): Disguise {
  const tokens = Array.from(control, fold);
  const beginnings = new Set(tokens.map((token) => token.charAt(0)));
  const longest = tokens.reduce((length, token) => Math.max(length, token.length), 0);
  const endings = new Set(
    tokens.flatMap((token) => Array.from({ length: token.length - 1 }, (_, i) => token.slice(i + 1))),
  );
  const isInside = (part: string): boolean => part.length < longest && tokens.some((token) => token.includes(part));
  /** Whether what begins at `offset` is the end of one that the template began, or all between its two ends. */
  const continues = (text: string, offset: number): boolean => {
    for (let end = offset + 1; end <= text.length && end - offset < longest; end++) {
      if (endings.has(text.slice(offset, end))) return true;
    }
    return [text.trimEnd().length, text.length].some((end) => end > offset && isInside(text.slice(offset, end)));
  };
  return (content, mark) => {
    const text = fold(content);
    // Templates trim messages, so that what comes to stand beside the template may be after the space before one.
    const start = text.length - text.trimStart().length;
    const pieces: string[] = [];
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const isFirst = i === 0 || i === start;
      if (!beginnings.has(text.charAt(i)) && !(isFirst && continues(text, i))) continue;
      pieces.push(content.slice(from, i), mark, content.charCodeAt(i).toString(16).padStart(4, '0'));
      from = i + 1;
    }
    return from === 0 ? null : pieces.join('') + content.slice(from);
  };
}

const MARKS = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));

/** A noncharacter of Unicode that none of the texts has; null for whoever uses up all 32 of them. */
export function unusedMark(texts: readonly string[]): string | null {
  return MARKS.find((mark) => !texts.some((text) => text.includes(mark))) ?? null;
}

export function undisguise(text: string, mark: string): string {
  return text.replaceAll(new RegExp(`${mark}([0-9a-f]{4})`, 'g'), (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** In lower case unit by unit, so that every place keeps its number. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length
    ? lower
    : Array.from({ length: text.length }, (_, i) => foldUnit(text.charAt(i))).join('');
}

function foldUnit(unit: string): string {
  const lower = unit.toLowerCase();
  return lower.length === 1 ? lower : unit;
}
