import { utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import type { Catalogue, Entry, Sees } from './catalogue.ts';
import { HubError } from './errors.ts';

/** Null is "any": each of these was asked for or was not. */
export interface Search {
  readonly text: string | null;
  readonly task: string | null;
  readonly tags: readonly string[];
  readonly namespace: string | null;
  readonly limit: number;
  /** Where the page before ended. */
  readonly before: number;
}

const DEFAULT_ROWS = 20;

export function readSearch(query: URLSearchParams): Search {
  return {
    text: readText(query.get('q')),
    task: readText(query.get('task')),
    tags: query
      .getAll('tag')
      .filter((tag) => tag !== '')
      .map(bounded),
    namespace: readText(query.get('namespace')),
    limit: readCount(query.get('limit'), DEFAULT_ROWS),
    before: readCursor(query.get('cursor')),
  };
}

export function readText(value: string | null): string | null {
  return value === null || value === '' ? null : bounded(value);
}

export function bounded(value: string): string {
  if (utf8(value).length > limits.hubQueryBytes) throw new HubError('request_invalid');
  return value;
}

/** A page is as long as it is asked to be, and never longer than pages are. */
export function readCount(value: string | null, otherwise: number): number {
  if (value === null || value === '') return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new HubError('request_invalid');
  return Math.min(Number(value), limits.hubPage);
}

/** The number of the last row seen: rows that are published meanwhile come before it, and none is shown twice. */
export function readCursor(value: string | null): number {
  if (value === null || value === '') return Number.MAX_SAFE_INTEGER;
  if (!/^(0|[1-9][0-9]{0,14})$/.test(value)) throw new HubError('request_invalid');
  return Number(value);
}

/** One row a model, its main version; latest published first. */
export function* search(catalogue: Catalogue, wanted: Search, sees: Sees): Iterable<Entry> {
  const text = wanted.text?.toLowerCase() ?? null;
  for (const entry of catalogue.mains(sees, wanted.before)) {
    if (wanted.namespace !== null && entry.namespace !== wanted.namespace) continue;
    if (wanted.task !== null && entry.task !== wanted.task) continue;
    if (!wanted.tags.every((tag) => entry.tags.includes(tag))) continue;
    if (text === null || says(entry, text)) yield entry;
  }
}

/** Without regard to case; in the name, with or without its namespace, in the description and in the tags. */
export function says({ namespace, name, description, tags }: Entry, lowerCase: string): boolean {
  return [`${namespace}/${name}`, description, ...tags].some((part) => part.toLowerCase().includes(lowerCase));
}

export function pageOf(
  entries: Iterable<Entry>,
  limit: number,
): { readonly rows: readonly Entry[]; readonly next: number | undefined } {
  const rows: Entry[] = [];
  for (const entry of entries) {
    if (rows.length === limit) return { rows, next: rows.at(-1)?.number };
    rows.push(entry);
  }
  return { rows, next: undefined };
}
