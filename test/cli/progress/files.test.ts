import { describe, expect, it } from 'vitest';
import { bar, bytesText, durationText, rateOver } from '../../../cli/model/amounts.ts';
import { createProgress, type ProgressView } from '../../../cli/progress/files.ts';

interface Screen {
  readonly view: ProgressView;
  time: number;
  text: string;
}

function open(terminal: { readonly columns: number } | 'none'): Screen {
  const screen: Screen = {
    time: 0,
    text: '',
    view: createProgress({
      write: (text) => {
        screen.text += text;
      },
      now: () => screen.time,
      terminal,
    }),
  };
  return screen;
}

const ESCAPE = '\u001b';
const MOVES = new RegExp(`(${ESCAPE}\\[\\d+[AJ]|\\n)`);
const UP = new RegExp(`^${ESCAPE}\\[(\\d+)A$`);

/** What a terminal of any height shows, cursor movements obeyed. */
function drawn(text: string): readonly string[] {
  const lines: string[] = [''];
  for (const part of text.split(MOVES)) {
    const up = UP.exec(part)?.[1];
    if (part === '\n') lines.push('');
    else if (up !== undefined) lines.length -= Number(up);
    else if (!part.startsWith(ESCAPE)) lines[lines.length - 1] += part;
    if (up !== undefined) lines[lines.length - 1] = '';
  }
  return lines.filter((line) => line !== '');
}

describe('amounts', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [123_456, '123 kB'],
    [999_600, '1.0 MB'],
    [2_147_483_647, '2.1 GB'],
  ])('of %d bytes read %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [61_000, '1 min 01 s'],
    [3_660_000, '1 h 01 min'],
  ])('of %d ms read %s', (ms, text) => expect(durationText(ms)).toBe(text));

  it('have no rate without a time between them', () => {
    expect(rateOver([])).toBeUndefined();
    expect(rateOver([{ time: 1, bytes: 5 }])).toBeUndefined();
    expect(
      rateOver([
        { time: 0, bytes: 0 },
        { time: 500, bytes: 100 },
      ]),
    ).toBe(200);
  });

  it('are drawn from nothing to all', () => {
    expect([bar(0), bar(0.5), bar(1)].map((text) => text.length)).toEqual([22, 22, 22]);
    expect(bar(2)).toBe(bar(1));
  });
});

describe('progress on a terminal', () => {
  it('has a line for each active file, drawn again in its place', () => {
    const screen = open({ columns: 120 });
    const { view } = screen;
    view.listen({ event: 'plan', files: 2, bytes: 3_000_000 });
    screen.time = 1_000;
    view.listen({ event: 'file', path: 'model.onnx', size: 2_000_000, bytes: 0 });
    view.listen({ event: 'file', path: 'card', size: 1_000_000, bytes: 500_000 });
    for (let second = 2; second <= 4; second++) {
      screen.time = 1_000 * second;
      view.listen({ event: 'bytes', path: 'model.onnx', bytes: 300_000 * (second - 1) });
    }
    const lines = drawn(screen.text);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/model\.onnx .* 45% {2}900 kB of 2\.0 MB {2}300 kB\/s {2}4 s left$/);
    expect(lines[1]).toMatch(/card .* 50% {2}500 kB of 1\.0 MB$/);
  });

  it('leaves what is done above, and nothing of what was drawn', () => {
    const screen = open({ columns: 100 });
    const { view } = screen;
    view.listen({ event: 'plan', files: 1, bytes: 10 });
    screen.time = 1_000;
    view.listen({ event: 'file', path: 'a', size: 10, bytes: 0 });
    screen.time = 2_000;
    view.listen({ event: 'again', path: 'a', why: 'busy', waitMs: 250 });
    view.listen({ event: 'done', path: 'a' });
    view.end();
    expect(drawn(screen.text)).toEqual(['  a: busy, again in 250 ms', '  a  10 B']);
  });

  it('is drawn no more often than anybody can see', () => {
    const screen = open({ columns: 100 });
    screen.view.listen({ event: 'plan', files: 1, bytes: 10_000 });
    screen.view.listen({ event: 'file', path: 'a', size: 10_000, bytes: 0 });
    for (let ms = 1; ms <= 1_000; ms++) {
      screen.time = ms;
      screen.view.listen({ event: 'bytes', path: 'a', bytes: ms });
    }
    expect(screen.text.split('\n').length).toBeLessThanOrEqual(11);
  });

  it.each([20, 40, 80])('fits into %d columns, whatever a file is called', (columns) => {
    const screen = open({ columns });
    screen.view.listen({ event: 'plan', files: 1, bytes: 10 });
    screen.time = 1_000;
    screen.view.listen({
      event: 'file',
      path: 'a/very/long/name/of/a/file/that/nobody/types.onnx',
      size: 10,
      bytes: 5,
    });
    for (const line of drawn(screen.text)) expect(line.length).toBeLessThan(columns);
    expect(drawn(screen.text)).toHaveLength(1);
  });

  it('shows a stranger’s name without obeying it', () => {
    const screen = open({ columns: 100 });
    screen.view.listen({ event: 'plan', files: 1, bytes: 10 });
    screen.time = 1_000;
    screen.view.listen({ event: 'file', path: 'a\u001b[2Jb\nc', size: 10, bytes: 5 });
    screen.view.listen({ event: 'again', path: 'a\u001b[2J', why: 'x\ny', waitMs: 1 });
    expect(screen.text).not.toContain('\u001b[2J');
    expect(drawn(screen.text)[0]).toContain('x�y');
  });
});

describe('progress in a pipe', () => {
  it('is a line every few seconds, and none for what is quick', () => {
    const screen = open('none');
    const { view } = screen;
    view.listen({ event: 'plan', files: 2, bytes: 20_000 });
    view.listen({ event: 'file', path: 'a', size: 10_000, bytes: 0 });
    for (let ms = 100; ms <= 4_900; ms += 100) {
      screen.time = ms;
      view.listen({ event: 'bytes', path: 'a', bytes: ms });
    }
    expect(screen.text).toBe('');
    for (let ms = 5_000; ms <= 10_000; ms += 100) {
      screen.time = ms;
      view.listen({ event: 'bytes', path: 'a', bytes: ms });
    }
    view.end();
    expect(screen.text.split('\n')).toEqual([
      '0 of 2 files, 5.0 kB of 20.0 kB (25%), 1.0 kB/s, 15 s left',
      '0 of 2 files, 10.0 kB of 20.0 kB (50%), 1.0 kB/s, 10 s left',
      '',
    ]);
  });

  it('does not count twice what is fetched again', () => {
    const screen = open('none');
    const { view } = screen;
    view.listen({ event: 'plan', files: 1, bytes: 100 });
    view.listen({ event: 'file', path: 'a', size: 100, bytes: 0 });
    view.listen({ event: 'bytes', path: 'a', bytes: 80 });
    view.listen({ event: 'bytes', path: 'a', bytes: 0 });
    screen.time = 6_000;
    view.listen({ event: 'bytes', path: 'a', bytes: 40 });
    expect(screen.text).toContain('40 B of 100 B (40%)');
  });
});
