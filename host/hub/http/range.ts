import { HubError } from '../errors.ts';

/** From the first byte to the last, both counted in. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A size or an offset: more digits than that are no file of ours, and no exact number either. */
const FORM = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/;

/**
 * One range (RFC 9110 section 14). Undefined where the whole file is to be sent: for units that nobody knows, and for
 * several ranges at once, which a server may decline, and this one does, as they are of no use but to make it work.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined || !header.startsWith('bytes=') || header.includes(',')) return undefined;
  const [, first, last] = FORM.exec(header) ?? [];
  if (first === undefined || last === undefined || first + last === '') throw new HubError('range_invalid', { size });
  if (first === '') {
    const wanted = Math.min(Number(last), size);
    if (wanted === 0) throw new HubError('range_invalid', { size });
    return { first: size - wanted, last: size - 1 };
  }
  const from = Number(first);
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (from >= size || (last !== '' && Number(last) < from)) throw new HubError('range_invalid', { size });
  return { first: from, last: to };
}

/** Whether a condition names this file; weak validators are not for ranges. */
export function namesEtag(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((entry) => {
    const tag = entry.trim();
    return tag === etag || (comparison === 'weak' && tag === `W/${etag}`);
  });
}
