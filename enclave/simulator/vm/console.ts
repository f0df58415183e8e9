/** What a machine says on its console: lines of its kernel, the codes of its init, and in a debug image what its programs say. */
export interface Console {
  readonly onLine: (line: string) => void;
  /** Init has started, so the kernel runs and has found the image. */
  readonly initStarted: Promise<void>;
  /** For whoever has to find out why it ended. */
  readonly lastWords: () => string;
}

const KEPT_LINES = 12;
const STARTED = 10;

/** enclave/native/init.c says the same numbers. */
const CODES: Readonly<Record<number, (a: number, b: number) => string>> = {
  [STARTED]: () => 'init started',
  20: () => 'the launcher was started',
  30: (status) => `the launcher ended with ${status}`,
  31: (which, status) => `helper ${which} ended with ${status}`,
  32: () => 'the list says so',
  40: (errno) => `the list cannot be read (error ${errno})`,
  41: (line) => `line ${line} of the list is none`,
  42: (line, errno) => `line ${line} of the list failed (error ${errno})`,
  43: (errno) => `the kernel takes no filter (error ${errno})`,
};

export interface InitCode {
  readonly code: number;
  readonly meaning: string;
}

export function parseInitCode(line: string): InitCode | null {
  const [, code, a, b] = /^init (\d{1,3}) (\d{1,20}) (\d{1,20})$/.exec(line) ?? [];
  const known = CODES[Number(code)];
  return known === undefined ? null : { code: Number(code), meaning: known(Number(a), Number(b)) };
}

export function openConsole(onLine: (line: string) => void): Console {
  const kept: string[] = [];
  let started = (): void => {};
  const initStarted = new Promise<void>((resolve) => {
    started = resolve;
  });
  return {
    initStarted,
    onLine: (raw) => {
      const line = printableLine(raw);
      if (line === '') return;
      kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
      if (parseInitCode(line)?.code === STARTED) started();
      onLine(line);
    },
    lastWords: () => {
      const code = kept.map(parseInitCode).findLast((found) => found !== null);
      const why = code === undefined ? 'init said nothing' : code.meaning;
      return `${why}; its last lines: ${kept.length === 0 ? 'none' : kept.join(' | ')}`;
    },
  };
}

/** A console is a terminal's: firmware moves its cursor and sets it up. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the sequences begin with
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[ -Z\\-~])/g;

function printableLine(raw: string): string {
  return raw.replaceAll(ESCAPES, '').replaceAll(/[^ -~]/g, '');
}
