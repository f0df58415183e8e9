import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//;
const LICENCE = /^(licen[cs]e|notice)(\.(md|txt))?$/i;

interface Description {
  readonly version: string;
  /** As SPDX names it. */
  readonly license?: string;
}

/** What went into a bundle of other people's is theirs: their terms ask that their words go with every copy. */
export async function licencesOf(root: string, inputs: readonly string[]): Promise<string> {
  const packages = new Set(inputs.flatMap((input) => PACKAGE.exec(input)?.[1] ?? []));
  const texts: string[] = [];
  for (const name of [...packages].sort()) {
    const folder = join(root, 'node_modules', name);
    const files = (await readdir(folder)).filter((file) => LICENCE.test(file)).sort();
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Description;
    if (files.length === 0) {
      // Some publish the name alone.
      if (license === undefined) throw new LicenceError(name);
      texts.push(
        `${name} ${version}\n\nUnder the licence ${license}, as its package says; its text does not come with it.\n`,
      );
    }
    for (const file of files)
      texts.push(`${name} ${version}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`);
  }
  return texts.join('\n----\n\n');
}

/** Nobody may hand out copies of what comes without one. */
class LicenceError extends Error {
  readonly code = 'licence_missing';

  constructor(name: string) {
    super(`${name} comes without a licence`);
    this.name = 'LicenceError';
  }
}
