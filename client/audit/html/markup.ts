import { printable } from '../printable.ts';

declare const safe: unique symbol;

/** Markup that came out of `html`: text never turns into it but by being escaped. */
export interface Html {
  readonly [safe]: 'html';
  readonly text: string;
}

type Part = Html | readonly Html[] | string | number;

/** A template whose every hole is escaped, unless markup of this template was put there. */
export function html(strings: TemplateStringsArray, ...holes: readonly Part[]): Html {
  const text = strings.reduce((before, next, index) => before + textOf(holes[index - 1] ?? '') + next);
  return { text } as Html;
}

/** For constants of this folder only: it is not escaped. */
export function constantMarkup(text: string): Html {
  return { text } as Html;
}

function textOf(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'text' in part ? part.text : part.map(({ text }) => text).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Beside markup, direction marks and control characters: they would let evidence rearrange the page around it. */
function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
