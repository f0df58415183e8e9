import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleConsole, type ConsoleFiles } from '../../../host/console/build/bundle.ts';
import { digestOf } from '../../../host/console/digest.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const SOURCES = ['host/console', 'client', 'verifier', 'wire', 'attestations', 'package.json'] as const;
/** Copied as well: a link would lead back to here. */
const PACKAGES = ['@noble/curves', '@noble/hashes', 'cbor-x', 'preact', 'uplot'] as const;
/** What the console may weigh on its way to a browser. */
const GZIP_BYTES = 250_000;

let elsewhere = '';
let files: ConsoleFiles;

beforeAll(async () => {
  elsewhere = mkdtempSync(join(tmpdir(), 'proofmark-another-place-'));
  for (const folder of SOURCES) cpSync(join(ROOT, folder), join(elsewhere, folder), { recursive: true });
  for (const name of PACKAGES) {
    cpSync(join(ROOT, 'node_modules', name), join(elsewhere, 'node_modules', name), { recursive: true });
  }
  files = await bundleConsole({ root: ROOT });
});

afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

describe('the bundle of the console', () => {
  it('is a page, a script, a style sheet and an icon, with the licences of what is in them', () => {
    expect([...files.keys()]).toEqual(['console.css', 'console.js', 'icon.svg', 'index.html', 'licences.txt']);
    const licences = new TextDecoder().decode(files.get('licences.txt'));
    for (const name of PACKAGES) expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    expect(licences.match(/permission notice shall be included/g)).toHaveLength(PACKAGES.length);
  });

  it('is the same byte for byte wherever it is built', async () => {
    const again = await bundleConsole({ root: elsewhere });
    expect([...again.keys()]).toEqual([...files.keys()]);
    for (const [name, bytes] of files) expect(Buffer.from(again.get(name) ?? []).equals(bytes), name).toBe(true);
    expect(digestOf(again)).toBe(digestOf(files));
  });

  it('holds no path of the machine that built it, and loads nothing from elsewhere', () => {
    for (const [name, bytes] of files) {
      const text = new TextDecoder().decode(bytes);
      expect(text, name).not.toContain(ROOT);
      expect(text, name).not.toContain('node_modules/');
      expect(text, name).not.toMatch(/sourceMappingURL|@import|url\(\s*["']?(https?:)?\/\//);
    }
    const page = new TextDecoder().decode(files.get('index.html'));
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to)).toEqual([
      'icon.svg',
      'console.css',
      'console.js',
    ]);
    expect(page).not.toMatch(/\sstyle=|<style|\son\w+=|<script(?![^>]*src=)/);
  });

  it('builds no code from text, which the content policy would refuse', () => {
    const script = new TextDecoder().decode(files.get('console.js'));
    expect(script).not.toMatch(/\bnew Function\(|\beval\(|\bdocument\.write\(|\.insertAdjacentHTML\(/);
  });

  it('is small', () => {
    const sizes = [...files].map(([name, bytes]) => [name, gzipSync(bytes, { level: 9 }).length] as const);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    console.log(`console: ${total} bytes in gzip (${sizes.map(([name, size]) => `${name} ${size}`).join(', ')})`);
    expect(total).toBeLessThan(GZIP_BYTES);
  });
});
