import { UsageError } from './exit-codes.ts';

/** What every command takes, wherever it stands before a lone `--`. */
export interface GlobalOptions {
  readonly help: 'asked' | 'not-asked';
  /** Commands read `--json` themselves; here it decides how an error is told. */
  readonly form: 'text' | 'json';
  readonly quiet: 'quiet' | 'not-quiet';
  readonly colours: 'always' | 'never' | 'auto';
  /** Without what is read here. */
  readonly args: readonly string[];
}

export const globalOptionsText: readonly (readonly [option: string, meaning: string])[] = [
  ['--help, -h', 'the text of that command'],
  ['--json', 'one JSON document, or one to a line; errors as {"error":{"code","message"},"exit"} on standard output'],
  ['--quiet', 'no progress'],
  ['--color WHEN', 'always, never or auto; NO_COLOR and FORCE_COLOR are heard'],
];

export const globalOptionNames: readonly string[] = ['help', 'json', 'quiet', 'color'];

const WHEN: ReadonlySet<string> = new Set(['always', 'never', 'auto']);

export function readGlobalOptions(given: readonly string[]): GlobalOptions {
  const end = given.indexOf('--');
  const options = end < 0 ? given : given.slice(0, end);
  const args: string[] = [];
  let colours: GlobalOptions['colours'] = 'auto';
  for (let at = 0; at < options.length; at++) {
    const word = options[at] as string;
    const [name, value] = /^(--colou?r)(?:=(.*))?$/s.exec(word)?.slice(1) ?? [];
    if (name !== undefined) {
      const when = value ?? options[++at] ?? '';
      if (!WHEN.has(when)) throw new UsageError(`${name} is always, never or auto`);
      colours = when as GlobalOptions['colours'];
    } else if (word !== '--quiet' && word !== '--help' && word !== '-h') {
      args.push(word);
    }
  }
  const form = options.includes('--json') ? 'json' : 'text';
  // Said before the command, it is meant for it.
  const first = args.findIndex((word) => word !== '--json');
  const ordered = first > 0 ? [...args.slice(first), '--json'] : args;
  return {
    help: options.includes('--help') || options.includes('-h') ? 'asked' : 'not-asked',
    form,
    quiet: options.includes('--quiet') ? 'quiet' : 'not-quiet',
    colours,
    args: end < 0 ? ordered : [...ordered, ...given.slice(end)],
  };
}
