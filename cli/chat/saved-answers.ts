import { writeFile } from 'node:fs/promises';
import { CommandError } from '../exit-codes.ts';

/** Where `.proofmark` files of answers go. None is written over: it may be the only proof of an answer. */
export interface SavedAnswers {
  save(archive: Uint8Array): Promise<string>;
}

/** How many files of one name are looked past. */
const MOST_FILES = 10_000;

/** One question's answer has the name itself where that is free; those of a conversation are numbered from 1. */
export function saveAnswersAs(path: string, count: 'one' | 'several'): SavedAnswers {
  const [, stem = path, ending = ''] = /^(.*[^/])(\.proofmark)$/s.exec(path) ?? [];
  let number = count === 'one' ? 0 : 1;
  return {
    async save(archive) {
      for (; number < MOST_FILES; number += 1) {
        const name = number === 0 ? path : `${stem}-${number}${ending}`;
        if (await written(name, archive)) {
          number += 1;
          return name;
        }
      }
      throw new CommandError(`${path}: ${MOST_FILES} files of that name are there`);
    },
  };
}

async function written(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await writeFile(path, bytes, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new CommandError(`the receipt holds, and ${path} cannot be written: ${(error as Error).message}`);
  }
}
