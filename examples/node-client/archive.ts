import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientSuite, connect } from 'proofmark/client';
import { parseUnverifiedArchive, verifyArchive } from 'proofmark/verifier';
import { toHex } from 'proofmark/wire';
import { modelInputs } from './inputs.ts';
import { readSettings } from './settings.ts';

const { url, policy, modelId, more } = readSettings();
const [folder = 'answers'] = more;
await mkdir(folder, { recursive: true });

// Every verified answer is written before it is handed out, as <requestId>.proofmark.
const client = connect(url, { policy, archive: folder });
const inputs = modelInputs(await client.release(modelId));
const { receipt } = await client.infer({ modelId, inputs, outputs: 'all', format: 'json' });
const file = join(folder, `${toHex(receipt.requestId)}.proofmark`);

// Whoever gets that file needs nothing else: no host, no network, only a policy of its own.
const archive = parseUnverifiedArchive(new Uint8Array(await readFile(file)));
const purpose = { kind: 'live', now: Date.now() } as const;
const verdict = await verifyArchive(archive, { policy, purpose, suite: clientSuite, cache: 'none' });
console.log(`${file}: ${verdict.verdict}`);

// One changed byte of the answer, and it says so.
const body = archive.response?.body?.map((byte, index) => (index === 0 ? byte ^ 1 : byte)) ?? null;
const forged = { ...archive, response: archive.response === null ? null : { ...archive.response, body } };
const caught = await verifyArchive(forged, { policy, purpose, suite: clientSuite, cache: 'none' });
console.log(`with one bit changed: ${caught.verdict}${'code' in caught ? `, ${caught.code}` : ''}`);
