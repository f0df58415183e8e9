/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly body: string;
  /** What a comment before it says of why it is not run. */
  readonly notRun: string | undefined;
}

const FENCE = /^(?:<!-- not run: (.+?) -->\n\n?)?```([a-z]*)\n([\s\S]*?)^```$/gm;

export function blocksOf(page: string, text: string): readonly Block[] {
  return [...text.matchAll(FENCE)].map(({ index, 0: whole, 1: notRun, 2: language = '', 3: body = '' }) => ({
    page,
    line: text.slice(0, index + whole.indexOf('```')).split('\n').length,
    language,
    body,
    notRun,
  }));
}

/** Programs that the pages start. A block without a language that begins with none of them is a drawing or data. */
const PROGRAMS =
  /^(?:[A-Z_]+=\S+ )?(?:make|npm|npx|node|proofmark|git|cd|openssl|cat|cp|sed|curl|python3|apt-get|systemctl|forge)\b/;

export function isCommands({ language, body }: Block): boolean {
  if (['sh', 'bash', 'shell', 'console'].includes(language)) return true;
  return language === '' && PROGRAMS.test(body.trimStart());
}

/** One thing to start: a line with those that continue it, or with its here-document. */
export interface Step {
  readonly text: string;
  /** What the page says that it ends with; undefined where it says nothing, which means success. */
  readonly exitCode: number | undefined;
}

export function stepsOf(body: string): readonly Step[] {
  const steps: Step[] = [];
  const lines = body.split('\n');
  while (lines.length > 0) {
    let line = lines.shift() as string;
    while (line.endsWith('\\') && lines.length > 0) line = `${line.slice(0, -1)} ${(lines.shift() as string).trim()}`;
    const end = /<<'?(\w+)'?/.exec(line)?.[1];
    if (end !== undefined) {
      const document: string[] = [];
      while (lines.length > 0 && lines[0] !== end) document.push(lines.shift() as string);
      lines.shift();
      line = [line, ...document, end].join('\n');
    }
    const [command = '', comment = ''] = end === undefined ? line.split(/(?:^|\s+)#\s/) : [line];
    const code = /exit code (\d+)/.exec(comment)?.[1];
    if (command.trim() !== '')
      steps.push({ text: command.trim(), exitCode: code === undefined ? undefined : Number(code) });
  }
  return steps;
}
