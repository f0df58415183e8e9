import { clientOver, demoCall, openTestStack, tap } from '../support/stack.ts';
import { type Report, time } from './report.ts';

const CALLS = 300;

/** The whole process tier on this machine: time to ready, and what one call costs from the client's side. */
export async function run(report: Report): Promise<void> {
  const started = performance.now();
  const stack = await openTestStack();
  try {
    report.add('enclave.process.ready_ms', performance.now() - started);
    const client = clientOver(tap(stack.url).host, stack.policy);
    const first = performance.now();
    await client.infer(demoCall(stack));
    report.add('client.first_call_ms', performance.now() - first);
    const sealed = await time(CALLS, () => client.infer(demoCall(stack)));
    report.add('client.sealed_call.p50_ms', sealed.medianMs);
    report.add('client.sealed_call.p95_ms', sealed.p95Ms);
    const body = JSON.stringify({
      inputs: [{ name: 'input', shape: [1, 128], datatype: 'FP32', data: new Array(128).fill(0.5) }],
    });
    const plain = await time(CALLS, async () => {
      const response = await fetch(`${stack.url}/v2/models/demo-mlp/infer`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      await response.arrayBuffer();
    });
    report.add('host.plain_call.p50_ms', plain.medianMs);
    report.add('client.sealed_over_plain', sealed.medianMs / plain.medianMs);
  } finally {
    await stack.stop();
  }
}
