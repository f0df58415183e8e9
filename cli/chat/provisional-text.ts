import type { Style } from '../report.ts';

/** Shows what a model says while nobody has proven yet that it said it. */
export interface ProvisionalText {
  add(text: string): void;
  /** Ends the line that was begun; true where anything was shown. */
  end(): boolean;
}

/** Stands before every line of a model's: a line without it is this program's own, whatever a model says. */
const MARGIN = '│ ';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

export interface TextOptions extends Style {
  /** Undefined where lines have no end of their own. A terminal goes on below, at the edge, where no bar stands. */
  readonly columns: number | undefined;
}

export function createProvisionalText(write: (text: string) => void, options: TextOptions): ProvisionalText {
  const room = options.columns === undefined ? Infinity : Math.max(LEAST_ROOM, options.columns - MARGIN.length - 1);
  let inLine = false;
  let used = 0;
  let shown = false;

  function marked(text: string): string {
    let out = '';
    for (const character of text) {
      if (inLine && character !== '\n' && used + widthOf(character) > room) {
        out += '\n';
        inLine = false;
      }
      if (!inLine) {
        out += MARGIN;
        used = 0;
      }
      out += character;
      used += widthOf(character);
      inLine = character !== '\n';
    }
    return out;
  }

  return {
    add(text) {
      if (text === '') return;
      shown = true;
      const lines = marked(printableLines(text));
      // Each piece by itself, so that a broken stream leaves no terminal dimmed.
      write(options.colours ? `${DIM}${lines}${PLAIN}` : lines);
    },
    end() {
      if (inLine) write('\n');
      inLine = false;
      return shown;
    },
  };
}

/** For terminals that say that they have next to none. */
const LEAST_ROOM = 16;

/** At least what a terminal makes of it: a line that is broken early is harmless, one that runs over is not. */
function widthOf(character: string): number {
  if (character === '\t') return 8;
  return character >= ' ' && character <= '~' ? 1 : 2;
}

/** As `printable` does, but an answer has lines and indents. Nothing else that a terminal would obey gets through. */
function printableLines(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�');
}
