import { describe, expect, it } from 'vitest';
import { wantsColours } from '../../cli/colours.ts';
import { run } from '../../cli/run.ts';
import { ANSWERED } from '../support/answer.ts';

describe('colours', () => {
  it('are for terminals that have some', () => {
    expect(wantsColours({}, 'terminal')).toBe(true);
    expect(wantsColours({ TERM: 'dumb' }, 'terminal')).toBe(false);
    expect(wantsColours({}, 'no-terminal')).toBe(false);
  });

  it('are off with NO_COLOR and on with FORCE_COLOR, of which the first is stronger', () => {
    expect(wantsColours({ NO_COLOR: '1' }, 'terminal')).toBe(false);
    expect(wantsColours({ NO_COLOR: '' }, 'terminal')).toBe(true);
    expect(wantsColours({ FORCE_COLOR: '1' }, 'no-terminal')).toBe(true);
    expect(wantsColours({ FORCE_COLOR: '0' }, 'terminal')).toBe(false);
    expect(wantsColours({ NO_COLOR: '1', FORCE_COLOR: '1' }, 'terminal')).toBe(false);
  });

  it.each([
    [['--color', 'always'], false, true],
    [['--color=always'], false, true],
    [['--color', 'never'], true, false],
    [['--color', 'auto'], true, true],
    [[], true, true],
    [[], false, false],
  ])(
    '%j on the command line, where the terminal has them: %s',
    async (words, colours, seen) => {
      let out = '';
      await run({
        args: ['doctor', ...words],
        style: { colours },
        write: (text) => {
          out += text;
        },
        warn: () => undefined,
        now: () => ANSWERED,
        terminal: 'none',
      });
      expect(out.includes('\u001b[')).toBe(seen);
    },
    60_000,
  );
});
