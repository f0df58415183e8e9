import { describe, expect, it } from 'vitest';
import { readExposed } from '../../../cli/auditor/exposed.ts';
import { demoModel } from '../../../cli/demo-model/mlp.ts';
import { scanOnnx } from '../../../enclave/worker/model/onnx-scan.ts';
import { equalBytes } from '../../../wire/bytes.ts';

describe('a graph that shows its steps', () => {
  const bytes = demoModel().onnx;
  const graph = readExposed(bytes);

  it('has those that its nodes make, and not those that it shows anyway', () => {
    expect(graph.outputs).toEqual(['logits']);
    expect(graph.hidden.length).toBeGreaterThan(1);
    expect(graph.hidden).not.toContain('logits');
  });

  it('is the file itself where nothing is added, and passes the scan where all is', () => {
    expect(equalBytes(graph.showing([]), bytes)).toBe(true);
    const shown = graph.showing(graph.hidden);
    expect(readExposed(shown).outputs).toEqual(['logits', ...graph.hidden]);
    expect(readExposed(shown).hidden).toEqual([]);
    expect(scanOnnx(shown).operators).toEqual(scanOnnx(bytes).operators);
  });
});
