/** Lines on a terminal that are drawn again, and go away when something else is told. */
export interface DrawnLines {
  draw(lines: readonly string[]): void;
  erase(): void;
}

export function createDrawnLines(write: (text: string) => void): DrawnLines {
  let drawn = 0;
  function erase(): void {
    if (drawn > 0) write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  }
  return {
    erase,
    draw(lines) {
      erase();
      write(lines.map((line) => `${line}\n`).join(''));
      drawn = lines.length;
    },
  };
}
