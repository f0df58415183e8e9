import type { Inline } from './card.ts';

/** Emphasis in emphasis that is drawn as such; deeper marks are shown as the characters that they are. */
const DEPTH = 4;
const ESCAPED = /[!-/:-@[-`{-~]/;
const PLAIN = /[*_`]{1,64}|[^\\\n`*_[!<]{1,4096}/y;
/** Neither a label nor an address can hold what would begin another one, so that each character is looked at a few times. */
const LINK = /(!?)\[([^[\]]{0,512})\]\(\s?<?([^\s()<>]{0,2048})>?(?:\s"[^"]{0,256}")?\s?\)/y;
const BARE_ADDRESS = /<((?:https?|mailto):[^\s<>]{1,2048})>/y;

/** How many pieces of text a card may still have; what is left beyond them is one piece. */
export interface InlineRoom {
  inlines: number;
}

/** What a paragraph says; its lines are ended by spaces, or by line ends where it says so. What is no form of ours, HTML for one, is text. */
export function parseInlines(source: string, room: InlineRoom, depth = 0): readonly Inline[] {
  const found: Inline[] = [];
  /** Marks that are closed nowhere in what is left: they need not be looked for again. */
  const unclosed = new Set<string>();
  let text = '';
  let at = 0;

  const flush = (): void => {
    if (text !== '') found.push({ kind: 'text', text });
    text = '';
  };
  const take = (inline: Inline, end: number): void => {
    flush();
    room.inlines -= 1;
    found.push(inline);
    at = end;
  };

  while (at < source.length) {
    const character = source[at] as string;
    if (room.inlines <= 0) {
      text += source.slice(at).replaceAll('\n', ' ');
      break;
    }
    if (character === '\\' && ESCAPED.test(source[at + 1] ?? '')) {
      text += source[at + 1];
      at += 2;
      continue;
    }
    if (character === '\n') {
      take({ kind: 'break' }, at + 1);
      continue;
    }
    const special = character === '`' ? codeAt(source, at, unclosed) : specialAt(source, at);
    if (special !== undefined) {
      take(special.inline, special.end);
      continue;
    }
    const marked = depth < DEPTH ? markedAt(source, at, unclosed) : undefined;
    if (marked !== undefined) {
      const inner = source.slice(at + marked.mark.length, marked.end);
      const kind = marked.mark.length === 2 ? 'strong' : 'emphasis';
      take({ kind, text: parseInlines(inner, room, depth + 1) }, marked.end + marked.mark.length);
      continue;
    }
    const run = plainRun(source, at) ?? character;
    text += run;
    at += run.length;
  }
  flush();
  return found;
}

/** What begins nothing: marks that closed nowhere, or characters up to the next that might begin something. */
function plainRun(source: string, at: number): string | undefined {
  PLAIN.lastIndex = at;
  return PLAIN.exec(source)?.[0];
}

interface Found {
  readonly inline: Inline;
  readonly end: number;
}

function codeAt(source: string, at: number, unclosed: Set<string>): Found | undefined {
  const ticks = /^`{1,8}/.exec(source.slice(at, at + 9))?.[0] as string;
  if (unclosed.has(ticks)) return undefined;
  for (let end = source.indexOf(ticks, at + ticks.length); end >= 0; end = source.indexOf(ticks, end)) {
    const after = end + ticks.length;
    if (source[after] !== '`' && source[end - 1] !== '`') {
      const inner = source.slice(at + ticks.length, end).replaceAll('\n', ' ');
      return { inline: { kind: 'code', text: /^ .*\S.* $/.test(inner) ? inner.slice(1, -1) : inner }, end: after };
    }
    while (source[end] === '`') end += 1;
  }
  unclosed.add(ticks);
  return undefined;
}

function specialAt(source: string, at: number): Found | undefined {
  const character = source[at];
  if (character === '[' || (character === '!' && source[at + 1] === '[')) {
    LINK.lastIndex = at;
    const match = LINK.exec(source);
    if (match === null) return undefined;
    const [whole, bang = '', label = '', address = ''] = match;
    const kind = bang === '!' ? 'image' : 'link';
    return { inline: { kind, label: plain(label), address }, end: at + whole.length };
  }
  if (character === '<') {
    BARE_ADDRESS.lastIndex = at;
    const address = BARE_ADDRESS.exec(source)?.[1];
    if (address !== undefined)
      return { inline: { kind: 'link', label: address, address }, end: at + address.length + 2 };
  }
  return undefined;
}

/** A label is one piece of text: its own marks are taken off. */
function plain(label: string): string {
  return label.replaceAll(/[`*\n]+/g, (mark) => (mark.includes('\n') ? ' ' : '')).trim();
}

interface Marked {
  readonly mark: string;
  /** Where the closing mark begins. */
  readonly end: number;
}

function markedAt(source: string, at: number, unclosed: Set<string>): Marked | undefined {
  const character = source[at] as string;
  if (character !== '*' && character !== '_') return undefined;
  const mark = source[at + 1] === character ? character + character : character;
  // Inside a word an underscore is a part of its name.
  if (character === '_' && /\w/.test(source[at - 1] ?? '')) return undefined;
  if (unclosed.has(mark) || /^\s|^$/.test(source.slice(at + mark.length, at + mark.length + 1))) return undefined;
  const end = closingOf(source, at + mark.length, mark);
  if (end === undefined) unclosed.add(mark);
  return end === undefined ? undefined : { mark, end };
}

function closingOf(source: string, from: number, mark: string): number | undefined {
  const character = mark[0] as string;
  for (let end = source.indexOf(mark, from); end >= 0; ) {
    let run = end;
    while (source[run] === character) run += 1;
    const fits = mark.length === 2 ? run - end >= 2 : run - end !== 2;
    const closes = !/\s|\\/.test(source[end - 1] ?? '') && (character !== '_' || !/\w/.test(source[run] ?? ''));
    // Of three the outer mark is closed last.
    if (fits && closes && end > from) return mark.length === 2 ? run - 2 : end;
    end = source.indexOf(mark, run);
  }
  return undefined;
}
