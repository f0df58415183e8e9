import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCard } from '../../../../../../host/console/page/views/models/card/blocks.ts';
import type { Block, Inline } from '../../../../../../host/console/page/views/models/card/card.ts';
import { visible } from '../../../../../../host/console/page/views/models/card/visible.ts';
import { limits } from '../../../../../../wire/limits.ts';

const text = (said: string): Inline => ({ kind: 'text', text: said });
const paragraph = (...inlines: readonly Inline[]): Block => ({ kind: 'paragraph', text: inlines });

/** Everything in a card that is text, as it would stand on the page. */
function saidBy(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(saidBy).join(' ');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .filter(([name]) => name !== 'kind')
    .map(([, member]) => saidBy(member))
    .join(' ');
}

function kindsIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const each of value) kindsIn(each, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name === 'kind') found.add(String(member));
      else kindsIn(member, found);
    }
  }
  return found;
}

describe('a card', () => {
  it.each<readonly [string, string, readonly Block[]]>([
    [
      'a heading',
      '## What it *does* ##',
      [{ kind: 'heading', level: 2, text: [text('What it '), { kind: 'emphasis', text: [text('does')] }] }],
    ],
    ['a paragraph of two lines', 'one\ntwo', [paragraph(text('one two'))]],
    [
      'lines kept apart',
      'one  \ntwo\\\nthree',
      [paragraph(text('one'), { kind: 'break' }, text('two'), { kind: 'break' }, text('three'))],
    ],
    [
      'emphasis',
      '**a _b_** c_d_e',
      [paragraph({ kind: 'strong', text: [text('a '), { kind: 'emphasis', text: [text('b')] }] }, text(' c_d_e'))],
    ],
    ['marks that nothing closes', '**a *b `c', [paragraph(text('**a *b `c'))]],
    ['code in a line', 'call `` a`b `` now', [paragraph(text('call '), { kind: 'code', text: 'a`b' }, text(' now'))]],
    ['escapes', '\\*not\\* \\<b>', [paragraph(text('*not* <b>'))]],
    [
      'code',
      '```js\nlet a = `<b>`;\n\n# no heading\n```\nafter',
      [{ kind: 'code', text: 'let a = `<b>`;\n\n# no heading' }, paragraph(text('after'))],
    ],
    ['code that is not ended', '~~~\nlast', [{ kind: 'code', text: 'last' }]],
    ['a rule', 'a\n\n* * *\n\nb', [paragraph(text('a')), { kind: 'rule' }, paragraph(text('b'))]],
    [
      'a quote',
      '> a\n> - b',
      [
        {
          kind: 'quote',
          blocks: [paragraph(text('a')), { kind: 'list', first: null, items: [[paragraph(text('b'))]] }],
        },
      ],
    ],
    [
      'a list in a list',
      '- a\n  goes on\n  - b\n\n- c',
      [
        {
          kind: 'list',
          first: null,
          items: [
            [paragraph(text('a goes on')), { kind: 'list', first: null, items: [[paragraph(text('b'))]] }],
            [paragraph(text('c'))],
          ],
        },
      ],
    ],
    [
      'a numbered list',
      '3. a\n4. b',
      [{ kind: 'list', first: 3, items: [[paragraph(text('a'))], [paragraph(text('b'))]] }],
    ],
    [
      'a table',
      '| a | b |\n|:--|--:|\n| 1 | `2` | 3 |\n| x |\nafter',
      [
        {
          kind: 'table',
          header: [[text('a')], [text('b')]],
          rows: [
            [[text('1')], [{ kind: 'code', text: '2' }]],
            [[text('x')], []],
          ],
        },
        paragraph(text('after')),
      ],
    ],
    [
      'a link, with where it would lead',
      '[here](https://a.example/b "t")',
      [paragraph({ kind: 'link', label: 'here', address: 'https://a.example/b' })],
    ],
    [
      'an address alone',
      '<https://a.example>',
      [paragraph({ kind: 'link', label: 'https://a.example', address: 'https://a.example' })],
    ],
    ['a picture, by its name', '![logo](logo.png)', [paragraph({ kind: 'image', label: 'logo', address: 'logo.png' })]],
    ['nothing', ' \n\t\n', []],
  ])('has %s', (_, source, blocks) => {
    expect(parseCard(source)).toEqual(blocks);
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<!-- hidden --><style>body{display:none}</style>',
    '<a href="javascript:alert(1)">x</a>',
    '<iframe srcdoc="<script>1</script>"></iframe>',
  ])('shows HTML as what was typed: %s', (html) => {
    expect(parseCard(html)).toEqual([paragraph(text(html))]);
  });

  it.each(['javascript:alert(1)', 'data:text/html,<script>1', 'JaVaScRiPt:x', 'vbscript:x'])(
    'has no form for where a link leads, but its text: %s',
    (address) => {
      const blocks = parseCard(`[safe](${address})\n\n![safe](${address})\n\n<${address}>`);
      expect([...kindsIn(blocks)].every((kind) => ['paragraph', 'text', 'link', 'image'].includes(kind))).toBe(true);
      expect(saidBy(blocks)).toContain(address.slice(0, 9));
    },
  );

  it('shows what reorders, hides or stacks text by its number', () => {
    expect(visible('a\u202eb\u2066c\u200bd\u0000\u00ade\ud800')).toBe(
      'a[U+202E]b[U+2066]c[U+200B]d[U+0000][U+00AD]e[U+D800]',
    );
    expect(visible(`Z${'\u0301'.repeat(90)}!`)).toBe(`Z${'\u0301'.repeat(4)}�!`);
    expect(visible('a\tb\n👩\u200d🔬 نمی\u200cخواهم é')).toBe('a\tb\n👩\u200d🔬 نمی\u200cخواهم é');
    expect(saidBy(parseCard('[pay\u202emoc.elpmaxe](https://a.example/\u202e)'))).toContain('[U+202E]');
  });

  it('says where it was cut', () => {
    const blocks = parseCard('a\n\n'.repeat(9_000));
    expect(blocks.at(-1)).toEqual({ kind: 'cut' });
    expect(blocks.length).toBeLessThan(5_000);
    expect(parseCard('a\n\n'.repeat(1_000)).at(-1)).toEqual(paragraph(text('a')));
  });

  it('keeps what is beyond its pieces of text as one piece', () => {
    const blocks = parseCard('*a* '.repeat(40_000));
    expect(saidBy(blocks).replaceAll(/[* ]/g, '')).toBe('a'.repeat(40_000));
    const inlines = blocks[0]?.kind === 'paragraph' ? blocks[0].text.length : 0;
    expect(inlines).toBeLessThan(33_000);
  });

  it.each([
    ['quotes', '>'],
    ['lists', '- '],
    ['emphasis', '*a **b '],
    ['brackets', '['],
    ['labels without an address', '[]('],
    ['labels with half an address', '[a](b '],
    ['ticks', '`'],
    ['ticks of growing number', Array.from({ length: 700 }, (_, count) => `${'`'.repeat(count)} `).join('')],
    ['marks that do not fit', '*_'],
    ['lines', 'a\n'],
    ['lines kept apart', 'a  \n'],
    ['spaces', '#'.padEnd(1_000)],
    ['spaces before something else', `${' '.repeat(999)}x`],
    ['hashes and spaces', '# '],
    ['dividers', '|-'],
    ['dividers with spaces', 'a|b\n---'.padEnd(2_000)],
    ['less-than signs', '<http:'],
    ['backslashes', '\\'],
    ['marks on a character', '\u0301'],
    ['tabs', '\t'],
    ['characters without a shape', '\u202e'],
    ['items without end', '1. a\n   '],
  ])('of %s alone is read to its end: no time limit of a test is met', (_, piece) => {
    const longest = piece.repeat(Math.ceil(limits.shownFileBytes / piece.length)).slice(0, limits.shownFileBytes);
    expect(Array.isArray(parseCard(longest))).toBe(true);
  });

  it('of a model of this repository is read whole', () => {
    const blocks = parseCard(readFileSync('models/volatility-1h/README.md', 'utf8'));
    expect(kindsIn(blocks)).toEqual(new Set(['heading', 'paragraph', 'text', 'code', 'table', 'strong', 'list']));
    expect(blocks[0]).toEqual({ kind: 'heading', level: 1, text: [text('volatility-1h')] });
  });
});
