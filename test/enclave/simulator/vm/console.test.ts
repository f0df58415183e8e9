import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openConsole, parseInitCode } from '../../../../enclave/simulator/vm/console.ts';

const source = readFileSync(join(import.meta.dirname, '../../../../enclave/native/init.c'), 'utf8');

/** The numbers of the first enumeration, as C counts them. */
function initCodes(): readonly number[] {
  const [, body = ''] = /^enum \{\n([^}]*)\};/m.exec(source) ?? [];
  let next = 0;
  return [...body.matchAll(/^\t[A-Z_]+(?: = (\d+))?,$/gm)].map(([, value]) => {
    const code = value === undefined ? next : Number(value);
    next = code + 1;
    return code;
  });
}

describe('the codes of init', () => {
  it('each have words here, and there are no others', () => {
    const codes = initCodes();
    expect(codes.length).toBeGreaterThan(7);
    for (let code = 0; code < 100; code++) {
      expect(parseInitCode(`init ${code} 1 2`) !== null, String(code)).toBe(codes.includes(code));
    }
  });

  it('say what failed where', () => {
    expect(parseInitCode('init 42 9 2')).toEqual({ code: 42, meaning: 'line 9 of the list failed (error 2)' });
    expect(parseInitCode('init 30 70 0')).toEqual({ code: 30, meaning: 'the launcher ended with 70' });
  });

  it.each(['init 42 9', 'init 42 9 2 1', 'xinit 42 9 2', 'init 042 9 2 ', 'init 9999 1 1'])('are not %j', (line) => {
    expect(parseInitCode(line)).toBeNull();
  });
});

describe('a console', () => {
  it('gives lines without what a terminal would do with them, and tells when init starts', async () => {
    const lines: string[] = [];
    const console = openConsole((line) => lines.push(line));
    console.onLine('\u001bc\u001b[?7l\u001b[2J\u001b[0mSeaBIOS\r');
    console.onLine('\u0007\r');
    console.onLine('\u001b[2Jinit 10 0 0\r');
    await console.initStarted;
    expect(lines).toEqual(['SeaBIOS', 'init 10 0 0']);
  });

  it('keeps the last words, and no more of them', () => {
    const console = openConsole(() => {});
    expect(console.lastWords()).toBe('init said nothing; its last lines: none');
    for (let index = 0; index < 100; index++) console.onLine(`line ${index}`);
    console.onLine('init 31 1 14');
    expect(console.lastWords()).toContain('helper 1 ended with 14; its last lines: line 89 | ');
    expect(console.lastWords()).not.toContain('line 88');
  });
});
