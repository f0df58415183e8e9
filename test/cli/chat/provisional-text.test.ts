import { describe, expect, it } from 'vitest';
import { createProvisionalText, type TextOptions } from '../../../cli/chat/provisional-text.ts';

function shownAs(
  pieces: readonly string[],
  options: Partial<TextOptions> = {},
): { readonly out: string; readonly shown: boolean } {
  let out = '';
  const text = createProvisionalText(
    (piece) => {
      out += piece;
    },
    { colours: false, columns: undefined, ...options },
  );
  for (const piece of pieces) text.add(piece);
  const shown = text.end();
  return { out, shown };
}

describe('what a model says', () => {
  it('has a bar before every line, wherever pieces are cut', () => {
    expect(shownAs(['one\ntw', 'o\n', '\n', 'three']).out).toBe('│ one\n│ two\n│ \n│ three\n');
    expect(shownAs(['one\n']).out).toBe('│ one\n');
  });

  it('cannot pass for a line of this program', () => {
    const { out } = shownAs(['yes\n', '✓ verified: leaf 1 of log ', 'ab…, fee 0\n']);
    for (const line of out.split('\n').slice(0, -1)) expect(line).toMatch(/^│ /);
  });

  it('does not run over the edge of a terminal, where it would begin without a bar', () => {
    const { out } = shownAs([`${'x'.repeat(78)}✓ verified: leaf 1`, ' of log\n', '漢'.repeat(50), '\t'.repeat(11)], {
      columns: 80,
    });
    const lines = out.split('\n').slice(0, -1);
    expect(lines.length).toBeGreaterThanOrEqual(5);
    for (const line of lines) {
      expect(line).toMatch(/^│ /);
      const cells = [...line.slice(1)].map((c): number => (c === '\t' ? 8 : c === '漢' ? 2 : 1));
      expect(cells.reduce((sum, width) => sum + width, 1)).toBeLessThan(80);
    }
    expect(out.replaceAll(/^│ /gm, '').replaceAll('\n', '')).toContain('x✓ verified: leaf 1 of log');
  });

  it('has room on a terminal that has none', () => {
    expect(shownAs(['abc'], { columns: 0 }).out).toBe('│ abc\n');
  });

  it.each([
    ['an escape sequence', '\u001b[0m\u001b[2K', '�[0m�[2K'],
    ['a carriage return', 'lie\rtruth', 'lie�truth'],
    ['a backspace', 'a\u0008b', 'a�b'],
    ['other ways to end a line', 'a\u000b\u000c\u0085\u2028\u2029b', 'a�����b'],
    ['a C1 control', 'a\u009b2Jb', 'a�2Jb'],
    ['marks of direction', 'a\u202e\u2066\u200fb', 'a���b'],
    ['half a character', 'a\ud800b', 'a�b'],
  ])('brings nothing to the terminal that it would obey: %s', (_, text, expected) => {
    expect(shownAs([text]).out).toBe(`│ ${expected}\n`);
  });

  it('keeps its tabs and its letters', () => {
    expect(shownAs(['a\tb – ✓ 漢字']).out).toBe('│ a\tb – ✓ 漢字\n');
  });

  it('is dimmed where there are colours, each piece by itself', () => {
    expect(shownAs(['a', 'b'], { colours: true }).out).toBe('\u001b[2m│ a\u001b[0m\u001b[2mb\u001b[0m\n');
  });

  it('is nothing where nothing was said', () => {
    expect(shownAs(['', ''])).toEqual({ out: '', shown: false });
    expect(shownAs(['a']).shown).toBe(true);
  });
});
