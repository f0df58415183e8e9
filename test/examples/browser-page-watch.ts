/** Runs in the browser beside the example: opens it three times in frames, presses its button, and tells what it showed. */
interface Shown {
  readonly kind: string;
  readonly state: string;
  readonly hidden: boolean;
  readonly values: string;
  readonly proven: string;
  readonly notProven: number;
}

async function main(): Promise<void> {
  const folders = (await (await fetch('/cases')).json()) as readonly string[];
  const outcome: Record<string, Shown | string> = {};
  for (const folder of folders) {
    outcome[folder] = await visit(folder).catch((error: unknown) => String(error));
  }
  await fetch('/outcome', { method: 'POST', body: JSON.stringify(outcome) });
}

async function visit(folder: string): Promise<Shown> {
  const frame = document.createElement('iframe');
  frame.src = `/${folder}/`;
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  if (page === null) throw new Error('the frame has no page');
  const find = (id: string): HTMLElement => page.getElementById(id) as HTMLElement;
  find('ask').click();
  for (;;) {
    const { dataset, textContent } = find('state');
    const kind = dataset['kind'] ?? '';
    if (kind === 'proven' || kind === 'refused') {
      return {
        kind,
        state: textContent ?? '',
        hidden: find('answer').hidden === true,
        values: find('values').textContent ?? '',
        proven: find('proven').textContent ?? '',
        notProven: find('not-proven').childElementCount,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

void main();
