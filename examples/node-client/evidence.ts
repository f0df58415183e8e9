import { clientSuite, nodeTransport } from 'proofmark/client';
import { createChainCache, requireAccepted, verifyWorker } from 'proofmark/verifier';
import { decodeEvidence, limits, toHex } from 'proofmark/wire';
import { readSettings } from './settings.ts';

const { url, policy } = readSettings();

// A challenge of one's own, so that a recorded document cannot answer. It is used once.
const challenge = clientSuite.randomBytes(32);
const challengedAt = Date.now();
const host = nodeTransport({ url, timeoutMs: 30_000 });
const evidence = decodeEvidence(await host.get(`/v1/evidence?challenge=${toHex(challenge)}`, limits.evidenceBytes));

const verdict = await verifyWorker(evidence, {
  policy,
  challenge,
  challengedAt,
  now: Date.now(),
  suite: clientSuite,
  cache: createChainCache({ maxEntries: 64 }),
});
for (const { id, outcome, title, detail } of verdict.checks) {
  console.log(`${outcome.padEnd(11)} ${id.padEnd(16)} ${title}: ${detail}`);
}
// Without this the facts cannot be had: there is no way to use evidence that was not accepted.
const worker = requireAccepted(verdict);
console.log(`log ${toHex(worker.log)}, accepted until ${new Date(worker.acceptedUntil).toISOString()}`);
