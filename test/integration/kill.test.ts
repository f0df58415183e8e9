import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientError, fetchTransport } from '../../client/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { array, base64urlBytes } from '../../wire/codec/fields.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { verifyConsistency, verifyInclusion } from '../../wire/tree/index.ts';
import {
  clientOver,
  demoCall,
  openTestStack,
  refusalOf,
  type TestStack,
  tap,
  until,
  workerProcesses,
} from '../support/stack.ts';

let stack: TestStack;

beforeAll(async () => {
  stack = await openTestStack();
}, 60_000);

afterAll(async () => {
  await stack.stop();
}, 30_000);

function only(role: 'launcher' | 'worker' | 'model'): number {
  const root = stack.supervisor.pids().worker;
  const [pid, ...more] = root === null ? [] : workerProcesses(root, role);
  if (pid === undefined || more.length > 0) throw new Error(`expected one ${role} process`);
  return pid;
}

/** Stops the model process, so that the request that follows is under way for as long as the test needs. */
async function underWay(run: () => Promise<unknown>, kill: () => void): Promise<{ code: string; ms: number }> {
  process.kill(only('model'), 'SIGSTOP');
  const refused = refusalOf(run);
  await new Promise((resolve) => setTimeout(resolve, 150));
  const killed = performance.now();
  kill();
  return { code: await refused, ms: performance.now() - killed };
}

describe('kill -9 during a request', () => {
  it('of the model process: a receipted error within a second, and the next request works', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    await client.infer(demoCall(stack));
    const { code, ms } = await underWay(
      () => client.infer(demoCall(stack)),
      () => process.kill(only('model'), 'SIGKILL'),
    );
    expect(code).toBe('answer_failed/model_crashed');
    expect(ms).toBeLessThan(1_000);
    expect((await client.infer(demoCall(stack))).receipt.status).toBe('ok');
  }, 30_000);

  it('a model that does not return: killed at its deadline, receipted, and the next request works', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    await client.infer(demoCall(stack));
    const { code } = await underWay(
      () => client.infer(demoCall(stack)),
      () => {},
    );
    expect(code).toBe('answer_failed/model_timeout');
    expect((await client.infer(demoCall(stack))).receipt.status).toBe('ok');
  }, 30_000);

  it('of the host: a typed error within a second; worker, session and log live on', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    const first = [];
    for (let i = 0; i < 12; i++) first.push((await client.infer(demoCall(stack, 1, i))).receipt);
    const before = await client.worker();
    const worker = only('worker');
    const { host } = stack.supervisor.pids();
    const { code, ms } = await underWay(
      () => client.infer(demoCall(stack)),
      () => process.kill(host as number, 'SIGKILL'),
    );
    expect(code).toMatch(/^host_unreachable\//);
    expect(ms).toBeLessThan(1_000);

    const after = await until('the next answer', () => client.infer(demoCall(stack)).catch(() => undefined));
    expect(only('worker')).toBe(worker);
    expect(toHex((await client.worker()).log)).toBe(toHex(before.log));
    expect(after.receipt.index).toBeGreaterThan(12);

    const http = fetchTransport({ url: stack.url, timeoutMs: 5_000 });
    for (const receipt of first) {
      const bundle = decodeBundle(await http.get(`/v1/receipts/${toHex(receipt.requestId)}`, 100_000));
      const head = decodeTreeHead(bundle.head);
      expect(head.size).toBeGreaterThan(receipt.head.size);
      const leafHash = sha256(leafPreimage(bundle.receipt));
      const { size, root } = head;
      expect(decodeReceipt(bundle.receipt).index).toBe(BigInt(receipt.index));
      expect(
        await verifyInclusion(nodeSuite, { leafHash, index: receipt.index, size, proof: bundle.proof, root }),
      ).toBe(true);
      const path = `/v1/log/consistency?first=${receipt.head.size}&second=${size}`;
      const { proof } = JSON.parse(new TextDecoder().decode(await http.get(path, 100_000))) as { proof: unknown };
      const claim = {
        first: receipt.head.size,
        firstRoot: receipt.head.root,
        second: size,
        secondRoot: root,
        proof: array(base64urlBytes(32), { min: 0, max: 96 })(proof, 'proof'),
      };
      expect(await verifyConsistency(nodeSuite, claim)).toBe(true);
    }
  }, 60_000);

  it('of the worker: a typed error within a second; the next call proves the new worker', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    await client.infer(demoCall(stack));
    const before = await client.worker();
    const { code, ms } = await underWay(
      () => client.infer(demoCall(stack)),
      () => process.kill(only('worker'), 'SIGKILL'),
    );
    expect(code).toBe('host_error/worker_lost');
    expect(ms).toBeLessThan(1_000);
    // The launcher's last word, from the place where the worker listened.
    await until('the last word', async () => {
      const ends = join(dirname(stack.policyFile), 'host', 'worker-ends.json');
      return existsSync(ends) && readFileSync(ends, 'utf8').includes('"status":137') ? true : undefined;
    });
    const after = await until('the next answer', () =>
      client.infer(demoCall(stack)).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ClientError);
        return undefined;
      }),
    );
    expect(toHex(after.receipt.log)).toBe(toHex(after.worker.log));
    expect(toHex(after.worker.log)).not.toBe(toHex(before.log));
    expect(toHex(after.worker.identity.sealKey)).not.toBe(toHex(before.identity.sealKey));
    expect(after.worker.attestation.measurements).toEqual(before.attestation.measurements);
  }, 60_000);

  it('receipts of the dead worker stay provable', async () => {
    const client = clientOver(tap(stack.url).host, stack.policy);
    const { receipt } = await client.infer(demoCall(stack));
    process.kill(only('worker'), 'SIGKILL');
    await until('another log', async () => {
      const log = await client.worker().then(
        ({ log }) => toHex(log),
        () => undefined,
      );
      const lost = await refusalOf(() => client.infer(demoCall(stack)));
      return log !== undefined && lost === 'accepted' && log !== toHex(receipt.log) ? log : undefined;
    });
    const http = fetchTransport({ url: stack.url, timeoutMs: 5_000 });
    const bundle = decodeBundle(await http.get(`/v1/receipts/${toHex(receipt.requestId)}`, 100_000));
    expect(toHex(decodeTreeHead(bundle.head).log)).toBe(toHex(receipt.log));
  }, 60_000);
});
