import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { saveAnswersAs } from '../../../cli/chat/saved-answers.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { type Folder, temporaryFolder } from '../../support/command.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const content = (name: string): string => readFileSync(folder.path(name), 'utf8');

describe('archives of answers', () => {
  it('have the name that was given, or are numbered where there are several', async () => {
    expect(await saveAnswersAs(folder.path('a.proofmark'), 'one').save(utf8('x'))).toBe(folder.path('a.proofmark'));
    const several = saveAnswersAs(folder.path('b.proofmark'), 'several');
    await several.save(utf8('1'));
    await several.save(utf8('2'));
    expect([content('a.proofmark'), content('b-1.proofmark'), content('b-2.proofmark')]).toEqual(['x', '1', '2']);
  });

  it('are written over no other file', async () => {
    folder.file('a.proofmark', 'old');
    folder.file('a-1.proofmark', 'old');
    expect(await saveAnswersAs(folder.path('a.proofmark'), 'one').save(utf8('new'))).toBe(folder.path('a-2.proofmark'));
    expect([content('a.proofmark'), content('a-1.proofmark'), content('a-2.proofmark')]).toEqual(['old', 'old', 'new']);
  });

  it('may have a name without an ending', async () => {
    expect(await saveAnswersAs(folder.path('a'), 'several').save(utf8('x'))).toBe(folder.path('a-1'));
  });

  it('that cannot be written are told', async () => {
    const saved = saveAnswersAs(folder.path('absent/a.proofmark'), 'one');
    await expect(saved.save(utf8('x'))).rejects.toThrow('the receipt holds, and ');
  });
});
