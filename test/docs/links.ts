import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LINK = /\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)/g;

export interface BrokenLink {
  readonly page: string;
  readonly target: string;
  readonly why: string;
}

/** Links of a page to files and headings of this repository that do not lead there. What is elsewhere is not asked. */
export function brokenLinks(root: string, page: string, text: string): readonly BrokenLink[] {
  return [...withoutCode(text).matchAll(LINK)].flatMap(([, target = '']) => {
    const why = whatIsWrong(root, page, target);
    return why === undefined ? [] : [{ page, target, why }];
  });
}

function whatIsWrong(root: string, page: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  const full = join(root, file);
  if (!existsSync(full)) return 'there is no such file';
  if (anchor === undefined) return undefined;
  if (statSync(full).isDirectory() || !file.endsWith('.md')) return 'only pages have headings';
  return headings(readFileSync(full, 'utf8')).has(anchor) ? undefined : 'there is no such heading';
}

/** Anchors as code hosts make them of headings. */
export function headings(text: string): ReadonlySet<string> {
  const found = [...withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) =>
    title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
  return new Set(found);
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}
