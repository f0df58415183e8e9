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

export function createProvisionalText(write: (text: string) => void, { colours }: Style): ProvisionalText {
  let inLine = false;
  let shown = false;
  return {
    add(text) {
      if (text === '') return;
      let marked = '';
      for (const part of printableLines(text).split(/(?<=\n)/)) {
        marked += `${inLine ? '' : MARGIN}${part}`;
        inLine = !part.endsWith('\n');
      }
      shown = true;
      // Each piece by itself, so that a broken stream leaves no terminal dimmed.
      write(colours ? `${DIM}${marked}${PLAIN}` : marked);
    },
    end() {
      if (inLine) write('\n');
      inLine = false;
      return shown;
    },
  };
}

/** As `printable` does, but an answer has lines and indents. Nothing else that a terminal would obey gets through. */
function printableLines(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�');
}
