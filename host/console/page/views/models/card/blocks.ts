import type { Block, Inline } from './card.ts';
import { type InlineRoom, parseInlines } from './inlines.ts';
import { visible } from './visible.ts';

/** Quotes and lists in each other; deeper ones are drawn as paragraphs. */
const DEPTH = 5;
/** Blocks, rows and items of one card: a browser draws them at once, and nobody reads as many. */
const PIECES = 4_096;
const INLINES = 16_384;
const COLUMNS = 32;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(?= |$)/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|(\d{1,9})[.)])(?: +|$)/;
const DIVIDER_CELL = /^:?-+:?$/;

interface Room extends InlineRoom {
  left: number;
}

/**
 * A small part of Markdown: headings, paragraphs, lists, quotes, code, tables, emphasis. Everything else, HTML with it, is
 * text. The result holds text only, so that whoever draws it has nothing to clean.
 */
export function parseCard(source: string): readonly Block[] {
  const room: Room = { left: PIECES, inlines: INLINES };
  const lines = visible(source.replaceAll(/\r\n?/g, '\n')).replaceAll('\t', '    ').split('\n');
  const blocks = parseBlocks(lines, room, 0);
  return room.left > 0 ? blocks : [...blocks, { kind: 'cut' }];
}

function parseBlocks(lines: readonly string[], room: Room, depth: number): readonly Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length && room.left > 0) {
    const line = lines[at] as string;
    if (line.trim() === '') {
      at += 1;
      continue;
    }
    room.left -= 1;
    const { block, next } = blockAt(lines, at, { room, depth });
    blocks.push(block);
    at = next;
  }
  return blocks;
}

interface Parsed {
  readonly block: Block;
  readonly next: number;
}

interface Place {
  readonly room: Room;
  readonly depth: number;
}

function blockAt(lines: readonly string[], at: number, place: Place): Parsed {
  const line = lines[at] as string;
  const fence = FENCE.exec(line)?.[1];
  if (fence !== undefined) return codeAt(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading !== null) {
    const [whole, marks = '#'] = heading;
    const text = withoutClosing(line.slice(whole.length).trim());
    return { block: { kind: 'heading', level: marks.length, text: parseInlines(text, place.room) }, next: at + 1 };
  }
  if (RULE.test(line)) return { block: { kind: 'rule' }, next: at + 1 };
  if (place.depth < DEPTH && QUOTE.test(line)) return quoteAt(lines, at, place);
  if (place.depth < DEPTH && ITEM.test(line)) return listAt(lines, at, place);
  if (line.includes('|') && isDivider(lines[at + 1] ?? '')) return tableAt(lines, at, place);
  return paragraphAt(lines, at, place);
}

/** The marks that may stand behind a heading. */
function withoutClosing(text: string): string {
  let end = text.length;
  while (text[end - 1] === '#') end -= 1;
  return end === 0 || text[end - 1] === ' ' ? text.slice(0, end).trimEnd() : text;
}

function codeAt(lines: readonly string[], at: number, fence: string): Parsed {
  const closing = new RegExp(`^ {0,3}${fence[0]}{${fence.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end] as string)) end += 1;
  return { block: { kind: 'code', text: lines.slice(at + 1, end).join('\n') }, next: end + 1 };
}

function quoteAt(lines: readonly string[], at: number, { room, depth }: Place): Parsed {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end] as string)) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ''));
  return { block: { kind: 'quote', blocks: parseBlocks(inner, room, depth + 1) }, next: end };
}

function listAt(lines: readonly string[], at: number, { room, depth }: Place): Parsed {
  const [, , mark = '-', number] = ITEM.exec(lines[at] as string) ?? [];
  const sameKind = (line: string): boolean => {
    const item = ITEM.exec(line);
    return item !== null && (item[3] === undefined) === (number === undefined) && item[2]?.at(-1) === mark.at(-1);
  };
  const items: (readonly Block[])[] = [];
  let next = at;
  while (next < lines.length && room.left > 0 && sameKind(lines[next] as string)) {
    const width = (ITEM.exec(lines[next] as string)?.[0] ?? '').length;
    const own = [(lines[next] as string).slice(width)];
    next += 1;
    while (next < lines.length && belongs(lines, next, width)) {
      own.push(unindented(lines[next] as string, width));
      next += 1;
    }
    room.left -= 1;
    items.push(parseBlocks(own, room, depth + 1));
    // An empty line between two items does not end their list.
    if ((lines[next] ?? 'x').trim() === '' && sameKind(lines[next + 1] ?? '')) next += 1;
  }
  return { block: { kind: 'list', first: number === undefined ? null : Number(number), items }, next };
}

/** Whether a line goes on with an item: it is indented, or goes on with its paragraph. */
function belongs(lines: readonly string[], at: number, width: number): boolean {
  const line = lines[at] as string;
  if (line.trim() === '') return /^ {2,}\S/.test(lines[at + 1] ?? '');
  if (line.startsWith(' '.repeat(Math.min(width, 4)))) return true;
  return (lines[at - 1] as string).trim() !== '' && !beginsBlock(line);
}

function unindented(line: string, width: number): string {
  const from = line.search(/[^ ]/);
  return line.slice(Math.min(width, from < 0 ? line.length : from));
}

/** The line below a table's header. */
function isDivider(line: string): boolean {
  return /^[-|: ]+$/.test(line) && splitCells(line).every((cell) => DIVIDER_CELL.test(cell));
}

function tableAt(lines: readonly string[], at: number, { room }: Place): Parsed {
  const header = cellsOf(lines[at] as string, room);
  const rows: (readonly (readonly Inline[])[])[] = [];
  let next = at + 2;
  while (next < lines.length && room.left > 0 && (lines[next] as string).includes('|')) {
    room.left -= 1;
    const cells = cellsOf(lines[next] as string, room);
    rows.push(header.map((_, column) => cells[column] ?? []));
    next += 1;
  }
  return { block: { kind: 'table', header, rows }, next };
}

function cellsOf(line: string, room: Room): readonly (readonly Inline[])[] {
  return splitCells(line).map((cell) => parseInlines(cell, room));
}

function splitCells(line: string): readonly string[] {
  const inner = line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner
    .split(/(?<!\\)\|/)
    .slice(0, COLUMNS)
    .map((cell) => cell.trim());
}

function paragraphAt(lines: readonly string[], at: number, { room }: Place): Parsed {
  let next = at + 1;
  while (next < lines.length && (lines[next] as string).trim() !== '' && !beginsBlock(lines[next] as string)) next += 1;
  const text = lines.slice(at, next).map(lineOf).join('').trimEnd();
  return { block: { kind: 'paragraph', text: parseInlines(text, room) }, next };
}

/** Two spaces or a backslash at its end keep a line apart from the next one. */
function lineOf(line: string): string {
  if (line.endsWith('  ')) return `${line.trim()}\n`;
  return line.endsWith('\\') ? `${line.slice(0, -1).trim()}\n` : `${line.trim()} `;
}

function beginsBlock(line: string): boolean {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((form) => form.test(line));
}
