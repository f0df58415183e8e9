import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { type CommandRow, tasks, textsOf } from '../../../cli/commands/row.ts';
import { commandTable } from '../../../cli/commands/table.ts';
import { command } from '../../support/command.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../attestations/schemas/proofmark-error.schema.json', import.meta.url), 'utf8'),
) as object;
const isError = new Ajv2020({ strict: true }).compile(schema);

interface Called {
  readonly words: readonly string[];
  readonly row: CommandRow;
  readonly text: string;
}

/** Every command, and every command of a family. */
const called: readonly Called[] = commandTable.flatMap((row) => [
  ...(row.commands === undefined ? [{ words: [row.name], row, text: textsOf(row).join('\n\n') }] : []),
  ...Object.entries(row.commands ?? {}).map(([word, { usage }]) => ({ words: [row.name, word], row, text: usage })),
]);
const named = called.map((one) => [one.words.join(' '), one] as const);

describe('every command', () => {
  it.each(named)('%s tells of itself only', async (_, { words, row, text }) => {
    for (const line of [
      [...words, '--help'],
      [...words, '-h', '--json'],
      [...words, '--no-such-option', '--help'],
      ['help', ...words],
    ]) {
      expect(await command(...line)).toEqual({ code: 0, out: `${text}\n`, err: '' });
    }
    for (const other of commandTable) {
      if (other !== row) expect(text).not.toMatch(new RegExp(`^proofmark ${other.name} `, 'm'));
    }
  });

  it.each(named)('%s ends with 2 for an option that is none', async (_, { words }) => {
    const { code, out, err } = await command(...words, '--no-such-option');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^proofmark: [^\n]+\n$/);
  });

  it.each(named)('%s tells an error as JSON where it is asked for JSON', async (_, { words }) => {
    const { code, out, err } = await command(...words, '--no-such-option', '--json');
    expect({ code, err }).toEqual({ code: 2, err: '' });
    expect(out).toMatch(/^\{[^\n]+\}\n$/);
    const told: unknown = JSON.parse(out);
    expect(isError(told), JSON.stringify(isError.errors)).toBe(true);
    expect(told).toMatchObject({ error: { code: 'usage' }, exit: 2 });
  });

  it('has a task, a line that says what it is for, and a name of its own', () => {
    expect(new Set(commandTable.map(({ name }) => name)).size).toBe(commandTable.length);
    for (const { task, summary } of commandTable) {
      expect(Object.keys(tasks)).toContain(task);
      expect(summary).toMatch(/^[^\n]{10,80}[^.\n]$/);
    }
  });

  it('is in the overview, under what it is for', async () => {
    const { out } = await command('--help');
    for (const { name, summary } of commandTable)
      expect(out).toMatch(new RegExp(`^  proofmark ${name} +${summary}$`, 'm'));
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });
});

describe('a slip of the finger', () => {
  it.each([
    [['audot'], 'no command "audot"; did you mean "audit"?; see proofmark --help'],
    [['AUDIT', 'x'], 'no command "AUDIT"; did you mean "audit"?; see proofmark --help'],
    [['model', 'pubilsh'], 'no command "model pubilsh"; did you mean "publish"?; see proofmark model --help'],
    [['image', 'mesure'], 'did you mean "measure"?'],
    [['help', 'dotcor'], 'did you mean "doctor"?'],
    [['infer', 'http://127.0.0.1:1', '--polcy', 'x'], 'there is no option --polcy; did you mean --policy?'],
    [['host', '--confguration', 'x'], 'there is no option --confguration; did you mean --configuration?'],
    [['hub', '--lisen', 'x'], 'there is no option --lisen; did you mean --listen?'],
  ])('%j', async (words, said) => {
    const { code, err } = await command(...words);
    expect(code).toBe(2);
    expect(err).toContain(said);
  });
});
