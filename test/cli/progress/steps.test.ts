import { describe, expect, it } from 'vitest';
import { createSteps } from '../../../cli/progress/steps.ts';

function told(
  how: { readonly columns?: number; readonly progress?: 'shown' | 'none' },
  total?: number,
): { readonly said: readonly string[] } {
  const said: string[] = [];
  const terminal = how.columns === undefined ? 'none' : { columns: how.columns };
  const steps = createSteps({ warn: (text) => said.push(text), terminal, progress: how.progress ?? 'shown' }, total);
  steps.begin('measures');
  steps.begin('signs\u001b[2J');
  steps.end();
  steps.end();
  return { said };
}

describe('the steps of long work', () => {
  it('are a line each where there is no terminal', () => {
    expect(told({}).said).toEqual(['… measures\n', '… signs\ufffd[2J\n']);
    expect(told({}, 2).said).toEqual(['[1/2] measures\n', '[2/2] signs\ufffd[2J\n']);
  });

  it('are one line on a terminal, which is gone in the end', () => {
    const { said } = told({ columns: 80 }, 2);
    expect(said).toEqual(['[1/2] measures\n', '\u001b[1A\u001b[0J', '[2/2] signs\ufffd[2J\n', '\u001b[1A\u001b[0J']);
  });

  it('stay within the width of a terminal, or a line that is drawn again would be two', () => {
    for (const line of told({ columns: 10 }, 2).said) expect(line.length).toBeLessThanOrEqual(10);
  });

  it('are not told with --json or --quiet', () => {
    expect(told({ progress: 'none' }).said).toEqual([]);
  });
});
