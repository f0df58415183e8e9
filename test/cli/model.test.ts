import { describe, expect, it } from 'vitest';
import { command } from '../support/command.ts';

describe('proofmark model', () => {
  it.each([['--help'], ['help']])('explains its commands, and not those of others: %s', async (word) => {
    const { code, out, err } = await command('model', word);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('Releases of models');
    expect(out).not.toContain('proofmark audit');
  });

  it('ends with 2 where nothing was asked', async () => {
    const { code, out } = await command('model');
    expect(code).toBe(2);
    expect(out).toContain('Releases of models');
  });

  it.each(['frobnicate', 'constructor', '__proto__', ''])('ends with 2 for the unknown command "%s"', async (name) => {
    const { code, out, err } = await command('model', name);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(`proofmark: no command "model ${name}"; see proofmark model --help\n`);
  });
});
