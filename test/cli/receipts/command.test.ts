import { afterAll, describe, expect, it } from 'vitest';
import { answerPolicy } from '../../support/accept-answer.ts';
import { command, temporaryFolder } from '../../support/command.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const policy = folder.file('policy.json', JSON.stringify(answerPolicy()));
const several = folder.file('several.json', JSON.stringify(answerPolicy({ models: 'any' })));
const NOWHERE = 'http://127.0.0.1:1';
const ID = 'ab'.repeat(32);

describe('a command line', () => {
  it.each<[string, readonly string[], number, string]>([
    ['chat without a host', ['chat'], 2, 'name one host URL'],
    ['chat without a policy', ['chat', NOWHERE, 'Hi'], 2, '--policy FILE is required'],
    ['chat without a model of several', ['chat', NOWHERE, 'Hi', '--policy', several], 2, '--model HEX is required'],
    ['chat with a model that is no hash', ['chat', NOWHERE, '--policy', policy, '--model', 'tiny'], 2, '--model is 64'],
    ['chat with a count that is none', ['chat', NOWHERE, '--policy', policy, '--max-tokens', '0'], 2, '--max-tokens 0'],
    [
      'chat with a temperature above 2',
      ['chat', NOWHERE, '--policy', policy, '--temperature', '2.1'],
      2,
      '--temperature',
    ],
    ['chat with a seed that is no number', ['chat', NOWHERE, '--policy', policy, '--seed', '1e3'], 2, '--seed 1e3'],
    [
      'chat with a seed beyond exact numbers',
      ['chat', NOWHERE, '--policy', policy, '--seed', '9999999999999999'],
      2,
      '--seed',
    ],
    ['chat with an option that is none', ['chat', NOWHERE, '--policy', policy, '--top-k', '3'], 2, 'top-k'],
    ['chat where nothing listens', ['chat', NOWHERE, 'Hi', '--policy', policy], 1, 'host_unreachable'],
    ['receipts without a host', ['receipts'], 2, 'name one host URL'],
    ['receipts of nothing', ['receipts', NOWHERE, '--policy', policy], 2, 'name a request id'],
    ['receipts of an id that is none', ['receipts', NOWHERE, 'abc', '--policy', policy], 2, 'a request id is 64'],
    [
      'receipts of an id and a head',
      ['receipts', NOWHERE, ID, '--head', '--policy', policy],
      2,
      'or ask for the --head',
    ],
    [
      'receipts of a log that is none',
      ['receipts', NOWHERE, '--head', '--log', 'x', '--policy', policy],
      2,
      '--log is 64',
    ],
    ['a receipt as a checkpoint', ['receipts', NOWHERE, ID, '--checkpoint', '--policy', policy], 2, 'for the --head'],
    ['a head that is saved', ['receipts', NOWHERE, '--head', '--save', 'x', '--policy', policy], 2, 'for a request id'],
    ['receipts without a policy', ['receipts', NOWHERE, ID], 2, '--policy FILE is required'],
    ['receipts where nothing listens', ['receipts', NOWHERE, ID, '--policy', policy], 1, 'host_unreachable'],
  ])('%s ends with one line', async (_, args, code, words) => {
    const outcome = await command(...args);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toMatch(/^proofmark: [^\n]+\n$/);
    expect(outcome.err).toContain(words);
  });

  it('asks for a head in one form', async () => {
    const { code, out } = await command('receipts', NOWHERE, '--head', '--json', '--checkpoint', '--policy', policy);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { message: '--json or --checkpoint, not both' } });
  });

  it('is explained', async () => {
    const { out } = await command('help', '--all');
    for (const words of ['proofmark chat URL', 'proofmark receipts URL REQUEST-ID', 'proofmark receipts URL --head']) {
      expect(out).toContain(words);
    }
  });
});
