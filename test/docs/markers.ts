/**
 * Parts of a page that follow from the code stand between `<!-- generated: name -->` and `<!-- end generated -->`. What is
 * around them is written by people and left alone.
 */
const BLOCK = /<!-- generated: ([a-z0-9 -]+) -->\n[\s\S]*?<!-- end generated -->/g;

export type Blocks = Readonly<Record<string, () => string>>;

export function fillBlocks(page: string, blocks: Blocks): string {
  return page.replaceAll(BLOCK, (_, name: string) => {
    const write = blocks[name];
    if (write === undefined) throw new Error(`no part is called "${name}"`);
    return `<!-- generated: ${name} -->\n${write()}\n<!-- end generated -->`;
  });
}

/** The parts that a page asks for. */
export function blockNames(page: string): readonly string[] {
  return [...page.matchAll(BLOCK)].map(([, name]) => name as string);
}

/** A table of Markdown; what a cell says of its own with a bar is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

export function code(text: string): string {
  return `\`${text}\``;
}
